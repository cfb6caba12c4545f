"""The frame of the history of metrics: a row for each point, each history in MLflow's order.

Short histories come out of the database many at a time, long ones one after the other, piece by piece.
"""

from array import array
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from query_api.frames.arrow import arrow
from query_api.frames.runs import infos
from query_api.frames.selection import RunPages
from query_api.metrics.history_order import Ordered, in_order, ordered
from query_api.metrics.stored_series import damage_reported, find_series
from query_api.port import ReadModel, Row
from read_model.metric_points import POINTS_PER_CHUNK, Points, extend, no_points, unpack_chunk, unpack_segments
from schemas.errors import TemporarilyUnavailable

BATCH_POINTS: Final = 65_536
"""Of a record batch, and of the short histories that are read at once: 3 MB."""

SHORT_POINTS: Final = 32_768
"""A history of more is read alone: it is worth the statements."""

_SERIES_AT_ONCE: Final = 1000
"""Each may bring a tail of 12 kB."""

_RUNS_AT_ONCE: Final = 50

_LENGTHS: Final = "SELECT run_number, key, points FROM latest_metrics WHERE run_number = ANY($1){keys}"

_SERIES: Final = """
SELECT l.run_number, l.key, l.points, l.step, l.timestamp_ms, l.value, t.data
FROM latest_metrics l LEFT JOIN metric_tails t ON t.run_number = l.run_number AND t.key = l.key
WHERE l.run_number = ANY($1) AND l.key = ANY($2)
"""
_CHUNKS: Final = """
SELECT run_number, key, data FROM metric_chunks WHERE run_number = ANY($1) AND key = ANY($2)
ORDER BY run_number, key, chunk_number
"""

_Name: TypeAlias = tuple[int, str]
"""The number of a run, and the key of one of its metrics."""


class _Series(NamedTuple):
    run_number: int
    key: str
    points: int
    step: int
    timestamp_ms: int
    value: float | None
    tail: bytes | None


def history_schema() -> Any:
    """The run and the key are in dictionaries, each text once a batch."""
    pyarrow = arrow()
    word = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    return pyarrow.schema(
        [
            ("run_id", word),
            ("key", word),
            ("step", pyarrow.int64()),
            ("timestamp", pyarrow.timestamp("ms", tz="UTC")),
            ("value", pyarrow.float64()),
        ]
    )


async def metric_history(
    read_model: ReadModel, selection: RunPages, keys: Sequence[str]
) -> tuple[Any, AsyncIterator[Any]]:
    """The schema and the record batches."""
    return history_schema(), _batches(read_model, selection, keys)


async def _batches(read_model: ReadModel, selection: RunPages, keys: Sequence[str]) -> AsyncIterator[Any]:
    rows = PointRows()
    async for numbers in selection.pages(read_model):
        info = await infos(read_model, numbers)
        there = [number for number in numbers if number in info]
        for start in range(0, len(there), _RUNS_AT_ONCE):
            async for (number, key), points in _histories(read_model, there[start : start + _RUNS_AT_ONCE], info, keys):
                rows.add(info[number][0], key, points)
                if rows.count >= BATCH_POINTS:
                    yield rows.take()
    if rows.count:
        yield rows.take()


async def _histories(
    read_model: ReadModel, runs: Sequence[int], info: Mapping[int, Row], keys: Sequence[str]
) -> AsyncIterator[tuple[_Name, Ordered]]:
    """The points of each history of the runs, in their order and by key; a long one in several pieces."""
    dialect = read_model.dialect
    lengths = await read_model.fetch(
        dialect.statement(_LENGTHS.format(keys=" AND key = ANY($2)" if keys else "")),
        (dialect.listed(runs), *((dialect.listed(keys),) if keys else ())),
    )
    place = {number: index for index, number in enumerate(runs)}
    lengths.sort(key=lambda row: (place[row[0]], row[1]))
    for group in _groups(lengths):
        (number, key), points = group[0]
        if points > SHORT_POINTS:
            long = await find_series(read_model, info[number][0], key)
            if long is not None:
                async for piece in in_order(read_model, long):
                    yield (number, key), piece
            continue
        series, chunks = await _read(read_model, [name for name, _ in group], has_chunks=points >= POINTS_PER_CHUNK)
        for name, _ in group:
            if name in series:  # nobody removed it meanwhile
                with damage_reported(read_model):
                    whole = _whole(series[name], chunks.get(name, []))
                yield name, ordered(whole)


