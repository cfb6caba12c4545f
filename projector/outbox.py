"""The outbox: what there is to tell webhooks of, at the position of the event that said it.

It is filled in the commit that folds the event, so nothing is told that the fold refused, and nothing is forgotten. A
rebuild fills it with the same rows.

Whether a model is a prompt is asked as MLflow asks it: of a new version by the tags that it comes with, of everything
else by the model, as it is when the event is folded. Source: MLflow 3.17.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from projector.changes import Row
from projector.projections.experiments import Experiments
from projector.projections.registered_models import Registry
from projector.projections.runs import Runs
from schemas.envelope import RecordedEvent
from schemas.events import (
    ExperimentDeleted,
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionRestored,
    ModelVersionTagDeleted,
    ModelVersionTagSet,
    ModelVersionTransitioned,
    ModelVersionUpdated,
    RegisteredModelAliasDeleted,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelRenamed,
    RegisteredModelRestored,
    RegisteredModelTagDeleted,
    RegisteredModelTagSet,
    RegisteredModelUpdated,
    RunUpdated,
    Tag,
)
from schemas.mlflow import IS_PROMPT_TAG, PROMPT_TEXT_TAG, PROMPT_TYPE_TAG, is_prompt_marker
from schemas.webhook_events import (
    AliasDeletedData,
    AliasSetData,
    ChangedStageData,
    CreatedModelData,
    CreatedModelVersionData,
    CreatedPromptVersionData,
    Data,
    DeletedExperimentData,
    DeletedModelData,
    DeletedVersionData,
    EndedRunData,
    ModelTagDeletedData,
    ModelTagSetData,
    RenamedModelData,
    UpdatedModelData,
    UpdatedVersionData,
    VersionTagDeletedData,
    VersionTagSetData,
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a webhook is told: the name of an announcement, and the data of its payload."""

    name: str
    data: Data


def _nothing(state: Any, event: Any) -> None:
    """What most announcements need of the state before the fold."""


@dataclass(frozen=True, slots=True)
class Announcer:
    """Tells of the events of one type; `tell` answers None where there is nothing to tell.

    `look` takes from the projection's state before the fold what is gone after it. It is asked also of events that the
    fold then refuses.
    """

    tell: Callable[[Any, Any, Any], Said | None]
    """From the state after the fold, the event, and what `look` took."""
    look: Callable[[Any, Any], Any] = _nothing


def outbox_row(recorded: RecordedEvent, said: Said) -> Row:
    data = msgspec.json.encode(said.data).decode()
    return (recorded.partition, recorded.offset, said.name, recorded.stream, recorded.time_us, data)


# --- registered models and prompts ------------------------------------------------------------------------------------


def _named(registry: Registry, name: str, of_prompt: str, of_model: str) -> str:
    """The one of two names that is for what the model `name` is."""
    return of_prompt if registry.models[name].is_prompt else of_model


def _model_created(registry: Registry, event: RegisteredModelCreated | RegisteredModelRestored, _: None) -> Said:
    """What was deleted and is there again is told of as what is new: who listens knows no more of it."""
    name = _named(registry, event.name, "prompt.created", "registered_model.created")
    hidden = (IS_PROMPT_TAG, PROMPT_TYPE_TAG) if name == "prompt.created" else ()
    data = CreatedModelData(name=event.name, tags=_tags(event.tags, hidden), description=event.description)
    return Said(name, data)


def _model_updated(registry: Registry, event: RegisteredModelUpdated, _: None) -> Said:
    name = _named(registry, event.name, "prompt.updated", "registered_model.updated")
    return Said(name, UpdatedModelData(name=event.name, description=event.description))


def _model_renamed(registry: Registry, event: RegisteredModelRenamed, _: None) -> Said | None:
    if event.new_name == event.name:
        return None
    name = _named(registry, event.new_name, "prompt.renamed", "registered_model.renamed")
    return Said(name, RenamedModelData(name=event.name, new_name=event.new_name))


def _was_prompt(registry: Registry, event: RegisteredModelDeleted) -> bool:
    model = registry.models.get(event.name)
    return model is not None and bool(model.is_prompt)


def _model_deleted(registry: Registry, event: RegisteredModelDeleted, was_prompt: bool) -> Said:
    name = "prompt.deleted" if was_prompt else "registered_model.deleted"
    return Said(name, DeletedModelData(name=event.name))


def _model_tag_set(registry: Registry, event: RegisteredModelTagSet, _: None) -> Said:
    name = _named(registry, event.name, "prompt_tag.set", "registered_model_tag.set")
    return Said(name, ModelTagSetData(name=event.name, key=event.key, value=event.value))


def _model_tag_deleted(registry: Registry, event: RegisteredModelTagDeleted, _: None) -> Said:
    name = _named(registry, event.name, "prompt_tag.deleted", "registered_model_tag.deleted")
    return Said(name, ModelTagDeletedData(name=event.name, key=event.key))


def _alias_set(registry: Registry, event: RegisteredModelAliasSet, _: None) -> Said:
    name = _named(registry, event.name, "prompt_alias.created", "model_version_alias.created")
    return Said(name, AliasSetData(name=event.name, alias=event.alias, version=str(event.version)))


def _alias_deleted(registry: Registry, event: RegisteredModelAliasDeleted, _: None) -> Said:
    name = _named(registry, event.name, "prompt_alias.deleted", "model_version_alias.deleted")
    return Said(name, AliasDeletedData(name=event.name, alias=event.alias))


# --- their versions ---------------------------------------------------------------------------------------------------


