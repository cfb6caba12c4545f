"""The frame of runs, a row each: what they are, and a column for each of their params, metrics and tags."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final

from query_api.frames.arrow import arrow
from query_api.frames.selection import RunPages
from query_api.frames.values import LATEST_METRICS, PARAMS, TAGS, RunValues
from query_api.port import ReadModel, Row
from schemas.documents.runs import LIFECYCLE_STAGE
from schemas.errors import InvalidParameterValue
from schemas.messages.bounds import shown
from schemas.messages.frames import MAX_FRAME_KEYS

MAX_CELLS: Final = 500_000
"""Of a batch: some 10 MB of pointers while it is made."""

MAX_RUNS: Final = 1024
"""Of a batch: 20 ms of work in a thread."""

KINDS: Final = {"params": PARAMS, "metrics": LATEST_METRICS, "tags": TAGS}
"""What stands before the name of a column, and the table of its values."""

_INFO: Final = (
    "SELECT r.run_number, r.run_id, r.name, r.experiment_id, r.user_id, r.status,"
    f" {LIFECYCLE_STAGE}, r.start_time_ms, r.end_time_ms, r.artifact_uri"
    " FROM runs r LEFT JOIN experiments e ON e.experiment_id = r.experiment_id WHERE r.run_number = ANY($1)"
)

_KEYS: Final = """
WITH RECURSIVE k(key) AS (
  SELECT min(key) FROM {table} WHERE experiment_id = $1
  UNION ALL SELECT (SELECT min(key) FROM {table} WHERE experiment_id = $1 AND key > k.key) FROM k WHERE key IS NOT NULL
) SELECT key FROM k WHERE key IS NOT NULL LIMIT $2
"""
"""Each key of an experiment is one step along the index by value."""


def info_fields() -> list[Any]:
    """The columns of what a run is."""
    pyarrow = arrow()
    text, time = pyarrow.string(), pyarrow.timestamp("ms", tz="UTC")
    return [
        *(pyarrow.field(name, text) for name in ("run_id", "run_name", "experiment_id", "user_id", "status")),
        pyarrow.field("lifecycle_stage", text),
        pyarrow.field("start_time", time),
        pyarrow.field("end_time", time),
        pyarrow.field("artifact_uri", text),
    ]


async def wide_runs(read_model: ReadModel, selection: RunPages, keys: Sequence[str]) -> tuple[Any, AsyncIterator[Any]]:
    """The schema and the record batches. Raises InvalidParameterValue."""
    pyarrow = arrow()
    columns = _columns_named(keys) if keys else await _columns_there(read_model, selection.experiment_ids)
    fields = info_fields()
    for kind, of_kind in columns.items():
        kind_type = pyarrow.float64() if kind == "metrics" else pyarrow.string()
        fields += [pyarrow.field(f"{kind}.{key}", kind_type) for key in of_kind]
    schema = pyarrow.schema(fields)
    return schema, _batches(read_model, selection, schema, columns, are_named=bool(keys))


async def run_infos(
    read_model: ReadModel, selection: RunPages, keys: Sequence[str] = ()
) -> tuple[Any, AsyncIterator[Any]]:
    """The schema and the record batches of what runs are, without params and the like; no keys are looked at."""
    fields = info_fields()
    return arrow().schema(fields), _info_batches(read_model, selection, fields)


async def _info_batches(read_model: ReadModel, selection: RunPages, fields: Sequence[Any]) -> AsyncIterator[Any]:
    pyarrow = arrow()
    schema = pyarrow.schema(fields)
    async for numbers in selection.pages(read_model):
        info = await infos(read_model, numbers)
        there = [info[number] for number in numbers if number in info]
        columns = [[row[place] for row in there] for place in range(len(fields))]
        arrays = [pyarrow.array(column, field.type) for column, field in zip(columns, fields, strict=True)]
        yield pyarrow.record_batch(arrays, schema=schema)


async def _batches(
    read_model: ReadModel, selection: RunPages, schema: Any, columns: dict[str, list[str]], *, are_named: bool
) -> AsyncIterator[Any]:
    kinds = [kind for kind, of_kind in columns.items() if of_kind]
    tables = [(KINDS[kind], columns[kind] if are_named else []) for kind in kinds]
    values = RunValues(read_model, tables, max(1, min(MAX_RUNS, MAX_CELLS // len(schema))))
    async for numbers in selection.pages(read_model):
        info = await infos(read_model, numbers)
        async for runs, rows in values.of([number for number in numbers if number in info]):
            found = dict(zip(kinds, rows, strict=True))
            yield await asyncio.to_thread(_batch, schema, columns, [info[number] for number in runs], runs, found)


def _batch(
    schema: Any, columns: dict[str, list[str]], infos: Sequence[Row], runs: Sequence[int], found: dict[str, list[Row]]
) -> Any:
    """The record batch of some runs."""
    pyarrow = arrow()
    place = {number: index for index, number in enumerate(runs)}
    lists: list[list[Any]] = [*map(list, zip(*infos, strict=True))]
    for kind, keys in columns.items():
        lists += _pivoted(keys, place, found.get(kind, ()), is_metric=kind == "metrics")
    arrays = [pyarrow.array(values, field.type) for values, field in zip(lists, schema, strict=True)]
    return pyarrow.record_batch(arrays, schema=schema)


async def infos(read_model: ReadModel, numbers: Sequence[int]) -> dict[int, Row]:
    """The columns of what runs are, by their numbers; a run that has gone meanwhile is missing."""
    dialect = read_model.dialect
    rows = await read_model.fetch(dialect.statement(_INFO), (dialect.listed(numbers),))
    return {row[0]: (row[1], row[2], str(row[3]), *row[4:]) for row in rows}


def _pivoted(keys: Sequence[str], place: dict[int, int], rows: Iterable[Row], *, is_metric: bool) -> list[list[Any]]:
    """A column for each key."""
    columns: dict[str, list[Any]] = {key: [None] * len(place) for key in keys}
    if is_metric:
        for _, number, key, _, _, value in rows:
            if (column := columns.get(key)) is not None:  # a new key has no column
                column[place[number]] = float("nan") if value is None else value
    else:
        for text, number, key in rows:
            if (column := columns.get(key)) is not None:
                column[place[number]] = text.decode()
    return list(columns.values())


def _columns_named(keys: Sequence[str]) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for name in dict.fromkeys(keys):
        kind, _, key = name.partition(".")
        if kind not in KINDS or not key:
            raise InvalidParameterValue(f"keys of runs are params.…, metrics.… or tags.…, got {shown(name)}.")
        columns[kind].append(key)
    return columns


async def _columns_there(read_model: ReadModel, experiment_ids: Sequence[int]) -> dict[str, list[str]]:
    """Every key of the experiments."""
    columns: dict[str, list[str]] = {}
    left = MAX_FRAME_KEYS
    for kind, table in KINDS.items():
        found: set[str] = set()
        statement = read_model.dialect.statement(_KEYS.format(table=table))
        for experiment_id in experiment_ids:
            found.update(row[0] for row in await read_model.fetch(statement, (experiment_id, left + 1)))
            if len(found) > left:
                raise InvalidParameterValue(
                    f"The runs have more than {MAX_FRAME_KEYS} params, metrics and tags: name the wanted ones by keys,"
                    " or ask for the tables params, metrics and tags."
                )
        left -= len(found)
        columns[kind] = sorted(found)
    return columns
