"""The projection of registered models, their versions, aliases and tags.

Their names are unique and versions get their numbers here, so every event that another may come before is decided
here, in the order of the log: a create of a name that is taken, a change of what is gone, the archiving of what is in a
stage.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import Final, TypeAlias, get_args

from projector.changes import Change, Delete, DeleteBy, Read, ReadPairs, Row, Upsert
from projector.projection import Loading, Projection
from schemas.envelope import RecordedEvent
from schemas.errors import ResourceAlreadyExists, ResourceConflict
from schemas.events import (
    AnyModelVersionEvent,
    AnyRegisteredModelEvent,
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
    RegisteredModelOwnerRemoved,
    RegisteredModelRenamed,
    RegisteredModelRestored,
    RegisteredModelTagDeleted,
    RegisteredModelTagSet,
    RegisteredModelUpdated,
)
from schemas.fields import refuse_if_changed
from schemas.fields.field import ALIASES, DESCRIPTION, NAME, TAGS, Value
from schemas.fields.registered_models import LAST_VERSION, ORIGIN, model_origin, version_and_field, version_origin
from schemas.messages.model_versions import model_version_not_found
from schemas.messages.registered_models import registered_model_not_found
from schemas.mlflow import ARCHIVED, IS_PROMPT_TAG, NEW_MODEL_VERSION_STAGE, is_prompt_marker

AnyRegistryEvent: TypeAlias = AnyRegisteredModelEvent | AnyModelVersionEvent


@dataclass(slots=True)
class RegisteredModel:
    """A row of `registered_models`. `is_stored`: it is in the tables."""

    registered_model_id: str
    name: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    description: str
    is_prompt: int
    last_version: int
    name_since: int
    is_stored: bool = False


@dataclass(slots=True)
class ModelVersion:
    """A row of `model_versions`."""

    version_id: str
    registered_model_id: str
    name: str
    version: int
    is_prompt: int
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    current_stage: str
    description: str | None
    source: str
    storage_location: str
    run_id: str
    run_link: str
    logged_model_id: str
    is_stored: bool = False

    @property
    def reference(self) -> str:
        return f"{self.name}/{self.version}"


@dataclass(slots=True)
class Alias:
    """A row of `registered_model_aliases`."""

    registered_model_id: str
    alias: str
    version_id: str
    version: int


@dataclass(slots=True)
class DeletedModel:
    """A row of `deleted_registered_models`: what a model that comes back goes on with."""

    registered_model_id: str
    last_version: int
    name_since: int


@dataclass(slots=True)
class Registry:
    """The models, versions and aliases that a batch is about, and what it changes of them.

    Of a model that is renamed, deleted, or becomes a prompt or a model, all versions are here.
    """

    models: dict[str, RegisteredModel] = field(default_factory=dict)  # by name
    versions: defaultdict[str, dict[int, ModelVersion]] = field(default_factory=lambda: defaultdict(dict))  # by model
    aliases: defaultdict[str, dict[str, Alias]] = field(default_factory=lambda: defaultdict(dict))  # by model
    changed_models: dict[str, RegisteredModel] = field(default_factory=dict)
    changed_versions: dict[str, ModelVersion] = field(default_factory=dict)
    changed_aliases: dict[tuple[str, str], Alias | None] = field(default_factory=dict)  # None deletes
    renamed: set[str] = field(default_factory=set)  # models in the tables under another name
    deleted_models: set[str] = field(default_factory=set)
    remembered: dict[str, DeletedModel] = field(default_factory=dict)  # those that are deleted, of which one comes back
    changed_memory: dict[str, DeletedModel | None] = field(default_factory=dict)  # None deletes
    deleted_versions: set[str] = field(default_factory=set)
    model_tags: dict[tuple[str, str], str | None] = field(default_factory=dict)  # changes only; None deletes
    owners: dict[str, int | None] = field(default_factory=dict)  # changes only; None deletes
    version_tags: dict[tuple[str, str], str | None] = field(default_factory=dict)
    stored_tags: dict[tuple[str, str], str] = field(default_factory=dict)  # of models and versions, which an undo found
    former_names: list[Row] = field(default_factory=list)  # rows of `registered_model_names`


_MODEL: Final = (
    "registered_model_id",
    "name",
    "creation_timestamp_ms",
    "last_updated_timestamp_ms",
    "description",
    "is_prompt",
    "last_version",
    "name_since",
)
_VERSION: Final = (
    "version_id",
    "registered_model_id",
    "name",
    "version",
    "is_prompt",
    "creation_timestamp_ms",
    "last_updated_timestamp_ms",
    "current_stage",
    "description",
    "source",
    "storage_location",
    "run_id",
    "run_link",
    "logged_model_id",
)
_DELETED: Final = ("registered_model_id", "last_version", "name_since")
_MODEL_ROW: Final = attrgetter(*_MODEL)
_VERSION_ROW: Final = attrgetter(*_VERSION[:4], "reference", *_VERSION[4:])
_DELETED_ROW: Final = attrgetter(*_DELETED)
"""Whole rows, in the order of the tables' columns."""