def _groups(lengths: Sequence[Row]) -> list[list[tuple[_Name, int]]]:
    """Neighbours that are read together: short ones, or histories of some chunks, or one that is long."""
    groups: list[list[tuple[_Name, int]]] = []
    total, had_chunks = 0, False
    for number, key, points in lengths:
        total += points
        has_chunks = points >= POINTS_PER_CHUNK
        if not groups or total > BATCH_POINTS or has_chunks != had_chunks or len(groups[-1]) >= _SERIES_AT_ONCE:
            groups.append([])
            total = points
        groups[-1].append(((number, key), points))
        # What comes after a long one is never with it.
        total = BATCH_POINTS if points > SHORT_POINTS else total
        had_chunks = has_chunks
    return groups


async def _read(
    read_model: ReadModel, names: Sequence[_Name], *, has_chunks: bool
) -> tuple[dict[_Name, _Series], dict[_Name, list[bytes]]]:
    """The newest value and the tail of each history, and its packed points."""
    dialect = read_model.dialect
    wanted = (
        dialect.listed(list(dict.fromkeys(number for number, _ in names))),
        dialect.listed(list(dict.fromkeys(key for _, key in names))),
    )
    rows = await read_model.fetch(dialect.statement(_SERIES), wanted)
    series = {(row[0], row[1]): _Series._make(row) for row in rows}
    chunks: dict[_Name, list[bytes]] = {}
    if has_chunks or any(one.points >= POINTS_PER_CHUNK for one in series.values()):
        for number, key, data in await read_model.fetch(dialect.statement(_CHUNKS), wanted):
            chunks.setdefault((number, key), []).append(data)
    return series, chunks


def _whole(series: _Series, chunks: Sequence[bytes]) -> Points:
    """The points of a history in the order of the log. Chunks that came since it was looked up are left out.

    Raises DamagedPoints, and TemporarilyUnavailable for chunks that are missing.
    """
    if series.points == 1:
        value = float("nan") if series.value is None else series.value
        return Points(array("q", [series.step]), array("q", [series.timestamp_ms]), array("d", [value]))
    points = no_points()
    full = series.points // POINTS_PER_CHUNK
    if len(chunks) < full:
        raise TemporarilyUnavailable(f"{len(chunks)} of {full} chunks of metric '{series.key}' are there; try again.")
    for chunk in chunks[:full]:
        extend(points, unpack_chunk(chunk))
    if series.tail is not None:
        extend(points, unpack_segments(series.tail))
    return points


class PointRows:
    """Points on their way into a record batch."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.count = 0
        self._columns: tuple[array[Any], ...] = (array("q"), array("q"), array("d"))
        self._words: tuple[dict[str, int], dict[str, int]] = ({}, {})
        self._indexes = (array("i"), array("i"))

    def add(self, run_id: str, key: str, points: Ordered) -> None:
        """Put points of one history behind the others."""
        added = len(points.steps)
        for column, more in zip(self._columns, (points.steps, points.timestamps_ms, points.values), strict=True):
            column.extend(more)
        for words, indexes, word in zip(self._words, self._indexes, (run_id, key), strict=True):
            indexes.extend(array("i", [words.setdefault(word, len(words))]) * added)
        self.count += added

    def take(self) -> Any:
        """The record batch of all rows, which are let go of."""
        pyarrow = arrow()
        schema = history_schema()
        words = [
            pyarrow.DictionaryArray.from_arrays(
                _column(pyarrow, pyarrow.int32(), indexes), pyarrow.array(list(words), pyarrow.string())
            )
            for words, indexes in zip(self._words, self._indexes, strict=True)
        ]
        numbers = [
            _column(pyarrow, field.type, column) for field, column in zip(list(schema)[2:], self._columns, strict=True)
        ]
        batch = pyarrow.record_batch([*words, *numbers], schema=schema)
        self._clear()
        return batch


def _column(pyarrow: Any, column_type: Any, values: "array[Any]") -> Any:
    """A column of numbers, without another copy of them."""
    return pyarrow.Array.from_buffers(column_type, len(values), [None, pyarrow.py_buffer(values)])
