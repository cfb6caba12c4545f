"""A chart's worth of a metric's history: evenly spread over the points by step, and never without the extremes.

Which points are taken is said in `query_api.metrics.sampled_ranks`.

Of a history of more than EXACT_POINTS only those chunks are read from which a point is taken. So that the others need
not be, a point that was reported again counts as often when buckets are cut, though it is answered once; points of
one step count in the order they were logged; and where more chunks overlap than memory is given to, each is put in
order by itself.
"""

import asyncio
import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal, NamedTuple

from query_api.metrics.sampled_ranks import sampled_ranks
from query_api.metrics.stored_series import PointRange, StoredSeries, damage_reported, load_chunks
from query_api.port import ReadModel
from read_model.metric_points import POINTS_PER_CHUNK, OpenChunk, unpack_chunk

EXACT_POINTS: Final = 8 * POINTS_PER_CHUNK

_MAX_CHUNKS_MERGED: Final = 128
"""65,000 points, some 12 MB while they are put in order."""

_CHUNKS_PER_READ: Final = 256
"""About a megabyte; one way to a thread and back for a run of 100,000 points."""

_SPANS_PER_TURN: Final = 64
"""A millisecond or two, after which other requests have their turn."""

_Extreme = Literal[0, 1]
_LEAST: Final = 0
_GREATEST: Final = 1

SampledPoint = tuple[int, int, float]
"""(step, timestamp in ms, value): so they are ordered, NaN as 0."""


@dataclass(frozen=True, slots=True)
class StepRange:
    """Both ends belong to it."""

    start: int
    end: int


async def sample(
    read_model: ReadModel, series: StoredSeries, max_results: int, steps: StepRange | None = None
) -> list[SampledPoint]:
    """At most `max_results` points of a series, each once, by step, timestamp and value.

    Raises TemporarilyUnavailable.
    """
    ranges = _wanted(series, steps)
    if _count(series, ranges) <= EXACT_POINTS:
        points = _unique(await _in_order(read_model, series, ranges, steps))
        return [points[rank] for rank in sampled_ranks(len(points), max_results, _extreme_ranks(points))]
    spans: list[_Span] = []
    for group in _groups(ranges):
        if len(spans) % _SPANS_PER_TURN == 0:
            await asyncio.sleep(0)
        spans.append(await _span(read_model, series, group, steps))
    ends = list(accumulate(span.size for span in spans))
    extremes = [await _extreme_rank(read_model, series, spans, ends, steps, which) for which in (_LEAST, _GREATEST)]
    ranks = sampled_ranks(ends[-1] if ends else 0, max_results, [rank for rank in extremes if rank is not None])
    return await _points_at(read_model, series, spans, ends, ranks, steps)


def _extreme_ranks(points: Sequence[SampledPoint]) -> list[int]:
    values = [value for _, _, value in points]
    numbers = [value for value in values if not math.isnan(value)]
    return [values.index(pick(numbers)) for pick in (min, max)] if numbers else []


# --- a history cut into spans that follow one another by step -------------------------------------------------------


class _Span(NamedTuple):
    """Ranges that overlap one another in their steps and no others.

    `size`, and the extremes (None when every value is NaN), of the points wanted.
    """

    ranges: Sequence[PointRange]
    size: int
    extremes: tuple[float | None, float | None]


def _wanted(series: StoredSeries, steps: StepRange | None) -> list[PointRange]:
    """The ranges in which a wanted point may be, by their least step."""
    ranges = series.ranges
    if steps is not None:
        ranges = [each for each in ranges if each.min_step <= steps.end and each.max_step >= steps.start]
    return sorted(ranges, key=lambda each: (each.min_step, each.min_timestamp_ms))


def _count(series: StoredSeries, ranges: Sequence[PointRange]) -> int:
    return sum(len(series.rest.steps) if each.chunk_number is None else POINTS_PER_CHUNK for each in ranges)


def _groups(ranges: Sequence[PointRange]) -> Iterator[Sequence[PointRange]]:
    """Ranges that overlap, together; each by itself where they are too many."""
    group: list[PointRange] = []
    end = (0, 0)
    for each in ranges:
        if group and (each.min_step, each.min_timestamp_ms) >= end:
            yield from _bounded(group)
            group = []
        own_end = (each.max_step, each.max_timestamp_ms)
        end = (max(end[0], own_end[0]), max(end[1], own_end[1])) if group else own_end
        group.append(each)
    if group:
        yield from _bounded(group)


def _bounded(group: Sequence[PointRange]) -> Iterator[Sequence[PointRange]]:
    if len(group) <= _MAX_CHUNKS_MERGED:
        yield group
    else:
        yield from ([each] for each in group)


