"""What a read model of ours holds of issues, label schemas and review queues, as records of stores."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, func, select

from read_model.tables.experiments import experiments
from read_model.tables.issues import issues
from read_model.tables.label_schemas import label_schemas
from read_model.tables.review_queues import review_queue_items, review_queues
from read_model.tables.runs import runs
from schemas.documents.label_schemas import LabelSchemaFields, default_schema, experiment_of_default
from tracklog.moving.records import (
    ITEMS_PER_RECORD,
    IssueRecord,
    LabelSchemaRecord,
    Records,
    ReviewItem,
    ReviewItemsRecord,
    ReviewQueueRecord,
    SizeRecord,
)

COUNTED: Final = {
    "issues": issues,
    "label schemas": label_schemas,
    "review queues": review_queues,
    "items of review queues": review_queue_items,
}

Row = Any


class ReadModelReviewRecords:
    """Reads by a connection, which is in a transaction that sees one moment."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def records(self) -> Records:
        """All of them, with how many there are."""
        for kind, table in COUNTED.items():
            yield SizeRecord(kind, self._connection.execute(select(func.count()).select_from(table)).scalar_one())
        queues = self._connection.execute(select(review_queues).order_by("queue_id")).all()
        yield from self._issues()
        yield from self._label_schemas()
        yield from self._defaults_asked(queues)
        for row in queues:
            yield _queue(row)
            yield from self._items(row.queue_id)

    def _issues(self) -> Iterator[IssueRecord]:
        """Each with the run that found it, if that is there: MLflow lets go of one that is not."""
        there = select(issues, runs.c.run_id).outerjoin(runs, runs.c.run_id == issues.c.source_run_id)
        for row in self._connection.execute(there.order_by(issues.c.issue_id)):
            yield IssueRecord(
                where=f"issue {row.issue_id}",
                issue_id=row.issue_id,
                experiment_key=str(row.experiment_id),
                name=row.name,
                description=row.description,
                status=row.status,
                severity=row.severity,
                root_causes=json.loads(row.root_causes or "[]"),
                categories=json.loads(row.categories or "[]"),
                source_run_id=row.run_id,
                created_by=row.created_by,
                creation_time_ms=row.created_timestamp_ms,
                last_update_time_ms=row.last_updated_timestamp_ms,
            )

    def _label_schemas(self) -> Iterator[LabelSchemaRecord]:
        for row in self._connection.execute(select(label_schemas).order_by("schema_id")):
            fields = (getattr(row, name) for name in LabelSchemaFields.__dataclass_fields__ if name != "is_default")
            yield _label_schema(LabelSchemaFields(*fields))

    def _defaults_asked(self, queues: Sequence[Row]) -> Records:
        """The default label schemas that queues name: here they are no rows."""
        named = {experiment_of_default(schema_id) for row in queues for schema_id in json.loads(row.schema_ids)}
        those = [one for one in named if one is not None]
        found = select(experiments.c.experiment_id, experiments.c.creation_time_ms).where(
            experiments.c.experiment_id.in_(those)
        )
        for experiment_id, created_ms in self._connection.execute(found.order_by("experiment_id")):
            yield SizeRecord("label schemas", 1)
            yield _label_schema(default_schema(experiment_id, created_ms))

    def _items(self, queue_id: str) -> Iterator[ReviewItemsRecord]:
        items = review_queue_items
        of_queue = select(items).where(items.c.queue_id == queue_id).order_by("creation_time_ms", "item_id")
        for rows in self._connection.execute(of_queue).partitions(ITEMS_PER_RECORD):
            yield ReviewItemsRecord(
                queue_id,
                [
                    ReviewItem(
                        item_id=row.item_id,
                        status=row.status,
                        completed_by=row.completed_by,
                        completed_time_ms=row.completed_time_ms,
                        creation_time_ms=row.creation_time_ms,
                        last_update_time_ms=row.last_update_time_ms,
                    )
                    for row in rows
                ],
            )


def _label_schema(schema: LabelSchemaFields) -> LabelSchemaRecord:
    return LabelSchemaRecord(
        where=f"label schema {schema.schema_id}",
        schema_id=schema.schema_id,
        experiment_key=str(schema.experiment_id),
        name=schema.name,
        type=schema.type,
        input=schema.input,
        instruction=schema.instruction,
        enable_comment=bool(schema.enable_comment),
        is_default=schema.is_default,
        creation_time_ms=schema.created_at_ms,
        last_update_time_ms=schema.last_updated_at_ms,
    )


def _queue(row: Row) -> ReviewQueueRecord:
    return ReviewQueueRecord(
        where=f"review queue {row.queue_id}",
        queue_id=row.queue_id,
        experiment_key=str(row.experiment_id),
        name=row.name,
        queue_type=row.queue_type,
        users=json.loads(row.users),
        schema_ids=json.loads(row.schema_ids),
        created_by=row.created_by,
        creation_time_ms=row.creation_time_ms,
        last_update_time_ms=row.last_update_time_ms,
    )
