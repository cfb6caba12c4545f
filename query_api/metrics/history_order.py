"""A metric's history in MLflow's order, by timestamp, step and value, each point once, with little of it in memory.

Chunks are cut in the order of the log, which is nearly always the order of time as well. They are taken by their least
timestamp; what lies before the least point of all chunks not yet taken is in its final place and handed on. The rest
waits, sorted, for the next chunk. Where more points would have to wait than memory is given, those that come first are
kept, handed on, and the chunks gone through again for the next.
"""

import asyncio
import math
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice, repeat
from operator import lt
from typing import Final, NamedTuple

from query_api.metrics.stored_series import PointRange, StoredSeries, damage_reported, load_chunks
from query_api.port import ReadModel
from read_model.metric_points import Points, unpack_chunk

MAX_WAITING_POINTS: Final = 131_072
"""Some 25 MB of tuples, reached only by a history whose clock jumps to and fro over as many points."""

_NAN: Final = float("nan")
_CHUNKS_PER_READ: Final = 24
"""About 100 kB; one way to a thread and back for 12,000 points."""


PointKey = tuple[int, int, float, bool]
"""A point as it is ordered and compared: (timestamp in ms, step, value, is NaN), the value of NaN being 0."""


class Ordered(NamedTuple):
    """Points in order as columns of equal length."""

    timestamps_ms: Sequence[int]
    steps: Sequence[int]
    values: Sequence[float]


_Bound = tuple[int, int]
"""(timestamp in ms, step)"""


async def in_order(
    read_model: ReadModel,
    series: StoredSeries,
    after: PointKey | None = None,
    max_waiting_points: int = MAX_WAITING_POINTS,
) -> AsyncIterator[Ordered]:
    """The points behind `after`, a few hundred at a time.

    Raises TemporarilyUnavailable.
    """
    ranges = sorted(series.ranges, key=_least)
    last = after  # the last point handed on
    while True:
        waiting = _Waiting(max_waiting_points, last)
        remaining = [each for each in ranges if last is None or each.max_timestamp_ms >= last[0]]
        async for index, points in _load(read_model, series, remaining):
            least = _least(remaining[index])
            bound = _least(remaining[index + 1]) if index + 1 < len(remaining) else None
            if waiting.is_beyond(least):
                break
            if waiting.is_idle and (last is None or last[:2] < least) and _is_final(points, bound):
                last = _key(points, -1)
                yield Ordered(points.timestamps_ms.tolist(), points.steps.tolist(), points.values.tolist())
            elif ready := waiting.take(points, bound):
                last = ready[-1]
                yield _columns(ready)
        if ready := waiting.all():
            last = ready[-1]
            yield _columns(ready)
        if waiting.dropped is None:
            return


def ordered(points: Points) -> Ordered:
    """The points of a short history, in order and each once."""
    if _is_final(points, None):
        return Ordered(points.timestamps_ms, points.steps, points.values)
    return _columns(sorted(set(_keys(points))))


class _Waiting:
    """Points behind `after` whose place is not final yet, each once, in order, at most `limit` of them."""

    def __init__(self, limit: int, after: PointKey | None) -> None:
        self._limit = limit
        self._after = after
        self._keys: list[PointKey] = []
        self.dropped: PointKey | None = None  # the first that found no room; nothing from there on is kept

    @property
    def is_idle(self) -> bool:
        """Whether no point waits or was dropped."""
        return not self._keys and self.dropped is None

    def is_beyond(self, least: _Bound) -> bool:
        """Whether points from `least` on are for the next time through."""
        return self.dropped is not None and least > self.dropped[:2]

    def take(self, points: Points, bound: _Bound | None) -> list[PointKey]:
        """Add `points`; what is final, all later points being at `bound` or behind it, is taken out and returned."""
        keys = sorted([*self._keys, *_keys(points)])
        keys = [keys[0], *(key for before, key in zip(keys, islice(keys, 1, None), strict=False) if key != before)]
        if self._after is not None:
            keys = keys[bisect_right(keys, self._after) :]
        if self.dropped is not None:
            keys = keys[: bisect_left(keys, self.dropped)]
        # A bound is shorter than a key and so comes before every key that begins with it.
        final = len(keys) if bound is None else bisect_left(keys, bound)
        self._keys = keys[final:]
        if len(self._keys) > self._limit:
            self.dropped = self._keys[self._limit]
            del self._keys[self._limit :]
        return keys[:final]

    def all(self) -> list[PointKey]:
        return self._keys


async def _load(
    read_model: ReadModel, series: StoredSeries, ranges: Sequence[PointRange]
) -> AsyncIterator[tuple[int, Points]]:
    """The points of each range, with its index.

    Chunks are read ahead of their turn, but not while the first are handed on: often they are all that is wanted.
    """
    starts = range(0, len(ranges), _CHUNKS_PER_READ)
    groups = [ranges[start : start + _CHUNKS_PER_READ] for start in starts]
    ahead: asyncio.Task[dict[int | None, bytes]] | None = None
    try:
        for number, group in enumerate(groups):
            chunks = await (ahead or load_chunks(read_model, series, group))
            ahead = None
            if 0 < number < len(groups) - 1:
                ahead = asyncio.create_task(load_chunks(read_model, series, groups[number + 1]))
                ahead.add_done_callback(_retrieve_error)
            for index, each in enumerate(group, starts[number]):
                with damage_reported(read_model):
                    points = series.rest if each.chunk_number is None else unpack_chunk(chunks.pop(each.chunk_number))
                yield index, points
    finally:
        if ahead is not None:
            ahead.cancel()


def _retrieve_error(loading: "asyncio.Task[dict[int | None, bytes]]") -> None:
    """Without this, asyncio would log the error of chunks that no reader waits for any more."""
    if not loading.cancelled():
        loading.exception()


def _least(each: PointRange) -> _Bound:
    """At or before every point of the range."""
    return each.min_timestamp_ms, each.min_step


def _is_final(points: Points, bound: _Bound | None) -> bool:
    """Whether `points` are in order, each once, and before `bound`: then nothing is left to sort."""
    times, steps = points.timestamps_ms, points.steps
    if bound is not None and (times[-1], steps[-1]) >= bound:
        return False
    if all(map(lt, times, islice(times, 1, None))):
        return True
    return all(map(lt, steps, islice(steps, 1, None))) and sorted(times) == times.tolist()


def _key(points: Points, index: int) -> PointKey:
    value = points.values[index]
    is_nan = math.isnan(value)
    return points.timestamps_ms[index], points.steps[index], 0.0 if is_nan else value, is_nan


def _keys(points: Points) -> Iterator[PointKey]:
    if not math.isnan(sum(points.values)):
        return zip(points.timestamps_ms, points.steps, points.values, repeat(False), strict=False)
    return (_key(points, index) for index in range(len(points.steps)))


def _columns(keys: Sequence[PointKey]) -> Ordered:
    timestamps_ms, steps, values, are_nan = zip(*keys, strict=True)
    if any(are_nan):
        values = tuple(_NAN if is_nan else value for value, is_nan in zip(values, are_nan, strict=True))
    return Ordered(timestamps_ms, steps, values)
