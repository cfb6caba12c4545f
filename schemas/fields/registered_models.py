"""What the events of a registered model and of its versions set.

The versions of a model are numbered as the fold numbers them: `LAST_VERSION` is a field, though no event sets it alone.
A model that was deleted keeps it: no number is given twice, should it come back.
"""

from collections.abc import Mapping
from typing import Final, assert_never

import orjson

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
from schemas.fields.field import ALIASES, DESCRIPTION, NAME, TAGS, VERSIONS, Held, Value, tags_of
from schemas.mlflow import ARCHIVED, NEW_MODEL_VERSION_STAGE

LAST_VERSION: Final = "last_version"
STAGE: Final = "stage"
ORIGIN: Final = "origin"
"""Of a model and of a version: what it is created with and never changes, as JSON. What has none is gone."""


def of_version(number: int, field: str) -> str:
    """The name of a field of a version."""
    return f"{VERSIONS}{number}.{field}"


def version_and_field(field: str) -> tuple[int, str] | None:
    """The number and the field of a version, of which `field` is the name; None for a field of the model itself."""
    if not field.startswith(VERSIONS):
        return None
    _, number, rest = field.split(".", 2)
    return int(number), rest


def model_origin(registered_model_id: str, creation_time_ms: int) -> str:
    """What ORIGIN is of a model."""
    return orjson.dumps({"registered_model_id": registered_model_id, "creation_time_ms": creation_time_ms}).decode()


def version_origin(
    version_id: str,
    creation_time_ms: int,
    source: str,
    storage_location: str,
    run_id: str,
    run_link: str,
    logged_model_id: str,
) -> str:
    """What ORIGIN is of a version."""
    return orjson.dumps(
        {
            "version_id": version_id,
            "creation_time_ms": creation_time_ms,
            "source": source,
            "storage_location": storage_location,
            "run_id": run_id,
            "run_link": run_link,
            "logged_model_id": logged_model_id,
        }
    ).decode()


def set_by_registry_event(
    event: AnyRegisteredModelEvent | AnyModelVersionEvent, held: Held, time_ms: int
) -> Mapping[str, Value]:
    match event:
        case RegisteredModelCreated():
            return _model(event, model_origin(event.registered_model_id, time_ms), 0)
        case RegisteredModelRestored():
            last_version = max(event.last_version, int(held.get(LAST_VERSION) or 0))
            return _model(event, model_origin(event.registered_model_id, event.creation_time_ms), last_version)
        case RegisteredModelUpdated():
            return {DESCRIPTION: event.description}
        case RegisteredModelRenamed():
            return {NAME: event.new_name}
        case RegisteredModelDeleted():
            return dict.fromkeys(field for field in held if field != LAST_VERSION)
        case RegisteredModelTagSet():
            return {f"{TAGS}{event.key}": event.value}
        case RegisteredModelTagDeleted():
            return {f"{TAGS}{event.key}": None}
        case RegisteredModelAliasSet():
            return {f"{ALIASES}{event.alias}": event.version}
        case RegisteredModelAliasDeleted():
            return {f"{ALIASES}{event.alias}": None}
        case RegisteredModelOwnerRemoved():
            return {}
        case ModelVersionCreated():
            number = int(held.get(LAST_VERSION) or 0) + 1
            return {LAST_VERSION: number, **_version(event, number, NEW_MODEL_VERSION_STAGE, time_ms)}
        case ModelVersionRestored():
            return _version(event, event.version, event.stage, event.creation_time_ms)
        case ModelVersionUpdated():
            return {of_version(event.version, DESCRIPTION): event.description}
        case ModelVersionTransitioned():
            return _transitioned(event, held)
        case ModelVersionDeleted():
            return dict.fromkeys(_of_version_and_its_aliases(event.version, held))
        case ModelVersionTagSet():
            return {of_version(event.version, f"{TAGS}{event.key}"): event.value}
        case ModelVersionTagDeleted():
            return {of_version(event.version, f"{TAGS}{event.key}"): None}
        case _:
            assert_never(event)


def _model(event: RegisteredModelCreated | RegisteredModelRestored, origin: str, last_version: int) -> dict[str, Value]:
    return {
        NAME: event.name,
        DESCRIPTION: event.description,
        ORIGIN: origin,
        LAST_VERSION: last_version,
        **tags_of(event.tags),
    }


def _version(
    event: ModelVersionCreated | ModelVersionRestored, number: int, stage: str, creation_time_ms: int
) -> dict[str, Value]:
    origin = version_origin(
        event.version_id,
        creation_time_ms,
        event.source,
        event.storage_location,
        event.run_id,
        event.run_link,
        event.logged_model_id,
    )
    fields = {STAGE: stage, DESCRIPTION: event.description, ORIGIN: origin, **tags_of(event.tags)}
    return {of_version(number, field): value for field, value in fields.items()}


def _transitioned(event: ModelVersionTransitioned, held: Held) -> dict[str, Value]:
    fields: dict[str, Value] = {}
    if event.archive_existing:
        for field, value in held.items():
            if value == event.stage and (version_and_field(field) or (0, ""))[1] == STAGE:
                fields[field] = ARCHIVED
    fields[of_version(event.version, STAGE)] = event.stage
    return fields


def _of_version_and_its_aliases(number: int, held: Held) -> list[str]:
    own = f"{VERSIONS}{number}."
    return [
        field
        for field, value in held.items()
        if field.startswith(own) or (field.startswith(ALIASES) and value == number)
    ]
