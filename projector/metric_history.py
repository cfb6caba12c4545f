"""New points of a metric as rows of its history: full chunks, and a tail of those that fill none.

Chunks are cut by count from the first point on, so however the points were batched, the rows are the same.
"""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from read_model.metric_points import (
    POINTS_PER_CHUNK,
    DamagedPoints,
    Points,
    extend,
    no_points,
    pack_chunk,
    pack_segment,
    unpack_segments,
)


class ChunkRow(NamedTuple):
    """A row of `metric_chunks` but for its first columns, `run_number` and `key`."""

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
    """What new points do to a history: chunks to insert, and at most one change of its tail.

    `insert` makes the tail; the others find one there.
    """

    chunks: Sequence[ChunkRow] = ()
    insert: bytes | None = None
    append: bytes | None = None
    replace: bytes | None = None
    deletes: bool = False


def may_complete_a_chunk(points: int, new: int) -> bool:
    """Whether the tail of a history of `points` points becomes part of a chunk when up to `new` points are added."""
    in_tail = points % POINTS_PER_CHUNK
    return in_tail > 0 and in_tail + new >= POINTS_PER_CHUNK


def history_rows(points: int, new: Sequence[Points], tail: bytes | None) -> HistoryRows:
    """The rows for `new` points, one item for each event, after a history of `points` points.

    `tail` is the row of its tail as it is stored, given when `may_complete_a_chunk`. Raises DamagedPoints.
    """
    full, in_tail = divmod(points, POINTS_PER_CHUNK)
    count = sum(len(segment.steps) for segment in new)
    if in_tail + count < POINTS_PER_CHUNK:
        packed = b"".join(map(pack_segment, new))
        return HistoryRows(append=packed) if in_tail else HistoryRows(insert=packed)
    segments = [unpack_segments(_stored(tail)), *new] if in_tail else new
    chunks = _chunks(segments, full)
    rest = b"".join(map(pack_segment, _after_last_chunk(new, (in_tail + count) % POINTS_PER_CHUNK)))
    if not in_tail:
        return HistoryRows(chunks, insert=rest or None)
    return HistoryRows(chunks, replace=rest) if rest else HistoryRows(chunks, deletes=True)


def _stored(tail: bytes | None) -> bytes:
    if tail is None:
        raise DamagedPoints("The points of a metric that are in no chunk are gone.")
    return tail


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
    # Values are finite or NaN here, so where the sum is not NaN no value is. A sum that overflowed both ways is NaN
    # without one among the values, and then the list only costs time.
    return [value for value in values if not math.isnan(value)] if math.isnan(sum(values)) else values
