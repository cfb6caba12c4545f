"""What the events of a registered model and of its versions set.

The versions of a model are numbered as the fold numbers them: `LAST_VERSION` is a field, though no event sets it alone.
"""

from collections.abc import Mapping
from typing import Final, assert_never

from schemas.events import (
    AnyModelVersionEvent,
    AnyRegisteredModelEvent,
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
from schemas.fields.field import ALIASES, DESCRIPTION, NAME, TAGS, VERSIONS, Held, Value, tags_of
from schemas.mlflow import ARCHIVED, NEW_MODEL_VERSION_STAGE

LAST_VERSION: Final = "last_version"
STAGE: Final = "stage"


def of_version(number: int, field: str) -> str:
    """The name of a field of a version."""
    return f"{VERSIONS}{number}.{field}"


def version_and_field(field: str) -> tuple[int, str] | None:
    """The number and the field of a version, of which `field` is the name; None for a field of the model itself."""
    if not field.startswith(VERSIONS):
        return None
    _, number, rest = field.split(".", 2)
    return int(number), rest


def set_by_registry_event(event: AnyRegisteredModelEvent | AnyModelVersionEvent, held: Held) -> Mapping[str, Value]:
    match event:
        case RegisteredModelCreated():
            return {NAME: event.name, DESCRIPTION: event.description, LAST_VERSION: 0, **tags_of(event.tags)}
        case RegisteredModelUpdated():
            return {DESCRIPTION: event.description}
        case RegisteredModelRenamed():
            return {NAME: event.new_name}
        case RegisteredModelDeleted():
            return dict.fromkeys(held)
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
            fields = {STAGE: NEW_MODEL_VERSION_STAGE, DESCRIPTION: event.description, **tags_of(event.tags)}
            return {LAST_VERSION: number} | {of_version(number, key): value for key, value in fields.items()}
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
