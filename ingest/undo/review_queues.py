"""How what happened to a review queue is undone: changes of what it is, and of the traces in it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from ingest.admission.known_entities import KnownEntities
from ingest.review_queues.commands import REVIEW_QUEUE as KNOWN_QUEUE
from ingest.review_queues.commands import REVIEW_QUEUE_NAMED
from ingest.undo.trace import Change
from ingest.undo.undoing import ERASED, Judged, Undoing, Wanted, undo_of
from schemas.events import (
    AnyEvent,
    ReviewQueueCreated,
    ReviewQueueDeleted,
    ReviewQueueErased,
    ReviewQueueItemsAdded,
    ReviewQueueItemsRemoved,
    ReviewQueueItemStatusSet,
    ReviewQueueUpdated,
    Undo,
)
from schemas.events.review_queues import REVIEW_QUEUES
from schemas.fields.field import NAME, Held, Value
from schemas.fields.review_queues import ITEMS, PENDING, SCHEMA_IDS, USERS, item_in, item_text
from schemas.levels import Level
from schemas.messages.review_queues import DeleteReviewQueue
from schemas.rest.access import REVIEW_QUEUE, On, Rule

_NOT_UNDONE: Final[Mapping[type, str]] = {
    ReviewQueueCreated: "A review queue that was created is not undone, but may be deleted.",
    ReviewQueueDeleted: "A review queue that was deleted is gone for good: create it again.",
    ReviewQueueErased: ERASED,
}

_DELETED: Final = "The review queue is deleted."
_HAS_ITEMS: Final = "The questions of a review queue stay as they are while there are items in it."
_STAYS: Final = "What has an owner keeps one: give it another."
_EDIT: Final[Rule] = (On(Level.EDIT, REVIEW_QUEUE, "queue_id"),)


async def _hindrance(known: KnownEntities, queue_id: str, held: Held, change: Change, wanted: Wanted) -> str | None:
    if held.get(NAME) is None:
        return _DELETED
    if change.field.startswith(ITEMS):
        return None
    if change.wanted is None:
        return _STAYS
    if change.field == SCHEMA_IDS and _keeps_items(held, wanted[REVIEW_QUEUES.stream(queue_id)]):
        return _HAS_ITEMS
    if change.field == NAME and await _is_anothers(known, queue_id, str(change.wanted)):
        return "The name is that of another review queue now."
    return None


async def _is_anothers(known: KnownEntities, queue_id: str, name: str) -> bool:
    """Whether another queue of the same experiment has a name, in whatever letters."""
    queue = await known.lookups.one(KNOWN_QUEUE, queue_id)
    named = await known.lookups.one(REVIEW_QUEUE_NAMED, f"{queue and queue.experiment_id}/{name.lower()}")
    return named is not None and named.queue_id != queue_id


def _keeps_items(held: Held, changes: Sequence[Change]) -> bool:
    """Whether a trace is in the queue before its questions are changed: those that are taken out go before that."""
    taken_out = {change.field for change in changes if change.wanted is None}
    return any(
        value is not None and field.startswith(ITEMS) and field not in taken_out for field, value in held.items()
    )


async def _events(_known: KnownEntities, queue_id: str, _held: Held, changes: Sequence[Change]) -> list[AnyEvent]:
    """Traces are taken out before the queue is changed, and put in after it."""
    items = [change for change in changes if change.field.startswith(ITEMS)]
    others = [change for change in changes if not change.field.startswith(ITEMS)]
    events: list[AnyEvent] = []
    if taken_out := [change for change in items if change.wanted is None]:
        ids = [_item_id(change) for change in taken_out]
        events.append(ReviewQueueItemsRemoved(queue_id=queue_id, item_ids=ids, undo=undo_of(taken_out)))
    if others:
        events.append(_update(queue_id, others))
    return [*events, *_put_in(queue_id, [change for change in items if change.wanted is not None])]


def _update(queue_id: str, changes: Sequence[Change]) -> ReviewQueueUpdated:
    wanted: dict[str, Any] = {change.field: change.wanted for change in changes}
    wanted.update((field, orjson.loads(wanted[field])) for field in (USERS, SCHEMA_IDS) if field in wanted)
    return ReviewQueueUpdated(queue_id=queue_id, undo=undo_of(changes), **wanted)


def _put_in(queue_id: str, changes: Sequence[Change]) -> Iterator[AnyEvent]:
    """What comes back into a queue is pending at first."""
    pending = item_text(PENDING, None)
    if new := [change for change in changes if change.found is None]:
        ids = [_item_id(change) for change in new]
        yield ReviewQueueItemsAdded(queue_id=queue_id, item_ids=ids, undo=undo_of(new))
    for change in changes:
        found: Value = pending if change.found is None else change.found
        if found != change.wanted:
            status, completed_by = item_in(change.wanted)
            yield ReviewQueueItemStatusSet(
                queue_id=queue_id,
                item_id=_item_id(change),
                status=status,
                completed_by=completed_by,
                undo=Undo(list(change.undoes), {change.field: found}),
            )


def _item_id(change: Change) -> str:
    return change.field.removeprefix(ITEMS)


REVIEW_QUEUES_UNDOING: Final = Undoing(
    not_undone=_NOT_UNDONE,
    judged=Judged(lambda _field: _EDIT, lambda queue_id, _field: DeleteReviewQueue(queue_id=queue_id)),
    hindrance=_hindrance,
    events=_events,
)