_ALIAS: Final = ("registered_model_id", "alias", "version_id", "version")

_NUMBERED: Final = (
    ModelVersionUpdated,
    ModelVersionTransitioned,
    ModelVersionDeleted,
    ModelVersionRestored,
    ModelVersionTagSet,
    ModelVersionTagDeleted,
    RegisteredModelAliasSet,
)
"""Events about a version that has its number, or gets it back."""


# --- what a batch has to read -----------------------------------------------------------------------------------------


def _load(events: Sequence[AnyRegistryEvent]) -> Loading[Registry]:
    registry = Registry()
    names = {event.name for event in events}
    names.update(event.new_name for event in events if isinstance(event, RegisteredModelRenamed))
    _add_models(registry, (yield Read("registered_models", _MODEL, "name", names)))
    restored = {event.registered_model_id for event in events if isinstance(event, RegisteredModelRestored)}
    if restored:
        _add_models(registry, (yield Read("registered_models", _MODEL, "registered_model_id", restored)))
        for row in (yield Read("deleted_registered_models", _DELETED, "registered_model_id", restored)):
            deleted = DeletedModel(*row)
            registry.remembered[deleted.registered_model_id] = deleted
    ids = {name: model.registered_model_id for name, model in registry.models.items()}
    whole = _needed_whole(events, ids)
    _add_versions(registry, (yield Read("model_versions", _VERSION, "registered_model_id", whole)))
    numbers: dict[str, set[int]] = defaultdict(set)
    stages: dict[str, set[str]] = defaultdict(set)
    of_aliases = set(whole)
    for event in events:
        registered_model_id = ids.get(event.name)
        if registered_model_id is None:
            continue
        if isinstance(event, _NUMBERED) and registered_model_id not in whole:
            numbers[registered_model_id].add(event.version)
            if isinstance(event, ModelVersionTransitioned) and event.archive_existing:
                stages[registered_model_id].add(event.stage)
        if isinstance(event, RegisteredModelAliasSet | RegisteredModelAliasDeleted | ModelVersionDeleted):
            of_aliases.add(registered_model_id)
    by_number = ("registered_model_id", "version")
    _add_versions(registry, (yield ReadPairs("model_versions", _VERSION, by_number, numbers)))
    by_stage = ("registered_model_id", "current_stage")
    _add_versions(registry, (yield ReadPairs("model_versions", _VERSION, by_stage, stages)))
    for row in (yield Read("registered_model_aliases", _ALIAS, "registered_model_id", of_aliases)):
        alias = Alias(*row)
        registry.aliases[alias.registered_model_id][alias.alias] = alias
    if any(event.undo is not None for event in events):
        yield from _load_found_tags(registry, events)
    return registry


def _load_found_tags(registry: Registry, events: Sequence[AnyRegistryEvent]) -> Loading[None]:
    """The tags that events say they found, into `stored_tags`.

    Those of every model of the batch: after a rename the events name a model in two ways.
    """
    found = {name for event in events if event.undo is not None for name in event.undo.found}
    of_models: dict[str, set[str]] = defaultdict(set)
    of_versions: dict[str, set[str]] = defaultdict(set)
    for model in registry.models.values():
        for name in found:
            number, field_name = version_and_field(name) or (None, name)
            if not field_name.startswith(TAGS):
                continue
            if number is None:
                of_models[model.registered_model_id].add(field_name.removeprefix(TAGS))
            elif (version := registry.versions[model.registered_model_id].get(number)) is not None:
                of_versions[version.version_id].add(field_name.removeprefix(TAGS))
    for table, owner, wanted in (
        ("registered_model_tags", "registered_model_id", of_models),
        ("model_version_tags", "version_id", of_versions),
    ):
        for owner_id, key, value in (yield ReadPairs(table, (owner, "key", "value"), (owner, "key"), wanted)):
            registry.stored_tags[owner_id, key] = value


