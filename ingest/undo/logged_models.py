"""How what happened to a logged model is undone."""

from collections.abc import Mapping, Sequence
from typing import Final

from ingest.admission.known_entities import EntityKind, KnownEntities
from ingest.logged_models.lookups import LOGGED_MODELS
from ingest.logged_models.state import KnownLoggedModel
from ingest.undo.trace import Change
from ingest.undo.undoing import ERASED, NOT_KNOWN, Judged, Undoing, Wanted, undo_of
from schemas.events import (
    AnyEvent,
    LoggedModelCreated,
    LoggedModelDeleted,
    LoggedModelErased,
    LoggedModelFinalized,
    LoggedModelParamsLogged,
    LoggedModelRestored,
    LoggedModelTagDeleted,
    LoggedModelTagsSet,
    LoggedModelVersionRegistered,
    Tag,
)
from schemas.fields.field import LIFECYCLE, STATUS, TAGS, Held
from schemas.messages.logged_models import DeleteLoggedModel
from schemas.mlflow import ACTIVE
from schemas.rest.access import Rule
from schemas.rest.rules import EDIT_LOGGED_MODEL, MANAGE_LOGGED_MODEL

_NOT_UNDONE: Final[Mapping[type, str]] = {
    LoggedModelErased: ERASED,
    LoggedModelCreated: "A logged model that was created is not undone, but may be deleted.",
    LoggedModelParamsLogged: "Params of a logged model are written once, and no event takes them back.",
    LoggedModelVersionRegistered: "It tells of a version of a registered model: delete that.",
}


def _rule(field: str) -> Rule:
    """Both ways: what is deleted by one who undoes a set, and what is set by one who undoes a delete."""
    if field == LIFECYCLE:
        return MANAGE_LOGGED_MODEL
    return (*EDIT_LOGGED_MODEL, *MANAGE_LOGGED_MODEL) if field.startswith(TAGS) else EDIT_LOGGED_MODEL


async def _hindrance(_known: KnownEntities, _key: str, _held: Held, change: Change, _wanted: Wanted) -> str | None:
    """A deleted model takes every write, as in MLflow."""
    return NOT_KNOWN if change.wanted is None and not change.field.startswith(TAGS) else None


async def _events(_known: KnownEntities, model_id: str, _held: Held, changes: Sequence[Change]) -> list[AnyEvent]:
    return [_event(model_id, change) for change in changes]


def _event(model_id: str, change: Change) -> AnyEvent:
    undo, wanted = undo_of([change]), change.wanted
    if change.field == LIFECYCLE:
        event = LoggedModelRestored if wanted == ACTIVE else LoggedModelDeleted
        return event(model_id=model_id, undo=undo)
    if change.field == STATUS:
        return LoggedModelFinalized(model_id=model_id, status=int(wanted or 0), undo=undo)
    key = change.field.removeprefix(TAGS)
    if wanted is None:
        return LoggedModelTagDeleted(model_id=model_id, key=key, undo=undo)
    return LoggedModelTagsSet(model_id=model_id, tags=[Tag(key, str(wanted))], undo=undo)


def _entity(model_id: str) -> tuple[EntityKind[str, KnownLoggedModel], str]:
    return LOGGED_MODELS, model_id


LOGGED_MODELS_UNDOING: Final = Undoing(
    not_undone=_NOT_UNDONE,
    judged=Judged(_rule, lambda model_id, _field: DeleteLoggedModel(model_id=model_id)),
    hindrance=_hindrance,
    events=_events,
    entity=_entity,
)