async def _span(
    read_model: ReadModel, series: StoredSeries, ranges: Sequence[PointRange], steps: StepRange | None
) -> _Span:
    if not any(_is_cut(each, steps) for each in ranges):
        least = [each.min_value for each in ranges if each.min_value is not None]
        greatest = [each.max_value for each in ranges if each.max_value is not None]
        return _Span(ranges, _count(series, ranges), (min(least, default=None), max(greatest, default=None)))
    points = await _in_order(read_model, series, ranges, steps)
    numbers = [value for _, _, value in points if not math.isnan(value)]
    return _Span(ranges, len(points), (min(numbers, default=None), max(numbers, default=None)))


def _is_cut(each: PointRange, steps: StepRange | None) -> bool:
    """Whether some of its points may not be wanted."""
    return steps is not None and (each.min_step < steps.start or each.max_step > steps.end)


# --- reading them ---------------------------------------------------------------------------------------------------


async def _extreme_rank(
    read_model: ReadModel,
    series: StoredSeries,
    spans: Sequence[_Span],
    ends: Sequence[int],
    steps: StepRange | None,
    which: _Extreme,
) -> int | None:
    """The rank of the first point with the least or the greatest value, None when every value is NaN."""
    known = [extreme for span in spans if (extreme := span.extremes[which]) is not None]
    if not known:
        return None
    extreme = max(known) if which == _GREATEST else min(known)
    index = next(number for number, span in enumerate(spans) if span.extremes[which] == extreme)
    points = await _in_order(read_model, series, spans[index].ranges, steps)
    first = next(place for place, (_, _, value) in enumerate(points) if value == extreme)
    return ends[index] - spans[index].size + first


async def _points_at(
    read_model: ReadModel,
    series: StoredSeries,
    spans: Sequence[_Span],
    ends: Sequence[int],
    ranks: Sequence[int],
    steps: StepRange | None,
) -> list[SampledPoint]:
    """The points of those ranks, each once."""
    places: dict[int, list[int]] = {}  # in each span
    for rank in ranks:
        index = bisect_right(ends, rank)
        places.setdefault(index, []).append(rank - (ends[index] - spans[index].size))
    found: list[SampledPoint] = []
    loaded: dict[int | None, bytes] = {}
    unread = [spans[index].ranges[0] for index in places if _is_chunk_alone(spans[index], steps)]
    for turn, (index, wanted) in enumerate(places.items()):
        if turn % _SPANS_PER_TURN == 0:
            await asyncio.sleep(0)
        span = spans[index]
        if _is_chunk_alone(span, steps):
            if span.ranges[0].chunk_number not in loaded:
                loaded = await load_chunks(read_model, series, unread[:_CHUNKS_PER_READ])
                unread = unread[_CHUNKS_PER_READ:]
            with damage_reported(read_model):
                found += _points_of_chunk(OpenChunk(loaded[span.ranges[0].chunk_number]), wanted)
        else:
            points = await _in_order(read_model, series, span.ranges, steps)
            found += [points[place] for place in wanted]
    return _unique(found)


def _is_chunk_alone(span: _Span, steps: StepRange | None) -> bool:
    """Whether the span is one chunk of which every point is wanted."""
    first = span.ranges[0]
    return len(span.ranges) == 1 and first.chunk_number is not None and not _is_cut(first, steps)


def _points_of_chunk(chunk: OpenChunk, places: Sequence[int]) -> list[SampledPoint]:
    """The points at `places` in the order of the steps; no column but these is put together."""
    steps = chunk.steps().tolist()
    if sorted(steps) != steps:
        order = sorted(range(chunk.count), key=steps.__getitem__)
        places = [order[place] for place in places]
    return [chunk.point(place) for place in places]


async def _in_order(
    read_model: ReadModel, series: StoredSeries, ranges: Sequence[PointRange], steps: StepRange | None
) -> list[SampledPoint]:
    """The wanted points of some ranges, sorted, repeats too."""
    chunks = await load_chunks(read_model, series, ranges)
    points: list[SampledPoint] = []
    for each in ranges:
        with damage_reported(read_model):
            columns = series.rest if each.chunk_number is None else unpack_chunk(chunks.pop(each.chunk_number))
        points.extend(zip(*columns, strict=True))
    if steps is not None:
        points = [point for point in points if steps.start <= point[0] <= steps.end]
    return _sorted(points)


def _sorted(points: list[SampledPoint]) -> list[SampledPoint]:
    has_nan = math.isnan(sum(value for _, _, value in points))
    return sorted(points, key=_nan_as_zero) if has_nan else sorted(points)


def _nan_as_zero(point: SampledPoint) -> tuple[int, int, float, bool]:
    step, timestamp_ms, value = point
    is_nan = math.isnan(value)
    return step, timestamp_ms, 0.0 if is_nan else value, is_nan


def _unique(points: Sequence[SampledPoint]) -> list[SampledPoint]:
    """Sorted, and each once."""
    return list({_nan_as_zero(point): point for point in _sorted(list(points))}.values())