def _needed_whole(events: Sequence[AnyRegistryEvent], ids: dict[str, str]) -> set[str]:
    """The models of which every version may change. After a rename the events name a model in two ways."""
    if any(isinstance(event, RegisteredModelRenamed) for event in events):
        return set(ids.values())
    return {ids[event.name] for event in events if event.name in ids and _changes_every_version(event)}


def _changes_every_version(event: AnyRegistryEvent) -> bool:
    match event:
        case RegisteredModelDeleted():
            return True
        case RegisteredModelTagSet() | RegisteredModelTagDeleted():
            return event.key == IS_PROMPT_TAG
        case _:
            return False


def _add_models(registry: Registry, rows: Sequence[Row]) -> None:
    for row in rows:
        model = RegisteredModel(*row)
        model.is_stored = True
        registry.models.setdefault(model.name, model)


def _add_versions(registry: Registry, rows: Sequence[Row]) -> None:
    for row in rows:
        version = ModelVersion(*row)
        version.is_stored = True
        registry.versions[version.registered_model_id].setdefault(version.version, version)


# --- the fold ---------------------------------------------------------------------------------------------------------


def _fold(registry: Registry, recorded: RecordedEvent, event: AnyRegistryEvent) -> None:
    time_ms = recorded.time_us // 1000
    if event.undo is not None and not isinstance(event, RegisteredModelRestored):
        refuse_if_changed(event.undo, partial(_held, registry, _model(registry, event.name)))
    match event:
        case RegisteredModelCreated():
            _create_model(registry, event, time_ms, recorded.offset)
        case RegisteredModelUpdated():
            model = _model(registry, event.name)
            model.description = event.description
            _touch(registry, model, time_ms)
        case RegisteredModelRenamed():
            _rename(registry, event, time_ms, recorded.offset)
        case RegisteredModelDeleted():
            _delete_model(registry, _model(registry, event.name))
        case RegisteredModelRestored():
            _restore_model(registry, event, time_ms, recorded.offset)
        case RegisteredModelTagSet():
            model = _model(registry, event.name)
            registry.model_tags[model.registered_model_id, event.key] = event.value
            if event.key == IS_PROMPT_TAG:
                _mark(registry, model, is_prompt=is_prompt_marker(event.key, event.value))
        case RegisteredModelTagDeleted():
            model = _model(registry, event.name)
            registry.model_tags[model.registered_model_id, event.key] = None
            if event.key == IS_PROMPT_TAG:
                _mark(registry, model, is_prompt=False)
        case RegisteredModelAliasSet():
            _set_alias(registry, _version(registry, event.name, event.version), event.alias)
        case RegisteredModelAliasDeleted():
            _delete_alias(registry, _model(registry, event.name).registered_model_id, event.alias)
        case RegisteredModelOwnerRemoved():
            registry.owners[_model(registry, event.name).registered_model_id] = None
        case ModelVersionCreated():
            _create_version(registry, event, time_ms)
        case ModelVersionUpdated():
            version = _version(registry, event.name, event.version)
            version.description = event.description
            _touch_version(registry, version, time_ms)
        case ModelVersionTransitioned():
            _transition(registry, event, time_ms)
        case ModelVersionDeleted():
            version = _version(registry, event.name, event.version)
            _touch(registry, _model(registry, event.name), time_ms)
            _delete_version(registry, version)
        case ModelVersionRestored():
            _restore_version(registry, event, time_ms)
        case ModelVersionTagSet():
            version = _version(registry, event.name, event.version)
            registry.version_tags[version.version_id, event.key] = event.value
        case ModelVersionTagDeleted():
            version = _version(registry, event.name, event.version)
            registry.version_tags[version.version_id, event.key] = None


