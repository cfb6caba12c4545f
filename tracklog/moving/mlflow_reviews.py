"""Issues, label schemas and review queues in a database of MLflow 3.17, written from records."""

import json
from collections.abc import Mapping
from typing import Final

from tracklog.moving.mlflow_traces import Put
from tracklog.moving.records import IssueRecord, LabelSchemaRecord, ReviewItemsRecord, ReviewQueueRecord
from tracklog.moving.report import Report
from tracklog.moving.review_columns import ISSUE_COLUMNS, LABEL_SCHEMA_COLUMNS, REVIEW_ITEM_COLUMNS

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "issues": ISSUE_COLUMNS,
    "label_schemas": LABEL_SCHEMA_COLUMNS,
    "review_queues": (
        "queue_id",
        "experiment_id",
        "name",
        "name_key",
        "queue_type",
        "created_by",
        "creation_time_ms",
        "last_update_time_ms",
    ),
    "review_queue_users": ("queue_id", "user_id"),
    "review_queue_label_schemas": ("queue_id", "schema_id"),
    "review_queue_items": REVIEW_ITEM_COLUMNS,
}

KINDS: Final = {
    "issues": "issues",
    "label_schemas": "label schemas",
    "review_queues": "review queues",
    "review_queue_items": "items of review queues",
}
"""How the report calls the rows of these tables."""

NAMES: Final = {
    "review_queue_users": "users of review queues",
    "review_queue_label_schemas": "questions of review queues",
}
"""How it calls what of the others has to be left."""


class ReviewRows:
    """Puts rows by `put`; `experiments` are ids there, by keys."""

    def __init__(self, put: Put, report: Report, experiments: Mapping[str, int]) -> None:
        self._put = put
        self._report = report
        self._experiments = experiments
        self._queue: str | None = None  # whose items come

    def issue(self, record: IssueRecord) -> None:
        experiment_id = self._experiment(record, "issues")
        if experiment_id is None:
            return
        self._put(
            "issues",
            record.where,
            record.issue_id,
            experiment_id,
            record.name,
            record.description,
            record.status,
            record.severity,
            json.dumps(record.root_causes) if record.root_causes else None,
            json.dumps(record.categories) if record.categories else None,
            record.source_run_id,
            record.created_by,
            record.creation_time_ms,
            record.last_update_time_ms,
        )

    def label_schema(self, record: LabelSchemaRecord) -> None:
        experiment_id = self._experiment(record, "label schemas")
        if experiment_id is None:
            return
        [(of, config)] = json.loads(record.input).items()
        self._put(
            "label_schemas",
            record.where,
            record.schema_id,
            experiment_id,
            record.name,
            record.type.lower(),
            of,
            json.dumps(config),
            record.instruction,
            record.enable_comment,
            record.is_default,
            record.creation_time_ms,
            record.last_update_time_ms,
        )

    def review_queue(self, record: ReviewQueueRecord) -> None:
        """A review queue without its items."""
        queue_id, where = record.queue_id, record.where
        experiment_id = self._experiment(record, "review queues")
        self._queue = None if experiment_id is None else queue_id
        if experiment_id is None:
            return
        self._put(
            "review_queues",
            where,
            queue_id,
            experiment_id,
            record.name,
            record.name.lower(),
            record.queue_type.lower(),
            record.created_by,
            record.creation_time_ms,
            record.last_update_time_ms,
        )
        for user in record.users:
            self._put("review_queue_users", where, queue_id, user)
        for schema_id in record.schema_ids:
            self._put("review_queue_label_schemas", where, queue_id, schema_id)

    def items(self, record: ReviewItemsRecord) -> None:
        """The next items of the review queue."""
        where = f"review queue {record.queue_id}"
        if self._queue != record.queue_id:
            self._report.odd("items of review queues", where, "left: of a queue that is", len(record.items))
            return
        for item in record.items:
            self._put(
                "review_queue_items",
                where,
                record.queue_id,
                item.item_id,
                "trace",
                item.status.lower(),
                item.completed_by,
                item.completed_time_ms,
                item.creation_time_ms,
                item.last_update_time_ms,
            )

    def _experiment(self, record: IssueRecord | LabelSchemaRecord | ReviewQueueRecord, kind: str) -> int | None:
        found = self._experiments.get(record.experiment_key)
        if found is None:
            self._report.odd(kind, record.where, "left: its experiment is not there", 1)
        return found