def _version_created(registry: Registry, event: ModelVersionCreated | ModelVersionRestored, _: None) -> Said:
    number = event.version if isinstance(event, ModelVersionRestored) else registry.models[event.name].last_version
    version = str(number)
    description = event.description or None
    if any(is_prompt_marker(tag.key, tag.value) for tag in event.tags):
        prompt = CreatedPromptVersionData(
            name=event.name,
            version=version,
            template=next((tag.value for tag in event.tags if tag.key == PROMPT_TEXT_TAG), None),
            tags=_tags(event.tags, (IS_PROMPT_TAG, PROMPT_TYPE_TAG, PROMPT_TEXT_TAG)),
            description=description,
        )
        return Said("prompt_version.created", prompt)
    model = CreatedModelVersionData(
        name=event.name,
        version=version,
        source=event.source,
        run_id=event.run_id or None,
        tags=_tags(event.tags),
        description=description,
    )
    return Said("model_version.created", model)


def _version_updated(registry: Registry, event: ModelVersionUpdated, _: None) -> Said:
    name = _named(registry, event.name, "prompt_version.updated", "model_version.updated")
    data = UpdatedVersionData(name=event.name, version=str(event.version), description=event.description)
    return Said(name, data)


@dataclass(frozen=True, slots=True)
class _Room:
    """What a version leaves and takes: the stage in which it is, and those that will be archived for it."""

    from_stage: str
    archived: list[int]


def _stages(registry: Registry, event: ModelVersionTransitioned) -> _Room | None:
    model = registry.models.get(event.name)
    versions = {} if model is None else registry.versions[model.registered_model_id]
    if event.version not in versions:
        return None
    others = [one for one in versions.values() if one.version != event.version and one.current_stage == event.stage]
    archived = sorted(one.version for one in others) if event.archive_existing else []
    return _Room(versions[event.version].current_stage, archived)


def _stage_changed(registry: Registry, event: ModelVersionTransitioned, before: _Room) -> Said | None:
    """Of a prompt nothing is told: stages are of models."""
    if registry.models[event.name].is_prompt:
        return None
    data = ChangedStageData(
        name=event.name,
        version=str(event.version),
        from_stage=before.from_stage,
        to_stage=event.stage,
        archived_versions=[str(version) for version in before.archived],
    )
    return Said("model_version.stage_changed", data)


def _version_deleted(registry: Registry, event: ModelVersionDeleted, _: None) -> Said:
    name = _named(registry, event.name, "prompt_version.deleted", "model_version.deleted")
    return Said(name, DeletedVersionData(name=event.name, version=str(event.version)))


def _version_tag_set(registry: Registry, event: ModelVersionTagSet, _: None) -> Said:
    name = _named(registry, event.name, "prompt_version_tag.set", "model_version_tag.set")
    data = VersionTagSetData(name=event.name, version=str(event.version), key=event.key, value=event.value)
    return Said(name, data)


def _version_tag_deleted(registry: Registry, event: ModelVersionTagDeleted, _: None) -> Said:
    name = _named(registry, event.name, "prompt_version_tag.deleted", "model_version_tag.deleted")
    return Said(name, VersionTagDeletedData(name=event.name, version=str(event.version), key=event.key))


def _tags(tags: Sequence[Tag], hidden: Sequence[str] = ()) -> dict[str, str]:
    return {tag.key: tag.value for tag in tags if tag.key not in hidden}


# --- runs and experiments ---------------------------------------------------------------------------------------------

_ENDED: Final = {"FINISHED": "run.finished", "FAILED": "run.failed", "KILLED": "run.killed"}
"""What is told of a run that comes to a status."""


def _status(state: Runs, event: RunUpdated) -> str | None:
    run = state.runs.get(event.run_id)
    return None if run is None else run.status


def _run_updated(state: Runs, event: RunUpdated, status_before: str) -> Said | None:
    run = state.runs[event.run_id]
    name = None if run.status == status_before else _ENDED.get(run.status)
    if name is None:
        return None
    data = EndedRunData(
        run_id=run.run_id,
        run_name=run.name,
        experiment_id=str(run.experiment_id),
        status=run.status,
        start_time=run.start_time_ms,
        end_time=run.end_time_ms,
    )
    return Said(name, data)


def _experiment_deleted(state: Experiments, event: ExperimentDeleted, _: None) -> Said:
    name = state.experiments[event.experiment_id].name
    return Said("experiment.deleted", DeletedExperimentData(experiment_id=str(event.experiment_id), name=name))


ANNOUNCERS: Final[dict[type, Announcer]] = {
    RegisteredModelCreated: Announcer(_model_created),
    RegisteredModelUpdated: Announcer(_model_updated),
    RegisteredModelRenamed: Announcer(_model_renamed),
    RegisteredModelDeleted: Announcer(_model_deleted, _was_prompt),
    RegisteredModelRestored: Announcer(_model_created),
    RegisteredModelTagSet: Announcer(_model_tag_set),
    RegisteredModelTagDeleted: Announcer(_model_tag_deleted),
    RegisteredModelAliasSet: Announcer(_alias_set),
    RegisteredModelAliasDeleted: Announcer(_alias_deleted),
    ModelVersionCreated: Announcer(_version_created),
    ModelVersionUpdated: Announcer(_version_updated),
    ModelVersionTransitioned: Announcer(_stage_changed, _stages),
    ModelVersionDeleted: Announcer(_version_deleted),
    ModelVersionRestored: Announcer(_version_created),
    ModelVersionTagSet: Announcer(_version_tag_set),
    ModelVersionTagDeleted: Announcer(_version_tag_deleted),
    RunUpdated: Announcer(_run_updated, _status),
    ExperimentDeleted: Announcer(_experiment_deleted),
}
"""By type of event. Webhooks are told of no other: what is logged to a run is looked up here, and that is all."""