def _held(registry: Registry, model: RegisteredModel, name: str) -> Value:
    """What a field of a model is, of those that an event of the batch says that it found."""
    of_version = version_and_field(name)
    if of_version is not None:
        version = registry.versions[model.registered_model_id].get(of_version[0])
        return None if version is None else _held_by_version(registry, version, of_version[1])
    if name.startswith(TAGS):
        return _held_tag(registry.model_tags, registry, model.registered_model_id, name)
    if name.startswith(ALIASES):
        alias = registry.aliases[model.registered_model_id].get(name.removeprefix(ALIASES))
        return None if alias is None else alias.version
    match name:
        case _ if name == NAME:
            return model.name
        case _ if name == DESCRIPTION:
            return model.description
        case _ if name == LAST_VERSION:
            return model.last_version
        case _:
            return model_origin(model.registered_model_id, model.creation_timestamp_ms)


def _held_by_version(registry: Registry, version: ModelVersion, name: str) -> Value:
    if name.startswith(TAGS):
        return _held_tag(registry.version_tags, registry, version.version_id, name)
    if name == ORIGIN:
        return version_origin(
            version.version_id,
            version.creation_timestamp_ms,
            version.source,
            version.storage_location,
            version.run_id,
            version.run_link,
            version.logged_model_id,
        )
    return version.description if name == DESCRIPTION else version.current_stage


def _held_tag(changes: Mapping[tuple[str, str], str | None], registry: Registry, owner_id: str, name: str) -> Value:
    tag = owner_id, name.removeprefix(TAGS)
    return changes[tag] if tag in changes else registry.stored_tags.get(tag)


def _model(registry: Registry, name: str) -> RegisteredModel:
    model = registry.models.get(name)
    if model is None:
        raise registered_model_not_found(name)
    return model


def _version(registry: Registry, name: str, number: int) -> ModelVersion:
    model = registry.models.get(name)
    version = None if model is None else registry.versions[model.registered_model_id].get(number)
    if version is None:
        raise model_version_not_found(name, number)
    return version


def _create_model(registry: Registry, event: RegisteredModelCreated, time_ms: int, offset: int) -> None:
    """The first claim of a name wins."""
    if event.name in registry.models:
        raise ResourceAlreadyExists(f"Registered Model (name={event.name}) already exists.")
    is_prompt = any(is_prompt_marker(tag.key, tag.value) for tag in event.tags)
    model = RegisteredModel(
        event.registered_model_id,
        event.name,
        time_ms,
        time_ms,
        event.description,
        int(is_prompt),
        last_version=0,
        name_since=offset,
    )
    registry.models[event.name] = registry.changed_models[model.registered_model_id] = model
    for tag in event.tags:
        registry.model_tags[model.registered_model_id, tag.key] = tag.value
    if event.owner is not None:
        registry.owners[model.registered_model_id] = event.owner


def _restore_model(registry: Registry, event: RegisteredModelRestored, time_ms: int, offset: int) -> None:
    """A model is there once, under whichever name.

    Its versions are numbered on from the last that it ever had, also where it was restored, got more of them and was
    deleted again since the event was planned; and it still had its former names.
    """
    if any(model.registered_model_id == event.registered_model_id for model in registry.models.values()):
        raise ResourceConflict("Nothing was undone: the registered model was restored meanwhile.")
    if event.name in registry.models:
        raise ResourceAlreadyExists(f"Registered Model (name={event.name}) already exists.")
    deleted = registry.remembered.pop(event.registered_model_id, None)
    if deleted is None:  # in a fold of some streams alone
        deleted = DeletedModel(event.registered_model_id, event.last_version, offset)
    registry.changed_memory[event.registered_model_id] = None
    model = RegisteredModel(
        event.registered_model_id,
        event.name,
        event.creation_time_ms,
        time_ms,
        event.description,
        int(any(is_prompt_marker(tag.key, tag.value) for tag in event.tags)),
        last_version=max(event.last_version, deleted.last_version),
        name_since=deleted.name_since,
    )
    registry.models[event.name] = registry.changed_models[model.registered_model_id] = model
    for tag in event.tags:
        registry.model_tags[model.registered_model_id, tag.key] = tag.value


