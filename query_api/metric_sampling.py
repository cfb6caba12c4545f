"""A chart's worth of a metric's history: evenly spread over the points by step, and never without the extremes.

The points of a run are ordered by step, timestamp and value and cut into `max_results` buckets of equal count (the
first ones longer by one where they do not divide). The first point of each bucket is taken, and in place of the last
bucket's the very last point. Source: MLflow's get-history-bulk-interval, as observed.

Beyond that, the first point with the series' least value and the first with its greatest are always among those taken
when `max_results` is 4 or more: an extreme takes the place of the point its bucket would have given, or, when it lies
in the first or the last bucket or in the same as the other extreme, of a neighbouring bucket's. So the first and the
last point stay, and there are never more than `max_results`.

Of a history of more than EXACT_POINTS only those chunks are read from which a point is taken. So that the others need
not be, a point that was reported again counts as often when buckets are cut, though it is answered once; points of
one step count in the order they were logged; and where more chunks overlap than memory is given to, each is put in
order by itself.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal

from query_api.port import ReadModel
from query_api.stored_series import ChunkRange, StoredSeries, load_chunks
from schemas.metric_points import POINTS_PER_CHUNK, OpenChunk, Points, unpack_chunk

MIN_RESULTS_WITH_EXTREMES: Final = 4

EXACT_POINTS: Final = 8 * POINTS_PER_CHUNK

_MAX_CHUNKS_MERGED: Final = 128
"""65,000 points, some 12 MB while they are put in order."""

_CHUNKS_PER_READ: Final = 256
"""About a megabyte; one way to a thread and back for a run of 100,000 points."""

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
    """At most `max_results` points of a series, each once, by step, timestamp and value, chosen as said above.

    Raises TemporarilyUnavailable.
    """
    sources = _sources(series, steps)
    if sum(source.count for source in sources) <= EXACT_POINTS:
        points = _unique(await _in_order(read_model, series, sources, steps))
        return [points[rank] for rank in _ranks(len(points), max_results, _extreme_ranks(points))]
    parts = [await _part(read_model, series, group, steps) for group in _groups(sources, steps)]
    ends = list(accumulate(part.count for part in parts))
    extremes = [await _extreme_rank(read_model, series, parts, ends, steps, which) for which in (_LEAST, _GREATEST)]
    ranks = _ranks(ends[-1] if ends else 0, max_results, [rank for rank in extremes if rank is not None])
    return await _points_at(read_model, series, parts, ends, ranks, steps)


def bucket_ranks(total: int, buckets: int) -> list[int]:
    """The rank of the first point of each bucket, and in place of the last of them the rank of the last point."""
    size, longer = divmod(total, buckets)
    return [*(bucket * size + min(bucket, longer) for bucket in range(buckets - 1)), total - 1]


def with_extremes(ranks: Sequence[int], extremes: Sequence[int]) -> list[int]:
    """`ranks` with `extremes` (two at most) in place of some of them, but not of the first nor of the last."""
    chosen = list(ranks)
    taken = {chosen.index(extreme) for extreme in extremes if extreme in chosen}
    for extreme in extremes:
        if extreme not in chosen:
            bucket = bisect_right(ranks, extreme) - 1
            place = min(max(bucket, 1), len(ranks) - 2)
            if place in taken:
                place = place + 1 if place + 1 < len(ranks) - 1 else place - 1
            taken.add(place)
            chosen[place] = extreme
    return sorted(chosen)


def _ranks(total: int, max_results: int, extremes: Sequence[int]) -> Sequence[int]:
    if total <= max_results:
        return range(total)
    ranks = bucket_ranks(total, max_results)
    return with_extremes(ranks, extremes) if max_results >= MIN_RESULTS_WITH_EXTREMES else ranks


def _extreme_ranks(points: Sequence[SampledPoint]) -> list[int]:
    values = [value for _, _, value in points]
    numbers = [value for value in values if not math.isnan(value)]
    return [values.index(pick(numbers)) for pick in (min, max)] if numbers else []


# --- a history cut into parts that follow one another by step -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Source:
    """A chunk, or (`number` None) the points after the last chunk, by their ranges."""

    number: int | None
    count: int
    min_step: int
    max_step: int
    min_timestamp_ms: int
    max_timestamp_ms: int
    values: tuple[float, float] | None  # least and greatest; None when every one is NaN


@dataclass(frozen=True, slots=True)
class _Part:
    """Sources that overlap one another in their steps and no others; `count` and `values` of the points wanted."""

    sources: Sequence[_Source]
    count: int
    values: tuple[float, float] | None


def _sources(series: StoredSeries, steps: StepRange | None) -> list[_Source]:
    """Those in which a wanted point may be, by their least step."""
    sources = [_chunk_source(chunk) for chunk in series.chunks]
    if series.rest.steps:
        sources.append(_rest_source(series.rest))
    if steps is not None:
        sources = [source for source in sources if source.min_step <= steps.end and source.max_step >= steps.start]
    return sorted(sources, key=lambda source: (source.min_step, source.min_timestamp_ms))


def _chunk_source(chunk: ChunkRange) -> _Source:
    number, min_step, max_step, min_time, max_time, least, greatest = chunk
    values = None if least is None or greatest is None else (least, greatest)
    return _Source(number, POINTS_PER_CHUNK, min_step, max_step, min_time, max_time, values)


def _rest_source(rest: Points) -> _Source:
    steps, times, values = rest
    values_range = _least_and_greatest(values)
    return _Source(None, len(steps), min(steps), max(steps), min(times), max(times), values_range)


def _least_and_greatest(values: Sequence[float]) -> tuple[float, float] | None:
    numbers = [value for value in values if not math.isnan(value)]
    return (min(numbers), max(numbers)) if numbers else None


def _groups(sources: Sequence[_Source], steps: StepRange | None) -> Iterator[Sequence[_Source]]:
    """Sources that overlap, together; each by itself where they are too many."""
    group: list[_Source] = []
    end = (0, 0)
    for source in sources:
        if group and (source.min_step, source.min_timestamp_ms) >= end:
            yield from _bounded(group)
            group = []
        start = (source.max_step, source.max_timestamp_ms)
        end = (max(end[0], start[0]), max(end[1], start[1])) if group else start
        group.append(source)
    if group:
        yield from _bounded(group)


def _bounded(group: Sequence[_Source]) -> Iterator[Sequence[_Source]]:
    if len(group) <= _MAX_CHUNKS_MERGED:
        yield group
    else:
        yield from ([source] for source in group)


async def _part(
    read_model: ReadModel, series: StoredSeries, sources: Sequence[_Source], steps: StepRange | None
) -> _Part:
    if steps is None or all(steps.start <= source.min_step and source.max_step <= steps.end for source in sources):
        known = [source.values for source in sources if source.values is not None]
        values = (min(least for least, _ in known), max(greatest for _, greatest in known)) if known else None
        return _Part(sources, sum(source.count for source in sources), values)
    points = await _in_order(read_model, series, sources, steps)
    return _Part(sources, len(points), _least_and_greatest([value for _, _, value in points]))


# --- reading them ---------------------------------------------------------------------------------------------------


async def _extreme_rank(
    read_model: ReadModel,
    series: StoredSeries,
    parts: Sequence[_Part],
    ends: Sequence[int],
    steps: StepRange | None,
    which: _Extreme,
) -> int | None:
    """The rank of the first point with the least or the greatest value, None when every value is NaN."""
    known = [part.values[which] for part in parts if part.values is not None]
    if not known:
        return None
    extreme = max(known) if which == _GREATEST else min(known)
    index = next(i for i, part in enumerate(parts) if part.values is not None and part.values[which] == extreme)
    points = await _in_order(read_model, series, parts[index].sources, steps)
    first = next(place for place, (_, _, value) in enumerate(points) if value == extreme)
    return ends[index] - parts[index].count + first


async def _points_at(
    read_model: ReadModel,
    series: StoredSeries,
    parts: Sequence[_Part],
    ends: Sequence[int],
    ranks: Sequence[int],
    steps: StepRange | None,
) -> list[SampledPoint]:
    """The points of those ranks, each once."""
    places: dict[int, list[int]] = {}  # in each part
    for rank in ranks:
        index = bisect_right(ends, rank)
        places.setdefault(index, []).append(rank - (ends[index] - parts[index].count))
    found: list[SampledPoint] = []
    alone = {index: number for index in places if (number := _chunk_alone(parts[index], steps)) is not None}
    loaded: dict[int, bytes] = {}
    unread = list(alone.values())
    for index, wanted in places.items():
        if index in alone:
            if alone[index] not in loaded:
                group, unread = unread[:_CHUNKS_PER_READ], unread[_CHUNKS_PER_READ:]
                loaded = await load_chunks(read_model, series, group)
            found += _points_of_chunk(OpenChunk(loaded[alone[index]]), wanted)
        else:
            points = await _in_order(read_model, series, parts[index].sources, steps)
            found += [points[place] for place in wanted]
    return _unique(found)


def _chunk_alone(part: _Part, steps: StepRange | None) -> int | None:
    """The number of the chunk that is the whole part, every point of it wanted."""
    source = part.sources[0]
    is_cut = steps is not None and (source.min_step < steps.start or source.max_step > steps.end)
    return None if len(part.sources) > 1 or is_cut else source.number


def _points_of_chunk(chunk: OpenChunk, places: Sequence[int]) -> list[SampledPoint]:
    """The points at `places` in the order of the steps; no column but these is put together."""
    steps = chunk.steps().tolist()
    if sorted(steps) != steps:
        order = sorted(range(chunk.count), key=steps.__getitem__)
        places = [order[place] for place in places]
    return [chunk.point(place) for place in places]


async def _in_order(
    read_model: ReadModel, series: StoredSeries, sources: Sequence[_Source], steps: StepRange | None
) -> list[SampledPoint]:
    """The wanted points of some sources, sorted, repeats too."""
    chunks = await load_chunks(read_model, series, [source.number for source in sources if source.number is not None])
    points: list[SampledPoint] = []
    for source in sources:
        columns = series.rest if source.number is None else unpack_chunk(chunks.pop(source.number))
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
