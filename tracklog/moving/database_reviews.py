"""The issues, label schemas and review queues of a database of MLflow."""

import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from tracklog.moving.cells import Cells
from tracklog.moving.database_rows import DatabaseRows
from tracklog.moving.grouped import Grouped, Row
from tracklog.moving.records import (
    ITEMS_PER_RECORD,
    IssueRecord,
    LabelSchemaRecord,
    Records,
    ReviewItem,
    ReviewItemsRecord,
    ReviewQueueRecord,
)
from tracklog.moving.review_columns import ISSUE_COLUMNS, LABEL_SCHEMA_COLUMNS, REVIEW_ITEM_COLUMNS

_TRACE: Final = "trace"
"""The one type of items."""


class ReviewReader:
    """Reads what people find in traces, are asked about them, and are asked to look at. MLflow has them since 3.11."""

    def __init__(self, rows: DatabaseRows, cells: Cells) -> None:
        self._rows = rows
        self._cells = cells

    def records(self) -> Records:
        """All of them."""
        yield from self._issues()
        yield from self._label_schemas()
        yield from self._review_queues()

    def _issues(self) -> Records:
        kind, cells = "issues", self._cells
        for row in self._rows.of(kind, ISSUE_COLUMNS, then=("issue_id",)):
            where = f"issues, issue_id {row[0]!r:.50}"
            yield IssueRecord(
                where=where,
                issue_id=cells.text(row[0], kind, where),
                experiment_key=str(row[1]),
                name=cells.text(row[2], kind, where),
                description=cells.text(row[3], kind, where),
                status=cells.text(row[4], kind, where),
                severity=cells.text(row[5], kind, where) or None,
                root_causes=self._texts(row[6], where),
                categories=self._texts(row[7], where),
                source_run_id=cells.text(row[8], kind, where) or None,
                created_by=cells.text(row[9], kind, where) or None,
                creation_time_ms=cells.number(row[10], kind, where),
                last_update_time_ms=cells.number(row[11], kind, where),
            )
            yield from cells.take()

    def _texts(self, value: Any, where: str) -> list[str]:
        """A list of texts in JSON."""
        if value in (None, ""):
            return []
        text = self._cells.text(value, "issues", where)
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, list):
            self._cells.odd("issues", where, f"no list in JSON, taken for one text: {text!r:.200}")
            return [text]
        return [self._cells.text(one, "issues", where) for one in found]

    def _label_schemas(self) -> Records:
        kind, table, cells = "label schemas", "label_schemas", self._cells
        names = (*LABEL_SCHEMA_COLUMNS, "created_by")
        for row in self._rows.of(table, names, then=("schema_id",)):
            where = f"{table}, schema_id {row[0]!r:.50}"
            if row[11] is not None:
                cells.odd(kind, where, f"who made it is not kept: {row[11]!r:.100}")
            yield LabelSchemaRecord(
                where=where,
                schema_id=cells.text(row[0], kind, where),
                experiment_key=str(row[1]),
                name=cells.text(row[2], kind, where),
                type=cells.text(row[3], kind, where).upper(),
                input=self._input(row[4], row[5], where),
                instruction=None if row[6] is None else cells.text(row[6], kind, where),
                enable_comment=bool(row[7]),
                is_default=bool(row[8]),
                creation_time_ms=cells.number(row[9], kind, where),
                last_update_time_ms=cells.number(row[10], kind, where),
            )
            yield from cells.take()

    def _input(self, of: Any, config: Any, where: str) -> str:
        """As the API has it: without what is null. Nothing where the row says none."""
        try:
            found = json.loads(self._cells.text(config, "label schemas", where))
        except ValueError:
            return ""
        if not isinstance(found, dict):
            return ""
        return json.dumps({str(of): {name: value for name, value in found.items() if value is not None}})

    def _review_queues(self) -> Records:
        kind, table, cells = "review queues", "review_queues", self._cells
        users = self._of_queues("review_queue_users", "user_id")
        schemas = self._of_queues("review_queue_label_schemas", "schema_id")
        items = Grouped(
            self._rows.blocks_of(
                "review_queue_items", REVIEW_ITEM_COLUMNS, ("queue_id",), then=("creation_time_ms", "item_id")
            ),
            "items of review queues",
        )
        names = (
            "queue_id",
            "experiment_id",
            "name",
            "queue_type",
            "created_by",
            "creation_time_ms",
            "last_update_time_ms",
        )
        for row in chain.from_iterable(self._rows.blocks_of(table, names, ("queue_id",), then=())):
            yield from items.before(row[0])
            where = f"{table}, queue_id {row[0]!r:.50}"
            queue_id = cells.text(row[0], kind, where)
            yield ReviewQueueRecord(
                where=where,
                queue_id=queue_id,
                experiment_key=str(row[1]),
                name=cells.text(row[2], kind, where),
                queue_type=cells.text(row[3], kind, where).upper(),
                users=[cells.text(one, kind, where) for one in users.get(row[0], ())],
                schema_ids=[cells.text(one, kind, where) for one in schemas.get(row[0], ())],
                created_by=cells.text(row[4], kind, where) or None,
                creation_time_ms=cells.number(row[5], kind, where),
                last_update_time_ms=cells.number(row[6], kind, where),
            )
            yield from cells.take()
            yield from self._items(queue_id, items.of(row[0]))
        yield from items.before(None)

    def _of_queues(self, table: str, name: str) -> dict[Any, list[Any]]:
        """What a table has of each queue, in its own order."""
        found: dict[Any, list[Any]] = defaultdict(list)
        columns = ("queue_id", name)
        for queue_id, value in self._rows.of(table, columns, columns, then=()):
            found[queue_id].append(value)
        return found

    def _items(self, queue_id: str, rows: Iterator[Row]) -> Records:
        kind, cells = "items of review queues", self._cells
        where = f"review_queue_items, queue_id {queue_id!r:.50}"
        gathered: list[ReviewItem] = []
        for _, item_id, of, status, by, completed, created, updated in rows:
            if of not in (None, _TRACE):
                cells.odd(kind, where, f"left: {item_id!r:.60} is no trace but a {of!r:.50}", 1)
                continue
            item = ReviewItem(
                item_id=cells.text(item_id, kind, where),
                status=cells.text(status, kind, where).upper(),
                completed_by=cells.text(by, kind, where) or None,
                completed_time_ms=cells.number(completed, kind, where),
                creation_time_ms=cells.number(created, kind, where),
                last_update_time_ms=cells.number(updated, kind, where),
            )
            gathered.append(item)
            if len(gathered) == ITEMS_PER_RECORD:
                yield ReviewItemsRecord(queue_id, gathered)
                gathered = []
        if gathered:
            yield ReviewItemsRecord(queue_id, gathered)
        yield from cells.take()
