"""How what happened to a registered model and its versions is undone.

What was deleted is restored by one event for the model and one for each version, which say all that was so: the rows
are gone. Undoing that deletes them again, and only while nothing else was made of them.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from ingest.admission.known_entities import EntityKind, KnownEntities
from ingest.registered_models.lookups import NAME_HOLDER, REGISTERED_MODELS
from ingest.registered_models.state import KnownRegisteredModel
from ingest.undo.trace import Change
from ingest.undo.undoing import NOT_KNOWN, Judged, Undoing, Wanted, undo_of
from schemas.events import (
    AnyEvent,
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
    Tag,
)
from schemas.events.registered_models import REGISTERED_MODELS as REGISTERED_MODELS_STREAM
from schemas.fields.field import ALIASES, DESCRIPTION, NAME, TAGS, Held, Value
from schemas.fields.registered_models import LAST_VERSION, ORIGIN, STAGE, of_version, version_and_field
from schemas.messages.registered_models import DeleteRegisteredModel
from schemas.rest.access import Rule
from schemas.rest.rules import EDIT_MODEL, EDIT_VERSION, MANAGE_MODEL, MANAGE_VERSION

_NOT_UNDONE: Final[Mapping[type, str]] = {
    RegisteredModelCreated: "A registered model that was created is not undone, but may be deleted.",
    RegisteredModelOwnerRemoved: "An owner is not given back: grant what they may do.",
    ModelVersionCreated: "A version that was created is not undone, but may be deleted.",
}

_MODEL_GONE: Final = "The registered model is deleted."
_NAME_IS_ANOTHERS: Final = "The name is that of another registered model now."
_DELETED_WITH_MORE: Final = "It was changed since it was restored, and undoing would delete that too."

_OF_A_MODEL: Final = frozenset({NAME, DESCRIPTION, ORIGIN, LAST_VERSION})


def _rule(field: str) -> Rule:
    """Both ways: what is deleted by one who undoes a set, and what is set by one who undoes a delete."""
    of_a_version = version_and_field(field)
    if of_a_version is not None:
        is_managed = of_a_version[1] == ORIGIN or of_a_version[1].startswith(TAGS)
        return (*EDIT_VERSION, *MANAGE_VERSION) if is_managed else EDIT_VERSION
    return (*EDIT_MODEL, *MANAGE_MODEL) if field.startswith(ALIASES) else EDIT_MODEL


async def _hindrance(known: KnownEntities, name: str, held: Held, change: Change, wanted: Wanted) -> str | None:
    changes = {one.field: one for one in wanted[REGISTERED_MODELS_STREAM.stream(name)]}
    if held.get(NAME) is None:
        return await _hindrance_of_restoring(known, name, changes, wanted)
    if _is_deleted(changes, NAME):
        return _DELETED_WITH_MORE if _is_kept(held, changes, "") else None
    of_a_version = version_and_field(change.field)
    if of_a_version is not None and _is_deleted(changes, of_version(of_a_version[0], ORIGIN)):
        return _DELETED_WITH_MORE if _is_kept(held, changes, of_version(of_a_version[0], "")) else None
    number = change.wanted if change.field.startswith(ALIASES) else of_a_version and of_a_version[0]
    if isinstance(number, int) and held.get(of_version(number, STAGE)) is None:
        return None if _is_restored(changes, of_version(number, ORIGIN)) else f"Version {number} is deleted."
    if change.wanted is None and (change.field == NAME or (of_a_version and of_a_version[1] == STAGE)):
        return NOT_KNOWN
    if change.field == NAME and await _is_anothers(known, str(change.wanted), name, wanted):
        return _NAME_IS_ANOTHERS
    return None


async def _hindrance_of_restoring(
    known: KnownEntities, name: str, changes: Mapping[str, Change], wanted: Wanted
) -> str | None:
    """All of a model comes back or nothing: first under the name that it had last."""
    if not _is_restored(changes, NAME) or not _is_restored(changes, ORIGIN):
        return _MODEL_GONE
    for one in {name, str(changes[NAME].wanted)}:
        if await _is_anothers(known, one, name, wanted):
            return _NAME_IS_ANOTHERS
    return None


async def _is_anothers(known: KnownEntities, wanted_name: str, name: str, wanted: Wanted) -> bool:
    """Whether another than the model `name` has a name, or gets it by the same plan."""
    own = REGISTERED_MODELS_STREAM.stream(name)
    gets_it = any(
        one.field == NAME and one.wanted == wanted_name
        for stream, changes in wanted.items()
        if stream != own and stream.startswith(REGISTERED_MODELS_STREAM.stream(""))
        for one in changes
    )
    return gets_it or await known.lookups.one(NAME_HOLDER, wanted_name) is not None


def _is_restored(changes: Mapping[str, Change], field: str) -> bool:
    return field in changes and changes[field].wanted is not None


def _is_deleted(changes: Mapping[str, Change], field: str) -> bool:
    return field in changes and changes[field].wanted is None


def _is_kept(held: Held, changes: Mapping[str, Change], prefix: str) -> bool:
    """Whether anything is to stay of what is deleted, such as a tag that was set later."""
    return any(
        value is not None and field != LAST_VERSION and field.startswith(prefix) and not _is_deleted(changes, field)
        for field, value in held.items()
    )


async def _events(_known: KnownEntities, name: str, held: Held, changes: Sequence[Change]) -> list[AnyEvent]:
    """What is restored comes first, and the name is changed last: until then the model is called as it is now."""
    left = {change.field: change for change in changes}
    if _is_deleted(left, NAME):
        return [RegisteredModelDeleted(name=name, undo=undo_of(changes))]
    events: list[AnyEvent] = []
    if held.get(NAME) is None:
        events.append(_restored_model(name, held, left))
    origin = orjson.loads(str(held.get(ORIGIN) or _wanted(changes, ORIGIN)))
    for field in [field for field in left if (version_and_field(field) or (0, ""))[1] == ORIGIN]:
        number, _ = version_and_field(field) or (0, "")
        events.append(_version_again(name, number, origin["registered_model_id"], left))
    return events + [_event(name, change) for change in sorted(left.values(), key=lambda one: one.field == NAME)]


def _wanted(changes: Sequence[Change], field: str) -> str | int | None:
    return next((one.wanted for one in changes if one.field == field), None)


def _restored_model(name: str, held: Held, left: dict[str, Change]) -> RegisteredModelRestored:
    """Takes from `left` what it makes; another name remains, which the model gets after it."""
    taken = [left.pop(field) for field in list(left) if field in _OF_A_MODEL or field.startswith(TAGS)]
    wanted = {change.field: change.wanted for change in taken}
    if wanted[NAME] != name:
        left[NAME] = Change(NAME, name, wanted[NAME], next(one.undoes for one in taken if one.field == NAME))
    return RegisteredModelRestored(
        name=name,
        **orjson.loads(str(wanted[ORIGIN])),
        last_version=int(held.get(LAST_VERSION) or 0),
        description=str(wanted.get(DESCRIPTION) or ""),
        tags=_tags(wanted),
        undo=undo_of(taken),
    )


def _version_again(name: str, number: int, registered_model_id: str, left: dict[str, Change]) -> AnyEvent:
    """A version is restored, or deleted that was; takes from `left` what that makes."""
    prefix = of_version(number, "")
    taken = [left.pop(field) for field in list(left) if field.startswith(prefix)]
    wanted = {change.field.removeprefix(prefix): change.wanted for change in taken}
    if wanted[ORIGIN] is None:
        aliases = [one for one in left.values() if one.field.startswith(ALIASES) and one.wanted is None]
        taken += [left.pop(one.field) for one in aliases if one.found == number]
        return ModelVersionDeleted(name=name, version=number, undo=undo_of(taken))
    description = wanted.get(DESCRIPTION)
    return ModelVersionRestored(
        name=name,
        version=number,
        registered_model_id=registered_model_id,
        **orjson.loads(str(wanted[ORIGIN])),
        stage=str(wanted[STAGE]),
        description=None if description is None else str(description),
        tags=_tags(wanted),
        undo=undo_of(taken),
    )


def _tags(wanted: Mapping[str, Value]) -> list[Tag]:
    return [Tag(field.removeprefix(TAGS), str(value)) for field, value in wanted.items() if field.startswith(TAGS)]


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
    judged=Judged(_rule, lambda name, _field: DeleteRegisteredModel(name=name)),
    hindrance=_hindrance,
    events=_events,
    entity=_entity,
)