def _rename(registry: Registry, event: RegisteredModelRenamed, time_ms: int, offset: int) -> None:
    model = _model(registry, event.name)
    if event.new_name != event.name:
        if event.new_name in registry.models:
            raise ResourceAlreadyExists(f"Registered Model (name={event.new_name}) already exists.")
        registry.former_names.append((event.new_name, offset, event.name, model.name_since))
        model.name_since = offset
    del registry.models[event.name]
    registry.models[event.new_name] = model
    model.name = event.new_name
    registry.renamed.add(model.registered_model_id)
    _touch(registry, model, time_ms)
    for version in registry.versions[model.registered_model_id].values():
        version.name = event.new_name
        _touch_version(registry, version, time_ms)
    for alias in registry.aliases[model.registered_model_id].values():
        registry.changed_aliases[model.registered_model_id, alias.alias] = alias


def _delete_model(registry: Registry, model: RegisteredModel) -> None:
    del registry.models[model.name]
    registry.changed_models.pop(model.registered_model_id, None)
    for version in list(registry.versions[model.registered_model_id].values()):
        _delete_version(registry, version)
    for alias in list(registry.aliases[model.registered_model_id]):
        _delete_alias(registry, model.registered_model_id, alias)
    _forget_tags(registry, registry.model_tags, model.registered_model_id)
    registry.owners[model.registered_model_id] = None
    deleted = DeletedModel(model.registered_model_id, model.last_version, model.name_since)
    registry.remembered[model.registered_model_id] = registry.changed_memory[model.registered_model_id] = deleted
    if model.is_stored:
        registry.deleted_models.add(model.registered_model_id)


def _mark(registry: Registry, model: RegisteredModel, *, is_prompt: bool) -> None:
    """A model is a prompt, or a prompt a model. No tag moves a timestamp."""
    if model.is_prompt == is_prompt:
        return
    model.is_prompt = int(is_prompt)
    registry.changed_models[model.registered_model_id] = model
    for version in registry.versions[model.registered_model_id].values():
        version.is_prompt = model.is_prompt
        registry.changed_versions[version.version_id] = version


def _set_alias(registry: Registry, version: ModelVersion, name: str) -> None:
    alias = Alias(version.registered_model_id, name, version.version_id, version.version)
    registry.aliases[version.registered_model_id][name] = alias
    registry.changed_aliases[version.registered_model_id, name] = alias


def _delete_alias(registry: Registry, registered_model_id: str, name: str) -> None:
    if registry.aliases[registered_model_id].pop(name, None) is not None:
        registry.changed_aliases[registered_model_id, name] = None


def _create_version(registry: Registry, event: ModelVersionCreated, time_ms: int) -> None:
    model = _model(registry, event.name)
    _touch(registry, model, time_ms)
    model.last_version += 1
    _add_version(registry, model, event, model.last_version, time_ms, time_ms, NEW_MODEL_VERSION_STAGE)


def _restore_version(registry: Registry, event: ModelVersionRestored, time_ms: int) -> None:
    model = _model(registry, event.name)
    versions = registry.versions[model.registered_model_id]
    if model.registered_model_id != event.registered_model_id or event.version in versions:
        raise ResourceConflict(f"Nothing was undone: version {event.version} of '{event.name}' is another's meanwhile.")
    _touch(registry, model, time_ms)
    model.last_version = max(model.last_version, event.version)
    _add_version(registry, model, event, event.version, event.creation_time_ms, time_ms, event.stage)


def _add_version(
    registry: Registry,
    model: RegisteredModel,
    event: ModelVersionCreated | ModelVersionRestored,
    number: int,
    creation_time_ms: int,
    time_ms: int,
    stage: str,
) -> None:
    version = ModelVersion(
        event.version_id,
        model.registered_model_id,
        model.name,
        number,
        model.is_prompt,
        creation_timestamp_ms=creation_time_ms,
        last_updated_timestamp_ms=time_ms,
        current_stage=stage,
        description=event.description,
        source=event.source,
        storage_location=event.storage_location,
        run_id=event.run_id,
        run_link=event.run_link,
        logged_model_id=event.logged_model_id,
    )
    registry.versions[model.registered_model_id][number] = version
    registry.changed_versions[version.version_id] = version
    for tag in event.tags:
        registry.version_tags[version.version_id, tag.key] = tag.value


