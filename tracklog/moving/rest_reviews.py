"""The issues, label schemas and review queues of a running server, of experiments that are not deleted."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from tracklog.moving.cells import Cells
from tracklog.moving.records import (
    IssueRecord,
    LabelSchemaRecord,
    OddityRecord,
    Records,
    ReviewQueueRecord,
    SizeRecord,
)
from tracklog.moving.rest_client import ABSENT, Refused, RestClient

_MLFLOW: Final = "api/3.0/mlflow"
_AT_ONCE: Final = 1000

_Ask: TypeAlias = Callable[[str, Mapping[str, Any]], Any]


class RestReviews:
    """Asks for them. Servers before 3.11 have no issues, and those before 3.14 none of the others."""

    def __init__(self, client: RestClient, cells: Cells) -> None:
        self._client = client
        self._cells = cells

    def records(self, experiment_ids: Sequence[str]) -> Records:
        """Those of some experiments. Items of queues are traces, which are not read, and stay behind with them."""
        lists: tuple[tuple[str, _Ask, str, Callable[[Mapping[str, Any]], Records]], ...] = (
            ("issues", self._client.post, "issues/search", self._issue),
            ("label_schemas", self._client.get, "label-schemas/list", self._label_schema),
            ("review_queues", self._client.get, "review-queues/list", self._review_queue),
        )
        for name, ask, route, record in lists:
            for experiment_id in experiment_ids:
                wanted = {"experiment_id": experiment_id, "max_results": _AT_ONCE}
                for found in self._found(name, ask, route, wanted):
                    yield SizeRecord(name.replace("_", " "), 1)
                    yield from record(found)
                    yield from self._cells.take()

    def _found(self, name: str, ask: _Ask, route: str, wanted: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """What a list has; nothing where the server has no such route, or the experiment is gone by now."""
        try:
            for page in self._client.pages(ask, f"{_MLFLOW}/{route}", wanted):
                yield from page.get(name, ())
        except Refused as error:
            if error.status not in ABSENT:
                raise

    def _issue(self, found: Mapping[str, Any]) -> Records:
        kind, cells = "issues", self._cells
        issue_id = cells.text(found.get("issue_id"), kind, kind)
        where = f"issue {issue_id}"
        yield IssueRecord(
            where=where,
            issue_id=issue_id,
            experiment_key=str(found.get("experiment_id")),
            name=cells.text(found.get("name"), kind, where),
            description=cells.text(found.get("description"), kind, where),
            status=cells.text(found.get("status"), kind, where),
            severity=cells.text(found.get("severity"), kind, where) or None,
            root_causes=[cells.text(one, kind, where) for one in found.get("root_causes", ())],
            categories=[cells.text(one, kind, where) for one in found.get("categories", ())],
            source_run_id=cells.text(found.get("source_run_id"), kind, where) or None,
            created_by=cells.text(found.get("created_by"), kind, where) or None,
            creation_time_ms=cells.number(found.get("created_timestamp"), kind, where),
            last_update_time_ms=cells.number(found.get("last_updated_timestamp"), kind, where),
        )

    def _label_schema(self, found: Mapping[str, Any]) -> Records:
        kind, cells = "label schemas", self._cells
        schema_id = cells.text(found.get("schema_id"), kind, kind)
        where = f"label schema {schema_id}"
        if found.get("created_by"):
            cells.odd(kind, where, f"who made it is not kept: {found['created_by']!r:.100}")
        instruction = found.get("instruction")
        yield LabelSchemaRecord(
            where=where,
            schema_id=schema_id,
            experiment_key=str(found.get("experiment_id")),
            name=cells.text(found.get("name"), kind, where),
            type=cells.text(found.get("type"), kind, where),
            input=json.dumps(found.get("input", {})),
            instruction=None if instruction is None else cells.text(instruction, kind, where),
            enable_comment=bool(found.get("enable_comment")),
            is_default=bool(found.get("is_default")),
            creation_time_ms=cells.number(found.get("created_at"), kind, where),
            last_update_time_ms=cells.number(found.get("last_updated_at"), kind, where),
        )

    def _review_queue(self, found: Mapping[str, Any]) -> Records:
        kind, cells = "review queues", self._cells
        queue_id = cells.text(found.get("queue_id"), kind, kind)
        where = f"review queue {queue_id}"
        yield ReviewQueueRecord(
            where=where,
            queue_id=queue_id,
            experiment_key=str(found.get("experiment_id")),
            name=cells.text(found.get("name"), kind, where),
            queue_type=cells.text(found.get("queue_type"), kind, where),
            users=[cells.text(one, kind, where) for one in found.get("users", ())],
            schema_ids=[cells.text(one, kind, where) for one in found.get("schema_ids", ())],
            created_by=cells.text(found.get("created_by"), kind, where) or None,
            creation_time_ms=cells.number(found.get("creation_time_ms"), kind, where),
            last_update_time_ms=cells.number(found.get("last_update_time_ms"), kind, where),
        )
        of_queue = {"queue_id": queue_id, "max_results": _AT_ONCE}
        items = sum(1 for _ in self._found("items", self._client.get, "review-queues/items/list", of_queue))
        if items:
            kind = "items of review queues"
            yield SizeRecord(kind, items)
            yield OddityRecord(kind, where, "left: they are traces, which are not read of a server", items)
