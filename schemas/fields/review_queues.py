"""What the events of a review queue set: what it is, and the traces in it."""

from collections.abc import Mapping, Sequence
from typing import Final, assert_never

import orjson

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
from schemas.fields.field import NAME, Held, Value

USERS: Final = "users"
SCHEMA_IDS: Final = "schema_ids"
"""Both as JSON lists."""

CREATED_BY: Final = "created_by"

ITEMS: Final = "items."
"""By the ids of traces: the status, and who made it so, as a JSON list."""

PENDING: Final = "PENDING"


def set_by_review_queue_event(event: AnyReviewQueueEvent, held: Held) -> Mapping[str, Value]:
    match event:
        case ReviewQueueCreated() | ReviewQueueUpdated():
            given = {
                NAME: event.name,
                USERS: None if event.users is None else list_text(event.users),
                SCHEMA_IDS: None if event.schema_ids is None else list_text(event.schema_ids),
                CREATED_BY: event.created_by,
            }
            return {field: value for field, value in given.items() if value is not None}
        case ReviewQueueDeleted():
            return dict.fromkeys(held)
        case ReviewQueueItemsAdded():
            new = [field for field in map(item_field, event.item_ids) if held.get(field) is None]
            return dict.fromkeys(new, item_text(PENDING, None))
        case ReviewQueueItemsRemoved():
            return dict.fromkeys(map(item_field, event.item_ids))
        case ReviewQueueItemStatusSet():
            field = item_field(event.item_id)
            before = held.get(field)
            is_same = event.undo is None and before is not None and item_in(before)[0] == event.status
            return {} if is_same else {field: item_text(event.status, event.completed_by)}
        case ReviewQueueErased():
            return {}
        case _:
            assert_never(event)


def item_field(item_id: str) -> str:
    """The name of the field of a trace in a queue."""
    return f"{ITEMS}{item_id}"


def item_text(status: str, completed_by: str | None) -> str:
    """A trace in a queue as a field holds it."""
    return orjson.dumps([status, completed_by]).decode()


def item_in(value: Value) -> tuple[str, str | None]:
    """The status and who made it so, that a field holds."""
    status, completed_by = orjson.loads(str(value))
    return status, completed_by


def list_text(texts: Sequence[str]) -> str:
    """A list as a field holds it."""
    return orjson.dumps(list(texts)).decode()
