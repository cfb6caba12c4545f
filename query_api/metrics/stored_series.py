"""Where the history of one metric of a run lies: chunks known by their ranges, and the few points after them.

A full chunk never changes, and its number means the same in every generation of the read model. So what is found here
stays true however long its reader takes, and no view of the database has to be held open meanwhile.
"""

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

from query_api.port import ReadModel
from read_model.metric_points import POINTS_PER_CHUNK, DamagedPoints, Points, no_points, unpack_segments
from schemas.errors import TemporarilyUnavailable

_NAN: Final = float("nan")


class PointRange(NamedTuple):
    """Some of a history's points, side by side in the log, by their ranges.

    `chunk_number` None: the points after the last chunk; a chunk has POINTS_PER_CHUNK. The values' range leaves NaN
    out and is None when every value is NaN.
    """

    chunk_number: int | None
    min_step: int
    max_step: int
    min_timestamp_ms: int
    max_timestamp_ms: int
    min_value: float | None
    max_value: float | None


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """A metric's history in the order of the log: the points of all chunks, then `rest`."""

    run_id: str
    key: str
    ranges: Sequence[PointRange]  # of each chunk, then of `rest` if it has points
    rest: Points


_OF_RUN = "(SELECT run_number FROM runs WHERE run_id = $1)"

_NEWEST: Final = f"""SELECT l.points, l.step, l.timestamp_ms, l.value, t.data
FROM latest_metrics l LEFT JOIN metric_tails t ON t.run_number = l.run_number AND t.key = l.key
WHERE l.run_number = {_OF_RUN} AND l.key = $2"""

_RANGES: Final = f"""SELECT chunk_number, min_step, max_step, min_timestamp_ms, max_timestamp_ms, min_value, max_value
FROM metric_chunks WHERE run_number = {_OF_RUN} AND key = $2 AND chunk_number < $3 ORDER BY chunk_number"""

_CHUNKS: Final = f"""SELECT chunk_number, data FROM metric_chunks
WHERE run_number = {_OF_RUN} AND key = $2 AND chunk_number = ANY($3)"""


async def find_series(read_model: ReadModel, run_id: str, key: str) -> StoredSeries | None:
    """The history of a metric as it is now, None for an unknown run or metric.

    Raises TemporarilyUnavailable.
    """
    dialect = read_model.dialect
    newest = await read_model.lookup(dialect.statement(_NEWEST), (run_id, key))
    if not newest:
        return None
    points, step, timestamp_ms, value, tail = newest[0]
    if points == 1:
        rest = Points(array("q", [step]), array("q", [timestamp_ms]), array("d", [_NAN if value is None else value]))
    else:
        with damage_reported(read_model):
            rest = no_points() if tail is None else unpack_segments(tail)
    ranges = [_range_of(rest)] if rest.steps else []
    chunks = points // POINTS_PER_CHUNK
    if chunks:
        rows = await read_model.fetch(dialect.statement(_RANGES), (run_id, key, chunks))
        _check_all_there(run_id, key, len(rows), chunks)
        ranges = [*map(PointRange._make, rows), *ranges]
    return StoredSeries(run_id, key, ranges, rest)


@contextmanager
def damage_reported(read_model: ReadModel) -> Iterator[None]:
    """Have the read model know of points that are damaged."""
    try:
        yield
    except DamagedPoints as damage:
        read_model.report_damage(damage.message)
        raise


def _range_of(rest: Points) -> PointRange:
    steps, times, values = rest
    numbers = [value for value in values if not math.isnan(value)]
    least, greatest = min(numbers, default=None), max(numbers, default=None)
    return PointRange(None, min(steps), max(steps), min(times), max(times), least, greatest)


async def load_chunks(
    read_model: ReadModel, series: StoredSeries, ranges: Iterable[PointRange]
) -> dict[int | None, bytes]:
    """The packed points of those of `ranges` that are chunks, by number.

    Raises TemporarilyUnavailable.
    """
    wanted = [each.chunk_number for each in ranges if each.chunk_number is not None]
    if not wanted:
        return {}
    dialect = read_model.dialect
    rows = await read_model.fetch(dialect.statement(_CHUNKS), (series.run_id, series.key, dialect.listed(wanted)))
    _check_all_there(series.run_id, series.key, len(rows), len(wanted))
    return dict(rows)


def _check_all_there(run_id: str, key: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise TemporarilyUnavailable(
            f"{found} of {wanted} chunks of metric '{key}' of run '{run_id}' are in the read model; try again."
        )
