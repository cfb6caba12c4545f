"""The tables of an export that are not of runs: rows of the read model as they are, by their keys."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, NamedTuple

from query_api.frames.arrow import arrow
from query_api.port import ReadModel
from schemas.mlflow import LOGGED_MODEL_STATUSES

ROWS_AT_ONCE: Final = 1000
"""A value of the registry may have 100 kB."""


class PlainTable(NamedTuple):
    """`columns` are (name in the file, SQL of the read model, type); `key` is SQL that tells one row from another."""

    name: str
    source: str
    columns: Sequence[tuple[str, str, str]]
    key: Sequence[str]


def _texts(*names: str) -> list[tuple[str, str, str]]:
    return [(name, f"t.{name}", "text") for name in names]


def _times(*names: str) -> list[tuple[str, str, str]]:
    return [(name, f"t.{name}_ms", "time") for name in names]


_STATUSES: Final = " ".join(f"WHEN {number} THEN '{word}'" for number, word in LOGGED_MODEL_STATUSES.items())
_STATUS: Final = f"CASE t.status {_STATUSES} END"

EXPERIMENT_TABLES: Final = (
    PlainTable(
        "experiments",
        "experiments t",
        (
            ("experiment_id", "t.experiment_id", "number"),
            *_texts("name", "artifact_location", "lifecycle_stage"),
            *_times("creation_time", "last_update_time"),
        ),
        ("t.experiment_id",),
    ),
    PlainTable(
        "experiment_tags",
        "experiment_tags t",
        (("experiment_id", "t.experiment_id", "number"), *_texts("key", "value")),
        ("t.experiment_id", "t.key"),
    ),
)

REGISTRY_TABLES: Final = (
    PlainTable(
        "registered_models",
        "registered_models t",
        (*_texts("name", "description"), *_times("creation_timestamp", "last_updated_timestamp")),
        ("t.name",),
    ),
    PlainTable(
        "registered_model_tags",
        "registered_model_tags t JOIN registered_models m ON m.registered_model_id = t.registered_model_id",
        (("name", "m.name", "text"), *_texts("key", "value")),
        ("m.name", "t.key"),
    ),
    PlainTable(
        "registered_model_aliases",
        "registered_model_aliases t JOIN registered_models m ON m.registered_model_id = t.registered_model_id",
        (("name", "m.name", "text"), *_texts("alias"), ("version", "t.version", "number")),
        ("m.name", "t.alias"),
    ),
    PlainTable(
        "model_versions",
        "model_versions t",
        (
            *_texts("name"),
            ("version", "t.version", "number"),
            *_texts("current_stage", "description", "source", "run_id"),
            ("model_id", "t.logged_model_id", "text"),
            *_times("creation_timestamp", "last_updated_timestamp"),
        ),
        ("t.name", "t.version"),
    ),
    PlainTable(
        "model_version_tags",
        "model_version_tags t JOIN model_versions v ON v.version_id = t.version_id",
        (("name", "v.name", "text"), ("version", "v.version", "number"), *_texts("key", "value")),
        ("v.name", "v.version", "t.key"),
    ),
)

LOGGED_MODEL_TABLES: Final = (
    PlainTable(
        "logged_models",
        "logged_models t",
        (
            *_texts("model_id"),
            ("experiment_id", "t.experiment_id", "number"),
            *_texts("name", "model_type", "source_run_id", "artifact_location", "lifecycle_stage"),
            ("status", _STATUS, "text"),
            *_times("creation_timestamp", "last_updated_timestamp"),
        ),
        ("t.model_id",),
    ),
    PlainTable(
        "logged_model_params", "logged_model_params t", _texts("model_id", "key", "value"), ("t.model_id", "t.key")
    ),
    PlainTable("logged_model_tags", "logged_model_tags t", _texts("model_id", "key", "value"), ("t.model_id", "t.key")),
    PlainTable(
        "logged_model_metrics",
        "logged_model_metrics t",
        (
            *_texts("model_id", "key"),
            *_times("timestamp"),
            ("step", "t.step", "number"),
            *_texts("run_id"),
            ("value", "t.value", "double"),
            *_texts("dataset_name", "dataset_digest"),
        ),
        ("t.model_id", "t.key", "t.timestamp_ms", "t.step", "t.run_id"),
    ),
)
"""Each with the model's id in its first column."""


def schema_of(table: PlainTable) -> Any:
    """The columns of its file."""
    pyarrow = arrow()
    types = {
        "text": pyarrow.string(),
        "number": pyarrow.int64(),
        "double": pyarrow.float64(),
        "time": pyarrow.timestamp("ms", tz="UTC"),
    }
    return pyarrow.schema([(name, types[column_type]) for name, _, column_type in table.columns])


async def rows_of(read_model: ReadModel, table: PlainTable, only: Sequence[str] | None = None) -> AsyncIterator[Any]:
    """The record batches of a table by its key; with `only` the rows whose first column is one of these."""
    dialect = read_model.dialect
    schema = schema_of(table)
    chosen = ", ".join((*(sql for _, sql, _ in table.columns), *table.key))
    key = ", ".join(table.key)
    if only is not None:
        statement = f"SELECT {chosen} FROM {table.source} WHERE {table.key[0]} = ANY($1) ORDER BY {key}"
        for start in range(0, len(only), ROWS_AT_ONCE):
            some = dialect.listed(only[start : start + ROWS_AT_ONCE])
            rows = await read_model.fetch(dialect.statement(statement), (some,))
            if rows:
                yield _batch(schema, rows)
        return
    after: tuple[Any, ...] | None = None
    while True:
        marks = ", ".join(f"${number + 1}" for number in range(len(table.key)))
        where = "" if after is None else f" WHERE ({key}) > ({marks})"
        statement = f"SELECT {chosen} FROM {table.source}{where} ORDER BY {key} LIMIT {ROWS_AT_ONCE}"
        rows = await read_model.fetch(dialect.statement(statement), after or ())
        if rows:
            yield _batch(schema, rows)
        if len(rows) < ROWS_AT_ONCE:
            return
        after = tuple(rows[-1][len(table.columns) :])


def _batch(schema: Any, rows: Sequence[Sequence[Any]]) -> Any:
    pyarrow = arrow()
    columns = [list(column) for column in zip(*rows, strict=True)]
    arrays = [pyarrow.array(column, field.type) for column, field in zip(columns, schema, strict=False)]
    return pyarrow.record_batch(arrays, schema=schema)
