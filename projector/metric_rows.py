"""New points of a metric to the rows that keep its history: full chunks, and what is left over.

Chunks are cut by count from the first point on, so however the points were batched, the rows are the same.
"""

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from projector.working_set import Series
from read_model.metric_points import (
    POINTS_PER_CHUNK,
    Points,
    extend,
    no_points,
    pack_chunk,
    pack_segment,
    unpack_segments,
)


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A row of `metric_chunks` but for its series."""

    chunk_number: int
    min_step: int
    max_step: int
    min_timestamp_ms: int
    max_timestamp_ms: int
    min_value: float | None
    max_value: float | None
    data: bytes


@dataclass(frozen=True, slots=True)
class HistoryRows:
    """What a batch does to one history: chunks to insert, and at most one thing to its tail.

    `insert` makes the tail; the others find one there.
    """

    chunks: list[ChunkRow]
    insert: bytes | None = None
    append: bytes | None = None
    replace: bytes | None = None
    deletes: bool = False


def completes_a_chunk(series: Series) -> bool:
    """Whether the tail that is stored becomes part of a chunk now."""
    if not series.new:
        return False
    _, in_tail, count = _counts(series)
    return in_tail > 0 and in_tail + count >= POINTS_PER_CHUNK


def history_rows(series: Series, load_tail: Callable[[], bytes]) -> HistoryRows:
    """The rows for a series' new points. `load_tail` is called only when `completes_a_chunk`."""
    if series.points == 1 or not series.new:
        return HistoryRows([])  # one point alone is the latest value and needs no history
    new = [_single(*series.first), *series.new] if series.first is not None else series.new
    full, in_tail, count = _counts(series)
    if in_tail + count < POINTS_PER_CHUNK:
        tail = b"".join(map(pack_segment, new))
        return HistoryRows([], append=tail) if in_tail else HistoryRows([], insert=tail)
    segments = [unpack_segments(load_tail()), *new] if in_tail else new
    chunks = _chunks(segments, full)
    tail = b"".join(map(pack_segment, _after_last_chunk(new, (in_tail + count) % POINTS_PER_CHUNK)))
    if not in_tail:
        return HistoryRows(chunks, insert=tail or None)
    return HistoryRows(chunks, replace=tail) if tail else HistoryRows(chunks, deletes=True)


def _counts(series: Series) -> tuple[int, int, int]:
    """How many full chunks and points in the tail the history has, and how many points come to it."""
    count = sum(len(points.steps) for points in series.new) + (series.first is not None)
    return (*divmod(series.points - count, POINTS_PER_CHUNK), count)


def _single(step: int, timestamp_ms: int, value: float) -> Points:
    return Points(array("q", (step,)), array("q", (timestamp_ms,)), array("d", (value,)))


def _after_last_chunk(segments: Sequence[Points], count: int) -> list[Points]:
    """The last `count` points, in the segments they came in, the first of which may have lost its beginning."""
    rest: list[Points] = []
    for segment in reversed(segments):
        if not count:
            break
        taken = min(count, len(segment.steps))
        rest.append(_slice(segment, len(segment.steps) - taken, len(segment.steps)))
        count -= taken
    return rest[::-1]


def _chunks(segments: Sequence[Points], chunk_number: int) -> list[ChunkRow]:
    points = no_points()
    for segment in segments:
        extend(points, segment)
    full = len(points.steps) // POINTS_PER_CHUNK
    return [
        _chunk_row(chunk_number + index, _slice(points, index * POINTS_PER_CHUNK, (index + 1) * POINTS_PER_CHUNK))
        for index in range(full)
    ]


def _slice(points: Points, start: int, stop: int) -> Points:
    return Points(points.steps[start:stop], points.timestamps_ms[start:stop], points.values[start:stop])


def _chunk_row(chunk_number: int, points: Points) -> ChunkRow:
    numbers = _numbers(points.values)
    return ChunkRow(
        chunk_number,
        min(points.steps),
        max(points.steps),
        min(points.timestamps_ms),
        max(points.timestamps_ms),
        min(numbers, default=None),
        max(numbers, default=None),
        pack_chunk(points),
    )


def _numbers(values: "array[float]") -> "list[float] | array[float]":
    # A sum is NaN exactly when a value is: values are finite or NaN here, and two infinities cannot meet... unless the
    # sum itself overflows both ways, which only sends us the slow way.
    return [value for value in values if not math.isnan(value)] if math.isnan(sum(values)) else values