def _transition(registry: Registry, event: ModelVersionTransitioned, time_ms: int) -> None:
    version = _version(registry, event.name, event.version)
    if event.archive_existing:
        for other in registry.versions[version.registered_model_id].values():
            if other is not version and other.current_stage == event.stage:
                other.current_stage = ARCHIVED
                _touch_version(registry, other, time_ms)
    version.current_stage = event.stage
    _touch_version(registry, version, time_ms)
    _touch(registry, _model(registry, event.name), time_ms)


def _delete_version(registry: Registry, version: ModelVersion) -> None:
    del registry.versions[version.registered_model_id][version.version]
    registry.changed_versions.pop(version.version_id, None)
    for alias in list(registry.aliases[version.registered_model_id].values()):
        if alias.version == version.version:
            _delete_alias(registry, version.registered_model_id, alias.alias)
    _forget_tags(registry, registry.version_tags, version.version_id)
    if version.is_stored:
        registry.deleted_versions.add(version.version_id)


def _forget_tags(registry: Registry, changes: dict[tuple[str, str], str | None], owner_id: str) -> None:
    """Also those in the tables: what is restored in the same batch has its own."""
    for tags in (changes, registry.stored_tags):
        for key in [key for key in tags if key[0] == owner_id]:
            del tags[key]


def _touch(registry: Registry, model: RegisteredModel, time_ms: int) -> None:
    """Source: MLflow moves the time of a model with everything but tags, aliases, and updates of versions."""
    model.last_updated_timestamp_ms = max(model.last_updated_timestamp_ms, time_ms)
    registry.changed_models[model.registered_model_id] = model


def _touch_version(registry: Registry, version: ModelVersion, time_ms: int) -> None:
    version.last_updated_timestamp_ms = max(version.last_updated_timestamp_ms, time_ms)
    registry.changed_versions[version.version_id] = version


# --- what changes -----------------------------------------------------------------------------------------------------


def _changes(registry: Registry) -> Iterator[Change]:
    models = list(registry.changed_models.values())
    versions = list(registry.changed_versions.values())
    aliases = registry.changed_aliases
    # What is renamed goes first, and comes back under its new name: names that were exchanged would meet each other.
    moved = registry.renamed
    gone = [*registry.deleted_models, *(one.registered_model_id for one in models if one.registered_model_id in moved)]
    yield Delete("registered_models", [(one,) for one in gone])
    moved_versions = [one.version_id for one in versions if one.registered_model_id in moved]
    yield Delete("model_versions", [(one,) for one in (*registry.deleted_versions, *moved_versions)])
    yield Delete(
        "registered_model_aliases", [key for key, alias in aliases.items() if alias is None or key[0] in moved]
    )
    yield DeleteBy("registered_model_tags", "registered_model_id", [(one,) for one in registry.deleted_models])
    yield DeleteBy("model_version_tags", "version_id", [(one,) for one in registry.deleted_versions])

    yield Upsert("registered_models", [_MODEL_ROW(one) for one in models])
    yield Upsert("registered_model_names", registry.former_names)
    memory = registry.changed_memory
    yield Upsert("deleted_registered_models", [_DELETED_ROW(one) for one in memory.values() if one is not None])
    yield Delete("deleted_registered_models", [(key,) for key, one in memory.items() if one is None])
    yield Upsert("registered_model_owners", [(*one,) for one in registry.owners.items() if one[1] is not None])
    yield Delete("registered_model_owners", [(one,) for one, owner in registry.owners.items() if owner is None])
    yield Upsert("model_versions", [_VERSION_ROW(one) for one in versions])
    names = {one.registered_model_id: one.name for one in registry.models.values()}
    held = [alias for alias in aliases.values() if alias is not None]
    yield Upsert("registered_model_aliases", [_alias_row(one, names[one.registered_model_id]) for one in held])
    for table, tags in (("registered_model_tags", registry.model_tags), ("model_version_tags", registry.version_tags)):
        yield Upsert(table, [(*key, value) for key, value in tags.items() if value is not None])
        yield Delete(table, [key for key, value in tags.items() if value is None])


def _alias_row(alias: Alias, model_name: str) -> Row:
    return (
        alias.registered_model_id,
        alias.alias,
        alias.version_id,
        alias.version,
        f"{model_name}@{alias.alias}",
    )


REGISTERED_MODELS: Final = Projection(
    (*get_args(AnyRegisteredModelEvent), *get_args(AnyModelVersionEvent)), _load, _fold, _changes
)
