"""What the order of a log makes of the registry, one event after the other: slow, small, and without tables."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.events import (
    AnyEvent,
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionTagDeleted,
    ModelVersionTagSet,
    ModelVersionTransitioned,
    ModelVersionUpdated,
    RegisteredModelAliasDeleted,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelOwnerRemoved,
    RegisteredModelRenamed,
    RegisteredModelTagDeleted,
    RegisteredModelTagSet,
    RegisteredModelUpdated,
)


@dataclass
class Timed:
    created_ms: int
    updated_ms: int

    def touch(self, time_ms: int) -> None:
        """Times of two servers differ, and what was changed later was not changed before."""
        self.updated_ms = max(self.updated_ms, time_ms)


@dataclass
class Version(Timed):
    version_id: str
    description: str | None
    source: str
    tags: dict[str, str]
    stage: str = "None"


@dataclass
class Model(Timed):
    registered_model_id: str
    description: str
    tags: dict[str, str]
    last_version: int = 0
    versions: dict[int, Version] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    owner: int | None = None

    @property
    def is_prompt(self) -> bool:
        return self.tags.get("mlflow.prompt.is_prompt", "").lower() == "true"


@dataclass
class RegistryModel:
    """The models by their names, and the places in the history of the events that were refused."""

    models: dict[str, Model] = field(default_factory=dict)
    refused: list[int] = field(default_factory=list)


def replayed(history: Iterable[tuple[int, AnyEvent]]) -> RegistryModel:
    """What is there after events, each given with its time in milliseconds. Those of other kinds are passed over."""
    registry = RegistryModel()
    for place, (time_ms, event) in enumerate(history):
        if not _apply(registry.models, time_ms, event):
            registry.refused.append(place)
    return registry


def _apply(models: dict[str, Model], time_ms: int, event: AnyEvent) -> bool:
    """Whether the event holds."""
    match event:
        case RegisteredModelCreated(name=name):
            if name in models:
                return False
            tags = {tag.key: tag.value for tag in event.tags}
            models[name] = Model(
                time_ms, time_ms, event.registered_model_id, event.description, tags, owner=event.owner
            )
        case RegisteredModelRenamed(name=name, new_name=new_name):
            if name not in models or (new_name in models and new_name != name):
                return False
            model = models[new_name] = models.pop(name)
            for one in (model, *model.versions.values()):
                one.touch(time_ms)
        case RegisteredModelDeleted(name=name):
            return models.pop(name, None) is not None
        case (
            RegisteredModelUpdated()
            | RegisteredModelTagSet()
            | RegisteredModelTagDeleted()
            | RegisteredModelOwnerRemoved()
        ):
            return event.name in models and _change(models[event.name], time_ms, event)
        case RegisteredModelAliasDeleted() | ModelVersionCreated():
            return event.name in models and _change(models[event.name], time_ms, event)
        case (
            RegisteredModelAliasSet()
            | ModelVersionUpdated()
            | ModelVersionTransitioned()
            | ModelVersionDeleted()
            | ModelVersionTagSet()
            | ModelVersionTagDeleted()
        ):
            if event.name not in models or event.version not in models[event.name].versions:
                return False
            _change_version(models[event.name], time_ms, event)
        case _:
            pass  # of another kind
    return True


def _change(model: Model, time_ms: int, event: AnyEvent) -> bool:
    match event:
        case RegisteredModelUpdated():
            model.description = event.description
            model.touch(time_ms)
        case RegisteredModelTagSet():
            model.tags[event.key] = event.value
        case RegisteredModelTagDeleted():
            model.tags.pop(event.key, None)
        case RegisteredModelOwnerRemoved():
            model.owner = None
        case RegisteredModelAliasDeleted():
            model.aliases.pop(event.alias, None)
        case ModelVersionCreated():
            model.last_version += 1
            model.touch(time_ms)
            tags = {tag.key: tag.value for tag in event.tags}
            model.versions[model.last_version] = Version(
                time_ms, time_ms, event.version_id, event.description, event.source, tags
            )
        case _:
            raise AssertionError(event)
    return True


def _change_version(model: Model, time_ms: int, event: AnyEvent) -> None:
    match event:
        case RegisteredModelAliasSet():
            model.aliases[event.alias] = event.version
        case ModelVersionUpdated():
            model.versions[event.version].description = event.description
            model.versions[event.version].touch(time_ms)
        case ModelVersionTransitioned():
            for number, version in model.versions.items():
                if event.archive_existing and number != event.version and version.stage == event.stage:
                    version.stage = "Archived"
                    version.touch(time_ms)
            model.versions[event.version].stage = event.stage
            for one in (model, model.versions[event.version]):
                one.touch(time_ms)
        case ModelVersionDeleted():
            del model.versions[event.version]
            model.aliases = {alias: number for alias, number in model.aliases.items() if number != event.version}
            model.touch(time_ms)
        case ModelVersionTagSet():
            model.versions[event.version].tags[event.key] = event.value
        case ModelVersionTagDeleted():
            model.versions[event.version].tags.pop(event.key, None)
        case _:
            raise AssertionError(event)
