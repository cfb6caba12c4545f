"""The frame of the history of metrics: a row for each point, each history in MLflow's order.

Short histories come out of the database many at a time, long ones one after the other, piece by piece.
"""

from array import array
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, NamedTuple

from query_api.frames.arrow import arrow
from query_api.frames.runs import infos
from query_api.frames.selection import Selection
from query_api.metrics.history_order import Ordered, in_order, ordered
from query_api.metrics.stored_series import damage_reported, find_series
from query_api.port import ReadModel
from read_model.metric_points import POINTS_PER_CHUNK, Points, extend, no_points, unpack_chunk, unpack_segments
from schemas.errors import TemporarilyUnavailable

BATCH_POINTS: Final = 65_536
"""Of a record batch, and of the short histories that are read at once: 3 MB."""

SHORT_POINTS: Final = 32_768
"""A history of more is read alone: it is worth the statements."""

_SERIES_AT_ONCE: Final = 1000
"""Each may bring a tail of 12 kB."""

_RUNS_AT_ONCE: Final = 500

_SERIES: Final = """
SELECT l.run_number, l.key, l.points, l.step, l.timestamp_ms, l.value, t.data
FROM latest_metrics l LEFT JOIN metric_tails t ON t.run_number = l.run_number AND t.key = l.key
WHERE l.run_number = ANY($1) AND (l.run_number, l.key) > ($2, $3){keys} ORDER BY l.run_number, l.key LIMIT $4
"""
_CHUNKS: Final = """
SELECT run_number, key, chunk_number, data FROM metric_chunks
WHERE run_number = ANY($1) AND (run_number, key) >= ($2, $3) AND (run_number, key) <= ($4, $5){keys}
ORDER BY run_number, key, chunk_number
"""


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
    read_model: ReadModel, selection: Selection, keys: Sequence[str]
) -> tuple[Any, AsyncIterator[Any]]:
    """The schema and the record batches."""
    return history_schema(), _batches(read_model, selection, keys)


async def _batches(read_model: ReadModel, selection: Selection, keys: Sequence[str]) -> AsyncIterator[Any]:
    rows = PointRows()
    async for numbers in selection.pages(read_model):
        info = await infos(read_model, numbers)
        run_ids = {number: row[0] for number, row in info.items()}
        for start in range(0, len(numbers), _RUNS_AT_ONCE):
            runs = sorted(number for number in numbers[start : start + _RUNS_AT_ONCE] if number in run_ids)
            async for series, points in _histories(read_model, runs, run_ids, keys):
                rows.add(run_ids[series.run_number], series.key, points)
                if rows.count >= BATCH_POINTS:
                    yield rows.take()
    if rows.count:
        yield rows.take()


async def _histories(
    read_model: ReadModel, runs: Sequence[int], run_ids: dict[int, str], keys: Sequence[str]
) -> AsyncIterator[tuple[_Series, Ordered]]:
    """The points of each history of the runs, a long one in several pieces."""
    dialect = read_model.dialect
    numbers = dialect.listed(runs)
    with_keys = (dialect.listed(keys),) if keys else ()
    series_statement = dialect.statement(_SERIES.format(keys=" AND l.key = ANY($5)" if keys else ""))
    last: tuple[int, str] = (-1, "")
    while True:
        found = await read_model.fetch(series_statement, (numbers, *last, _SERIES_AT_ONCE, *with_keys))
        for group in _groups(list(map(_Series._make, found))):
            if len(group) == 1 and group[0].points > SHORT_POINTS:
                long = await find_series(read_model, run_ids[group[0].run_number], group[0].key)
                if long is not None:
                    async for piece in in_order(read_model, long):
                        yield group[0], piece
                continue
            chunks = await _chunks_of(read_model, numbers, group, keys)
            for series in group:
                with damage_reported(read_model):
                    points = _whole(series, chunks.get((series.run_number, series.key), []))
                yield series, ordered(points)
        if len(found) < _SERIES_AT_ONCE:
            return
        last = found[-1][0], found[-1][1]


def _groups(series: Sequence[_Series]) -> list[list[_Series]]:
    """Neighbours that are read together."""
    groups: list[list[_Series]] = []
    points = BATCH_POINTS
    for one in series:
        points += one.points
        if points > BATCH_POINTS:
            groups.append([])
            points = one.points
        groups[-1].append(one)
    return groups


async def _chunks_of(
    read_model: ReadModel, numbers: Any, group: Sequence[_Series], keys: Sequence[str]
) -> dict[tuple[int, str], list[bytes]]:
    """The packed points of each history that has chunks, in their order."""
    if all(one.points < POINTS_PER_CHUNK for one in group):
        return {}
    dialect = read_model.dialect
    rows = await read_model.fetch(
        dialect.statement(_CHUNKS.format(keys=" AND key = ANY($6)" if keys else "")),
        (
            numbers,
            *(group[0].run_number, group[0].key, group[-1].run_number, group[-1].key),
            *((dialect.listed(keys),) if keys else ()),
        ),
    )
    chunks: dict[tuple[int, str], list[bytes]] = {}
    for number, key, _, data in rows:
        chunks.setdefault((number, key), []).append(data)
    return chunks


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
