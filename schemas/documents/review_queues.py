"""A review queue and its items as MLflow answers them."""

from typing import Final

from schemas.documents.shape import (
    Constant,
    Digits,
    Document,
    Integer,
    Json,
    Nested,
    Object,
    Optional,
    Source,
    Text,
    Word,
)

REVIEW_QUEUE: Final = Document(
    Source("review_queues", "q"),
    Object(
        Text("queue_id"),
        Digits("experiment_id"),
        Text("name"),
        Word("queue_type"),
        Optional(Text("created_by")),
        Integer("creation_time_ms"),
        Integer("last_update_time_ms"),
        Optional(Json("users"), empty="[]"),
        Optional(Json("schema_ids"), empty="[]"),
    ),
)

REVIEW_QUEUE_ANSWER: Final = Object(Nested("review_queue", REVIEW_QUEUE.shape))
"""The answer to requests that create or change it."""

REVIEW_QUEUE_ITEM: Final = Document(
    Source("review_queue_items", "i"),
    Object(
        Text("queue_id"),
        Constant("item_type", "TRACE"),
        Text("item_id"),
        Word("status"),
        Optional(Text("completed_by")),
        Optional(Integer("completed_time_ms")),
        Integer("creation_time_ms"),
        Integer("last_update_time_ms"),
    ),
)

REVIEW_QUEUE_ITEM_ANSWER: Final = Object(Nested("item", REVIEW_QUEUE_ITEM.shape))
"""The answer to a request that changes one."""
