"""The frames of params, tags and newest metrics: a row for each value of each run."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from query_api.frames.arrow import arrow
from query_api.frames.runs import infos
from query_api.frames.selection import RunPages
from query_api.frames.values import LATEST_METRICS, RunValues
from query_api.port import ReadModel, Row

MAX_RUNS: Final = 512


def long_schema(table: str) -> Any:
    """The columns of PARAMS, TAGS or LATEST_METRICS."""
    pyarrow = arrow()
    text = pyarrow.string()
    columns = [("run_id", text), ("key", text)]
    if table == LATEST_METRICS:
        time = pyarrow.timestamp("ms", tz="UTC")
        columns += [("value", pyarrow.float64()), ("step", pyarrow.int64()), ("timestamp", time)]
    else:
        columns.append(("value", text))
    return pyarrow.schema(columns)


async def long_values(
    read_model: ReadModel, selection: RunPages, table: str, keys: Sequence[str]
) -> tuple[Any, AsyncIterator[Any]]:
    """The schema and the record batches."""
    return long_schema(table), _batches(read_model, selection, table, keys)


async def _batches(read_model: ReadModel, selection: RunPages, table: str, keys: Sequence[str]) -> AsyncIterator[Any]:
    schema = long_schema(table)
    values = RunValues(read_model, [(table, keys)], MAX_RUNS)
    async for numbers in selection.pages(read_model):
        info = await infos(read_model, numbers)
        async for runs, (rows,) in values.of([number for number in numbers if number in info]):
            if rows:
                yield await asyncio.to_thread(_batch, schema, table, info, runs, rows)


def _batch(schema: Any, table: str, info: dict[int, Row], runs: Sequence[int], rows: list[Row]) -> Any:
    """The record batch of some values."""
    pyarrow = arrow()
    place = {number: index for index, number in enumerate(runs)}
    rows.sort(key=lambda row: place[row[1]])
    columns: list[Any] = [[info[row[1]][0] for row in rows], [row[2] for row in rows]]
    if table == LATEST_METRICS:
        columns.append([float("nan") if row[5] is None else row[5] for row in rows])
        columns += [[row[3] for row in rows], [row[4] for row in rows]]
    else:
        columns.append(pyarrow.array([row[0] for row in rows], pyarrow.binary()).cast(pyarrow.string()))
    arrays = [pyarrow.array(one, field.type) for one, field in zip(columns, schema, strict=True)]
    return pyarrow.record_batch(arrays, schema=schema)
