"""How it is undone how a scorer is scored online. Its versions stay: a client that has one may run it."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import unquote

import orjson

from ingest.admission.known_entities import KnownEntities
from ingest.undo.trace import Change
from ingest.undo.undoing import ERASED, Judged, Undoing, Wanted, undo_of
from schemas.events import AnyEvent, ScorerDeleted, ScorerErased, ScorerOnlineConfigSet, ScorerRegistered
from schemas.fields.field import NAME, Held
from schemas.messages.scorers import DeleteScorer
from schemas.rest.rules import EDIT_SCORER

_NOT_UNDONE: Final[Mapping[type, str]] = {
    ScorerRegistered: "A version of a scorer that was registered is not undone, but may be deleted.",
    ScorerDeleted: "A scorer, or a version of it, that was deleted is gone for good: register it again.",
    ScorerErased: ERASED,
}

_DELETED: Final = "The scorer is deleted."
_STAYS: Final = "A scorer that is scored online stays so: set its share of traces to 0."


async def _hindrance(_known: KnownEntities, _key: str, held: Held, change: Change, _wanted: Wanted) -> str | None:
    if held.get(NAME) is None:
        return _DELETED
    return _STAYS if change.wanted is None else None


async def _events(_known: KnownEntities, key: str, _held: Held, changes: Sequence[Change]) -> list[AnyEvent]:
    experiment_id, name = _named(key)
    undo = undo_of(changes)
    return [
        ScorerOnlineConfigSet(
            experiment_id=int(experiment_id), name=name, undo=undo, **orjson.loads(str(change.wanted))
        )
        for change in changes
    ]


def _named(key: str) -> tuple[str, str]:
    experiment_id, _, name = key.partition("/")
    return experiment_id, unquote(name)


def _judged_message(key: str, _field: str) -> DeleteScorer:
    experiment_id, name = _named(key)
    return DeleteScorer(experiment_id=experiment_id, name=name)


SCORERS_UNDOING: Final = Undoing(
    not_undone=_NOT_UNDONE,
    judged=Judged(lambda _field: EDIT_SCORER, _judged_message),
    hindrance=_hindrance,
    events=_events,
)
