"""What commands about experiments become."""

from collections.abc import Sequence
from typing import Final

from ingest.artifact_locations import check_artifact_location
from ingest.experiments.state import KnownExperiment, require_active_experiment
from ingest.keys import check_key, repeated
from ingest.proxy_address import ProxyAddress
from schemas.artifact_uris import below
from schemas.claims import claim_of
from schemas.envelope import Actor
from schemas.errors import (
    BadRequest,
    InvalidParameterValue,
    InvalidState,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from schemas.events import (
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentRenamed,
    ExperimentRestored,
    ExperimentTagDeleted,
    ExperimentTagSet,
    Tag,
)
from schemas.messages.bounds import shown
from schemas.messages.experiments import CreateExperiment, DeleteExperimentTag, SetExperimentTag, UpdateExperiment
from schemas.messages.message import KeyValue
from schemas.mlflow import lifecycle_stage

SAVED_VIEW_TAG_PREFIX: Final = "mlflow.customView.view"
MAX_SAVED_VIEWS: Final = 50
"""The page keeps each saved view in a tag of its experiment; MLflow stops at so many."""

REPEAT_WITHIN_MS: Final = 120_000
"""Clients repeat for about a minute. It is a rough bound: two processes, with two clocks, may take the two requests."""


def check_create(command: CreateExperiment, artifact_root: str, reached_at: ProxyAddress | None = None) -> None:
    """Refuse what is wrong whatever the state. Raises InvalidParameterValue or BadRequest."""
    check_name(command.name)
    if command.artifact_location:
        check_artifact_location(command.artifact_location, artifact_root, reached_at)
    for tag in command.tags:
        check_key(tag.key, "key")
    if again := repeated(tag.key for tag in command.tags):
        raise BadRequest(f"Tag '{again[0]}' is given twice.")
    if sum(tag.key.startswith(SAVED_VIEW_TAG_PREFIX) for tag in command.tags) > MAX_SAVED_VIEWS:
        raise _too_many_saved_views()


def create(
    command: CreateExperiment,
    holder: KnownExperiment | None,
    experiment_id: int,
    artifact_root: str,
    owner: int | None = None,
) -> ExperimentCreated:
    """`holder` is the experiment that has the name now, `owner` the user who asks. Raises ResourceAlreadyExists."""
    if holder is not None:
        stage = lifecycle_stage(holder.active)
        raise ResourceAlreadyExists(
            f"Experiment '{command.name}' already exists: it is the {stage} experiment {holder.experiment_id}."
        )
    return ExperimentCreated(
        experiment_id=experiment_id,
        name=command.name,
        artifact_location=command.artifact_location or below(artifact_root, str(experiment_id)),
        tags=_tags(command.tags),
        awaits_acknowledgement=True,
        owner=owner,
    )


def check_name(name: str) -> None:
    """Refuse a name of blanks. Raises InvalidParameterValue. Source: MLflow 3.18."""
    if not name.strip():
        raise InvalidParameterValue(f"Invalid experiment name: {shown(name)}")


def is_repeat(
    command: CreateExperiment, holder: KnownExperiment, artifact_root: str, actor: Actor, now_ms: int
) -> bool:
    """Whether `command` may be the one that created the holder of its name, sent again because it had no answer.

    Of the same actor, with the same content, within REPEAT_WITHIN_MS, while no creation of the holder is acknowledged.
    """
    if holder.claim is None or not holder.active or now_ms - holder.creation_time_ms > REPEAT_WITHIN_MS:
        return False
    return holder.claim == claim_of(actor, create(command, None, holder.experiment_id, artifact_root))


def rename(command: UpdateExperiment, experiment: KnownExperiment, holder: KnownExperiment | None) -> ExperimentRenamed:
    """`holder` is the experiment that has the new name now. Raises InvalidState or BadRequest."""
    if not experiment.active:
        raise InvalidState(
            f"Experiment {experiment.experiment_id} is deleted; only an active experiment can be renamed."
        )
    if holder is not None and holder.experiment_id != experiment.experiment_id:
        raise BadRequest(f"Experiment '{command.new_name}' already exists: it is experiment {holder.experiment_id}.")
    return ExperimentRenamed(experiment_id=experiment.experiment_id, name=command.new_name)


def delete(experiment: KnownExperiment) -> ExperimentDeleted:
    """Raises ResourceDoesNotExist."""
    if not experiment.active:
        raise ResourceDoesNotExist(f"There is no active experiment {experiment.experiment_id}; it is deleted.")
    return ExperimentDeleted(experiment_id=experiment.experiment_id)


def restore(experiment: KnownExperiment) -> ExperimentRestored:
    """Raises ResourceDoesNotExist."""
    if experiment.active:
        raise ResourceDoesNotExist(f"There is no deleted experiment {experiment.experiment_id}; it is active.")
    return ExperimentRestored(experiment_id=experiment.experiment_id)


def check_set_tag(command: SetExperimentTag) -> None:
    """Refuse what is wrong whatever the state. Raises InvalidParameterValue."""
    check_key(command.key, "key")


def set_tag(command: SetExperimentTag, experiment: KnownExperiment, saved_views: Sequence[str]) -> ExperimentTagSet:
    """`saved_views` are the keys of the saved views there are. Raises InvalidParameterValue."""
    require_active_experiment(experiment)
    if len(saved_views) >= MAX_SAVED_VIEWS and is_saved_view(command.key) and command.key not in saved_views:
        raise _too_many_saved_views()
    return ExperimentTagSet(experiment_id=experiment.experiment_id, key=command.key, value=command.value)


def delete_tag(command: DeleteExperimentTag, experiment: KnownExperiment, *, is_set: bool) -> ExperimentTagDeleted:
    """Raises InvalidParameterValue or ResourceDoesNotExist."""
    require_active_experiment(experiment)
    if not is_set:
        raise ResourceDoesNotExist(f"No tag with name: {command.key} in experiment with id {experiment.experiment_id}")
    return ExperimentTagDeleted(experiment_id=experiment.experiment_id, key=command.key)


def is_saved_view(key: str) -> bool:
    return key.startswith(SAVED_VIEW_TAG_PREFIX)


def _tags(tags: Sequence[KeyValue]) -> list[Tag]:
    return [Tag(tag.key, tag.value) for tag in tags]


def _too_many_saved_views() -> InvalidParameterValue:
    return InvalidParameterValue(
        f"An experiment may have at most {MAX_SAVED_VIEWS} saved views; delete one to make room."
    )
