"""How changes of a webhook are undone, by administrators, whose alone webhooks are."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from ingest.admission.known_entities import KnownEntities
from ingest.undo.trace import Change
from ingest.undo.undoing import NOT_KNOWN, Undoing, Wanted, undo_of
from ingest.webhooks.decisions import ACTIVE, DISABLED
from schemas.events import AnyEvent, WebhookCreated, WebhookDeleted, WebhookUpdated
from schemas.fields.field import NAME, STATUS, Held
from schemas.fields.webhooks import EVENTS

_NOT_UNDONE: Final[Mapping[type, str]] = {
    WebhookCreated: "A webhook that was created is not undone, but may be deleted.",
    WebhookDeleted: "A webhook that was deleted is gone for good, with its secret and what it was owed.",
}

_GONE: Final = "The webhook is deleted."


async def _hindrance(_known: KnownEntities, _key: str, held: Held, change: Change, _wanted: Wanted) -> str | None:
    if held.get(NAME) is None:
        return _GONE
    return NOT_KNOWN if change.wanted is None else None


async def _events(known: KnownEntities, webhook_id: str, _held: Held, changes: Sequence[Change]) -> list[AnyEvent]:
    """One event: with a status come the ends of the log, as with any change of it."""
    wanted: dict[str, Any] = {change.field: change.wanted for change in changes}
    if EVENTS in wanted:
        wanted[EVENTS] = orjson.loads(wanted[EVENTS])
    status = wanted.get(STATUS)
    ends = await known.ends() if status is not None else None
    return [
        WebhookUpdated(
            webhook_id=webhook_id,
            since=ends if status == ACTIVE else None,
            until=ends if status == DISABLED else None,
            undo=undo_of(changes),
            **wanted,
        )
    ]


def _stays(event: AnyEvent) -> str | None:
    if isinstance(event, WebhookUpdated) and event.secret_id is not None:
        return "Its secret stays: what it was before is not in the log."
    return None


WEBHOOKS_UNDOING: Final = Undoing(not_undone=_NOT_UNDONE, hindrance=_hindrance, events=_events, stays=_stays)
