"""A review queue and its items as MLflow answers them."""

from collections.abc import Sequence
from typing import Any, Final

import orjson

REVIEW_QUEUE_COLUMNS: Final = (
    "queue_id, experiment_id, name, queue_type, created_by, creation_time_ms, last_update_time_ms, users, schema_ids"
)
"""Of the table, for `mlflow_review_queue`."""

ITEM_COLUMNS: Final = (
    "queue_id, item_id, status, completed_by, completed_time_ms, creation_time_ms, last_update_time_ms"
)
"""Of the table, for `mlflow_item`."""


def mlflow_review_queue(columns: Sequence[Any]) -> dict[str, Any]:
    queue_id, experiment_id, name, queue_type, created_by, created_ms, updated_ms, users, schema_ids = columns
    queue = {
        "queue_id": queue_id,
        "experiment_id": str(experiment_id),
        "name": name,
        "queue_type": queue_type,
        "created_by": created_by,
        "creation_time_ms": created_ms,
        "last_update_time_ms": updated_ms,
        "users": orjson.loads(users) or None,
        "schema_ids": orjson.loads(schema_ids) or None,
    }
    return {name: value for name, value in queue.items() if value is not None}


def mlflow_item(columns: Sequence[Any]) -> dict[str, Any]:
    queue_id, item_id, status, completed_by, completed_ms, created_ms, updated_ms = columns
    item = {
        "queue_id": queue_id,
        "item_type": "TRACE",
        "item_id": item_id,
        "status": status,
        "completed_by": completed_by,
        "completed_time_ms": completed_ms,
        "creation_time_ms": created_ms,
        "last_update_time_ms": updated_ms,
    }
    return {name: value for name, value in item.items() if value is not None}
