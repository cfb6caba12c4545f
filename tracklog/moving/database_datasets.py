"""The datasets to evaluate with of a database of MLflow, with their examples."""

import json
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import select

from schemas.dataset_records import json_text
from schemas.events import DatasetRecord, Tag
from tracklog.moving.cells import Cells
from tracklog.moving.database_contents import ASSOCIATIONS, EVALUATED, EXPERIMENT
from tracklog.moving.database_rows import DatabaseRows
from tracklog.moving.grouped import Block, Grouped, Row
from tracklog.moving.records import EvaluatedRecord, ExampleRecord, Records
from tracklog.moving.span_reading import mended_json

WRAPPED: Final = "mlflow_wrapped"
"""Outputs may be any JSON, and stand in an object below this key."""

_EXAMPLE: Final = (
    "dataset_id",
    "dataset_record_id",
    "inputs",
    "outputs",
    "expectations",
    "tags",
    "source",
    "created_time",
    "last_update_time",
)

_KIND: Final = "evaluation datasets"
_EXAMPLES: Final = "records of evaluation datasets"


class EvaluatedReader:
    """Reads them in the order of their ids, each followed by its examples."""

    def __init__(self, rows: DatabaseRows, cells: Cells) -> None:
        self._rows = rows
        self._cells = cells

    def records(self) -> Records:
        cells, by_id = self._cells, ("dataset_id",)
        tags = Grouped(
            self._rows.blocks_of("evaluation_dataset_tags", ("dataset_id", "key", "value"), by_id, then=("key",)),
            "tags of evaluation datasets",
        )
        examples = Grouped(
            self._rows.blocks_of(
                "evaluation_dataset_records", _EXAMPLE, by_id, then=("created_time", "dataset_record_id")
            ),
            _EXAMPLES,
        )
        links = Grouped(self._links(), "links between things")
        names = ("dataset_id", "name", "created_time", "last_update_time")
        for dataset_id, name, created, updated in self._rows.of("evaluation_datasets", names, by_id, then=()):
            for stream in (tags, examples, links):
                yield from stream.before(dataset_id)
            where = f"evaluation_datasets, dataset_id {dataset_id!r:.60}"
            yield EvaluatedRecord(
                where=where,
                dataset_id=cells.text(dataset_id, _KIND, where),
                name=cells.text(name, _KIND, where),
                experiment_keys=[cells.text(row[1], "links between things", where) for row in links.of(dataset_id)],
                creation_time_ms=cells.number(created, _KIND, where),
                last_update_time_ms=cells.number(updated, _KIND, where),
                tags=[Tag(*cells.pair(row, "tags of evaluation datasets", where)) for row in tags.of(dataset_id)],
            )
            yield from cells.take()
            for row in examples.of(dataset_id):
                if (example := self._example(row)) is not None:
                    yield example
                yield from cells.take()
        for stream in (tags, examples, links):
            yield from stream.before(None)

    def _links(self) -> Iterator[Block]:
        """dataset, experiment"""
        if ASSOCIATIONS not in self._rows.columns:
            return iter(())
        of = self._rows.table(ASSOCIATIONS)
        statement = (
            select(of.c.source_id, of.c.destination_id)
            .where(of.c.source_type == EVALUATED, of.c.destination_type == EXPERIMENT)
            .order_by(self._rows.by_bytes(of.c.source_id), of.c.destination_id)
        )
        return self._rows.blocks(statement)

    def _example(self, row: Row) -> ExampleRecord | None:
        cells = self._cells
        found = dict(zip(_EXAMPLE, row, strict=True))
        where = f"evaluation_dataset_records, dataset_record_id {found['dataset_record_id']!r:.60}"
        try:
            inputs, expectations, tags, source, outputs = (
                _json(found[name]) for name in ("inputs", "expectations", "tags", "source", "outputs")
            )
            for name, one in (("inputs", inputs), ("expectations", expectations), ("tags", tags), ("source", source)):
                if not isinstance(one, dict) and (one is not None or name == "inputs"):
                    raise ValueError(f"{name} are no JSON object")
        except (ValueError, RecursionError) as error:
            cells.odd(_EXAMPLES, where, f"left: it cannot be read: {error!s:.200}", 1)
            return None
        if isinstance(outputs, dict):
            outputs = outputs.get(WRAPPED)
        return ExampleRecord(
            where=where,
            dataset_id=cells.text(found["dataset_id"], _EXAMPLES, where),
            example=DatasetRecord(
                inputs=json_text(inputs),
                outputs=json_text(outputs),
                expectations=None if expectations is None else json_text(expectations),
                tags=json_text(tags) if tags else None,
                source=json_text(source) if source else None,
                record_id=cells.text(found["dataset_record_id"], _EXAMPLES, where) or None,
            ),
            creation_time_ms=cells.number(found["created_time"], _EXAMPLES, where),
            last_update_time_ms=cells.number(found["last_update_time"], _EXAMPLES, where),
        )


def _json(value: Any) -> Any:
    """JSON as text, or as the database decoded it. Raises ValueError."""
    return mended_json(json.loads(value) if isinstance(value, str | bytes) else value)
