"""The projection of review queues and their items."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import Final, get_args

import orjson

from projector.changes import Change, Delete, DeleteBy, InsertNew, Read, ReadPairs, Row, Upsert
from projector.erasures import DELETED_STREAMS
from projector.projection import Loading, Projection
from schemas.envelope import RecordedEvent
from schemas.errors import InvalidParameterValue, ResourceAlreadyExists
from schemas.events import (
    AnyReviewQueueEvent,
    ReviewQueueCreated,
    ReviewQueueDeleted,
    ReviewQueueErased,
    ReviewQueueItemsAdded,
    ReviewQueueItemsRemoved,
    ReviewQueueItemStatusSet,
    ReviewQueueUpdated,
)
from schemas.fields import refuse_if_changed
from schemas.fields.field import NAME, Value
from schemas.fields.review_queues import CREATED_BY, ITEMS, PENDING, SCHEMA_IDS, USERS, item_text, list_text
from schemas.messages.review_queues import item_not_attached, review_queue_exists, review_queue_not_found


@dataclass(slots=True)
class ReviewQueue:
    """A row of `review_queues`."""

    queue_id: str
    experiment_id: int
    name: str
    reference: str
    queue_type: str
    users: str
    schema_ids: str
    created_by: str | None
    item_count: int
    creation_time_ms: int
    last_update_time_ms: int


@dataclass(slots=True)
class Item:
    """A row of `review_queue_items`."""

    queue_id: str
    item_id: str
    status: str
    completed_by: str | None
    completed_time_ms: int | None
    creation_time_ms: int
    last_update_time_ms: int


@dataclass(slots=True)
class ReviewQueues:
    """The queues that a batch is about, the items that it names, and what it changes of them."""

    queues: dict[str, ReviewQueue] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)  # by reference
    items: dict[tuple[str, str], Item] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)  # of whose users others took the place
    changed_items: dict[tuple[str, str], Item | None] = field(default_factory=dict)  # None deletes
    deleted_streams: set[tuple[str, int]] = field(default_factory=set)  # with the experiments that had them


_COLUMNS: Final = tuple(ReviewQueue.__dataclass_fields__)
_ROW: Final = attrgetter(*_COLUMNS)
_ITEM: Final = tuple(Item.__dataclass_fields__)
_ITEM_ROW: Final = attrgetter(*_ITEM)


def _load(events: Sequence[AnyReviewQueueEvent]) -> Loading[ReviewQueues]:
    state = ReviewQueues()
    _add(state, (yield Read("review_queues", _COLUMNS, "queue_id", {event.queue_id for event in events})))
    created = {event.queue_id: event.experiment_id for event in events if isinstance(event, ReviewQueueCreated)}
    experiments = created | {one.queue_id: one.experiment_id for one in state.queues.values()}
    wanted = {
        _reference(experiments[event.queue_id], event.name)
        for event in events
        if isinstance(event, ReviewQueueCreated | ReviewQueueUpdated)
        and event.name is not None
        and event.queue_id in experiments
    }
    _add(state, (yield Read("review_queues", _COLUMNS, "reference", wanted)))
    named: dict[str, set[str]] = {}
    for event in events:
        if event.queue_id in state.queues:
            match event:
                case ReviewQueueItemsAdded() | ReviewQueueItemsRemoved():
                    named.setdefault(event.queue_id, set()).update(event.item_ids)
                case ReviewQueueItemStatusSet():
                    named.setdefault(event.queue_id, set()).add(event.item_id)
                case _:
                    pass
    if named:
        for row in (yield ReadPairs("review_queue_items", _ITEM, ("queue_id", "item_id"), named)):
            state.items[row[0], row[1]] = Item(*row)
    return state


def _add(state: ReviewQueues, rows: Sequence[Row]) -> None:
    for row in rows:
        queue = ReviewQueue(*row)
        state.queues[queue.queue_id] = queue
        state.ids[queue.reference] = queue.queue_id


def _reference(experiment_id: int, name: str) -> str:
    return f"{experiment_id}/{name.lower()}"


def _fold(state: ReviewQueues, recorded: RecordedEvent, event: AnyReviewQueueEvent) -> None:
    queue, time_ms = state.queues.get(event.queue_id), recorded.time_us // 1000
    if isinstance(event, ReviewQueueCreated):
        if queue is not None:
            raise ResourceAlreadyExists(f"Review queue id {event.queue_id} is taken.")
        _create(state, event, time_ms)
        return
    if queue is None:
        raise review_queue_not_found(event.queue_id)
    refuse_if_changed(event.undo, partial(_held, state, queue))
    match event:
        case ReviewQueueUpdated():
            _update(state, queue, event, time_ms)
        case ReviewQueueDeleted() | ReviewQueueErased():
            _delete(state, queue)
            state.deleted_streams.add((recorded.stream, queue.experiment_id))
        case ReviewQueueItemsAdded():
            _add_items(state, queue, event, time_ms)
        case ReviewQueueItemsRemoved():
            _remove_items(state, queue, event)
        case ReviewQueueItemStatusSet():
            _set_status(state, event, time_ms)


def _held(state: ReviewQueues, queue: ReviewQueue, name: str) -> Value:
    """What a field of a queue is, of its items those that the batch is about."""
    if name.startswith(ITEMS):
        item = state.items.get((queue.queue_id, name.removeprefix(ITEMS)))
        return None if item is None else item_text(item.status, item.completed_by)
    fields = {NAME: queue.name, USERS: queue.users, SCHEMA_IDS: queue.schema_ids, CREATED_BY: queue.created_by}
    return fields.get(name)


def _create(state: ReviewQueues, event: ReviewQueueCreated, time_ms: int) -> None:
    reference = _free(state, event.experiment_id, event.name)
    state.ids[reference] = event.queue_id
    state.queues[event.queue_id] = ReviewQueue(
        queue_id=event.queue_id,
        experiment_id=event.experiment_id,
        name=event.name,
        reference=reference,
        queue_type=event.queue_type,
        users=list_text(event.users),
        schema_ids=list_text(event.schema_ids),
        created_by=event.created_by,
        item_count=0,
        creation_time_ms=time_ms,
        last_update_time_ms=time_ms,
    )
    state.changed.add(event.queue_id)
    state.users.add(event.queue_id)


def _free(state: ReviewQueues, experiment_id: int, name: str, owner: str = "") -> str:
    """The reference of a name that no other queue has. Raises ResourceAlreadyExists."""
    reference = _reference(experiment_id, name)
    if state.ids.get(reference, owner) != owner:
        raise review_queue_exists(name)
    return reference


def _update(state: ReviewQueues, queue: ReviewQueue, event: ReviewQueueUpdated, time_ms: int) -> None:
    """Raises InvalidParameterValue for other questions about what is in the queue already."""
    if event.schema_ids is not None and queue.item_count:
        raise InvalidParameterValue(
            "The questions of a review queue stay as they are while there are items in it: take them out first."
        )
    if event.name is not None:
        reference = _free(state, queue.experiment_id, event.name, queue.queue_id)
        del state.ids[queue.reference]
        state.ids[reference] = queue.queue_id
        queue.name, queue.reference = event.name, reference
    if event.users is not None:
        queue.users = list_text(event.users)
        state.users.add(queue.queue_id)
    if event.schema_ids is not None:
        queue.schema_ids = list_text(event.schema_ids)
    if event.created_by is not None:
        queue.created_by = event.created_by
    queue.last_update_time_ms = max(queue.last_update_time_ms, time_ms)
    state.changed.add(queue.queue_id)


def _delete(state: ReviewQueues, queue: ReviewQueue) -> None:
    queue_id = queue.queue_id
    del state.queues[queue_id], state.ids[queue.reference]
    state.changed.discard(queue_id)
    state.users.discard(queue_id)
    state.deleted.add(queue_id)
    # What is created by the same id afterwards is new, in this batch as in the next.
    state.items = {key: item for key, item in state.items.items() if key[0] != queue_id}
    state.changed_items = {key: item for key, item in state.changed_items.items() if key[0] != queue_id}


def _add_items(state: ReviewQueues, queue: ReviewQueue, event: ReviewQueueItemsAdded, time_ms: int) -> None:
    for item_id in event.item_ids:
        key = queue.queue_id, item_id
        if key not in state.items:
            item = Item(queue.queue_id, item_id, PENDING, None, None, time_ms, time_ms)
            state.items[key] = state.changed_items[key] = item
            queue.item_count += 1
    state.changed.add(queue.queue_id)


def _remove_items(state: ReviewQueues, queue: ReviewQueue, event: ReviewQueueItemsRemoved) -> None:
    for item_id in event.item_ids:
        key = queue.queue_id, item_id
        if state.items.pop(key, None) is not None:
            state.changed_items[key] = None
            queue.item_count -= 1
    state.changed.add(queue.queue_id)


def _set_status(state: ReviewQueues, event: ReviewQueueItemStatusSet, time_ms: int) -> None:
    """A status that the item has already changes nothing: who said it first did it, unless that is undone."""
    key = event.queue_id, event.item_id
    item = state.items.get(key)
    if item is None:
        raise item_not_attached(*key)
    if item.status == event.status and event.undo is None:
        return
    item.status = event.status
    item.completed_by = event.completed_by
    item.completed_time_ms = None if event.status == PENDING else time_ms
    item.last_update_time_ms = max(item.last_update_time_ms, time_ms)
    state.changed_items[key] = item


def _changes(state: ReviewQueues) -> Iterator[Change]:
    yield InsertNew(DELETED_STREAMS, sorted(state.deleted_streams))
    deleted = [(queue_id,) for queue_id in sorted(state.deleted)]
    renewed = sorted(state.users)
    yield DeleteBy("review_queue_items", "queue_id", deleted)
    yield DeleteBy("review_queue_users", "queue_id", [*deleted, *((queue_id,) for queue_id in renewed)])
    yield Delete("review_queues", deleted)
    yield Upsert("review_queues", [_ROW(state.queues[queue_id]) for queue_id in sorted(state.changed)])
    users = [(queue_id, user) for queue_id in renewed for user in orjson.loads(state.queues[queue_id].users)]
    yield InsertNew("review_queue_users", list(dict.fromkeys(users)))
    yield Delete("review_queue_items", [key for key, item in state.changed_items.items() if item is None])
    yield Upsert("review_queue_items", [_ITEM_ROW(item) for item in state.changed_items.values() if item is not None])


REVIEW_QUEUES: Final = Projection(get_args(AnyReviewQueueEvent), _load, _fold, _changes)
