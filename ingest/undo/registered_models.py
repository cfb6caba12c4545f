"""How what happened to a registered model and its versions is undone.

A model or a version that was deleted is gone for good: the numbers of its versions are the fold's to give, so it could
not be made again as it was.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from ingest.admission.known_entities import EntityKind, KnownEntities
from ingest.registered_models.lookups import NAME_HOLDER, REGISTERED_MODELS
from ingest.registered_models.state import KnownRegisteredModel
from ingest.undo.trace import Change
from ingest.undo.undoing import NOT_KNOWN, Judged, Undoing, Wanted, undo_of
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
from schemas.fields.field import ALIASES, DESCRIPTION, NAME, TAGS, Held
from schemas.fields.registered_models import STAGE, of_version, version_and_field
from schemas.messages.registered_models import DeleteRegisteredModel
from schemas.rest.access import Rule
from schemas.rest.rules import EDIT_MODEL, EDIT_VERSION, MANAGE_MODEL, MANAGE_VERSION

_NOT_UNDONE: Final[Mapping[type, str]] = {
    RegisteredModelCreated: "A registered model that was created is not undone, but may be deleted.",
    RegisteredModelDeleted: "A registered model that was deleted is gone for good, with its versions.",
    RegisteredModelOwnerRemoved: "An owner is not given back: grant what they may do.",
    ModelVersionCreated: "A version that was created is not undone, but may be deleted.",
    ModelVersionDeleted: "A version that was deleted is gone for good: its number is never given again.",
}

_MODEL_GONE: Final = "The registered model is deleted."


def _rule(field: str) -> Rule:
    """Both ways: what is deleted by one who undoes a set, and what is set by one who undoes a delete."""
    of_a_version = version_and_field(field)
    if of_a_version is not None:
        return (*EDIT_VERSION, *MANAGE_VERSION) if of_a_version[1].startswith(TAGS) else EDIT_VERSION
    return (*EDIT_MODEL, *MANAGE_MODEL) if field.startswith(ALIASES) else EDIT_MODEL


async def _hindrance(known: KnownEntities, _name: str, held: Held, change: Change, _wanted: Wanted) -> str | None:
    if held.get(NAME) is None:
        return _MODEL_GONE
    of_a_version = version_and_field(change.field)
    number = change.wanted if change.field.startswith(ALIASES) else of_a_version and of_a_version[0]
    if isinstance(number, int) and held.get(of_version(number, STAGE)) is None:
        return f"Version {number} is deleted."
    if change.wanted is None and (change.field == NAME or (of_a_version and of_a_version[1] == STAGE)):
        return NOT_KNOWN
    if change.field == NAME and await known.lookups.one(NAME_HOLDER, str(change.wanted)) is not None:
        return "The name is that of another registered model now."
    return None


async def _events(_known: KnownEntities, name: str, _held: Held, changes: Sequence[Change]) -> list[AnyEvent]:
    """The name is changed last: until then the model is called as it is now."""
    return [_event(name, change) for change in sorted(changes, key=lambda one: one.field == NAME)]


def _event(name: str, change: Change) -> AnyEvent:
    undo, wanted = undo_of([change]), change.wanted
    of_a_version = version_and_field(change.field)
    if of_a_version is not None:
        return _event_of_version(name, *of_a_version, change)
    if change.field == NAME:
        return RegisteredModelRenamed(name=name, new_name=str(wanted), undo=undo)
    if change.field == DESCRIPTION:
        return RegisteredModelUpdated(name=name, description=str(wanted or ""), undo=undo)
    if change.field.startswith(ALIASES):
        alias = change.field.removeprefix(ALIASES)
        if wanted is None:
            return RegisteredModelAliasDeleted(name=name, alias=alias, undo=undo)
        return RegisteredModelAliasSet(name=name, alias=alias, version=int(wanted), undo=undo)
    key = change.field.removeprefix(TAGS)
    if wanted is None:
        return RegisteredModelTagDeleted(name=name, key=key, undo=undo)
    return RegisteredModelTagSet(name=name, key=key, value=str(wanted), undo=undo)


def _event_of_version(name: str, number: int, field: str, change: Change) -> AnyEvent:
    undo, wanted = undo_of([change]), change.wanted
    if field == STAGE:
        return ModelVersionTransitioned(name=name, version=number, stage=str(wanted), undo=undo)
    if field == DESCRIPTION:
        description = None if wanted is None else str(wanted)
        return ModelVersionUpdated(name=name, version=number, description=description, undo=undo)
    key = field.removeprefix(TAGS)
    if wanted is None:
        return ModelVersionTagDeleted(name=name, version=number, key=key, undo=undo)
    return ModelVersionTagSet(name=name, version=number, key=key, value=str(wanted), undo=undo)


def _entity(name: str) -> tuple[EntityKind[str, KnownRegisteredModel], str]:
    return REGISTERED_MODELS, name


REGISTERED_MODELS_UNDOING: Final = Undoing(
    not_undone=_NOT_UNDONE,
    judged=Judged(_rule, lambda name: DeleteRegisteredModel(name=name)),
    hindrance=_hindrance,
    events=_events,
    entity=_entity,
)
