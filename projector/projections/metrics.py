"""What the events of a run do to its metrics: their points, their newest values, and their rows.

This is a part of the projection of runs, because an event that logs metrics also logs params and tags and is folded
or refused as a whole.
"""

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Final, Protocol

from projector.changes import AppendBytes, Change, Delete, Insert, ReadPairs, Row, Update
from projector.metric_corrections import corrected_points, points_between, stored_history
from projector.metric_history import history_rows, may_complete_a_chunk
from projector.projection import Loading
from read_model.metric_points import POINTS_PER_CHUNK, Points, extend, no_points
from schemas.events import MetricSeries, PointCorrection
from schemas.metric_values import stored_value

_KEY: Final = ("run_number", "key")
_STORED: Final = ("run_number", "key", "step", "timestamp_ms", "value", "points")
_TAIL: Final = ("run_number", "key", "data")
_CHUNK: Final = ("run_number", "key", "chunk_number", "data")
_LATEST: Final = ("value", "value_json", "timestamp_ms", "step", "points")


@dataclass(slots=True)
class Series:
    """The newest value of one metric of a run, and the points this batch adds to its history.

    `value` None is NaN. `is_stored`: the tables hold points of it. `first` is the one point of a series of one point,
    which has no row in the history yet. `tail` is the row of its last points, where a batch may complete a chunk.
    """

    step: int = 0
    timestamp_ms: int = 0
    value: float | None = None
    points: int = 0
    is_stored: bool = False
    first: Points | None = None
    tail: bytes | None = None
    new: list[Points] = field(default_factory=list)  # one for each event
    history: Points | None = None
    """All points that are stored, where a batch may correct one."""
    rewritten_from: int | None = None
    """The first point, at the beginning of a chunk, from which on `new` takes the place of what is stored."""


class HasSeries(Protocol):
    """What is needed of a run."""

    @property
    def run_number(self) -> int: ...
    @property
    def experiment_id(self) -> int: ...
    @property
    def series(self) -> dict[str, Series]: ...


def load_series(
    new_points: Mapping[int, Mapping[str, int]], corrected: Mapping[int, Set[str]]
) -> Loading[list[tuple[int, str, Series]]]:
    """The series that are stored of those that a batch adds to or corrects, with run number and key.

    `new_points` is how many points come to each at most, by run number and key; `corrected` are those that a batch may
    correct, which are among them.
    """
    tails: dict[int, list[str]] = {}
    loaded: dict[tuple[int, str], Series] = {}
    for number, key, step, timestamp_ms, value, points in (
        yield ReadPairs("latest_metrics", _STORED, _KEY, new_points)
    ):
        loaded[number, key] = series = _stored_series(step, timestamp_ms, value, points)
        if series.first is None and may_complete_a_chunk(points, new_points[number][key]):
            tails.setdefault(number, []).append(key)
    for number, key, data in (yield ReadPairs("metric_tails", _TAIL, _KEY, tails)):
        loaded[number, key].tail = data
    if corrected:
        yield from _load_histories(loaded, corrected)
    return [(number, key, series) for (number, key), series in loaded.items()]


def _load_histories(loaded: Mapping[tuple[int, str], Series], corrected: Mapping[int, Set[str]]) -> Loading[None]:
    chunks: dict[tuple[int, str], dict[int, bytes]] = {}
    for number, key, chunk_number, data in (yield ReadPairs("metric_chunks", _CHUNK, _KEY, corrected)):
        chunks.setdefault((number, key), {})[chunk_number] = data
    tails = {(number, key): data for number, key, data in (yield ReadPairs("metric_tails", _TAIL, _KEY, corrected))}
    for (number, key), series in loaded.items():
        if key in corrected.get(number, ()):
            of_series = [data for _, data in sorted(chunks.get((number, key), {}).items())]
            series.history = series.first or stored_history(of_series, tails.get((number, key)), series.points)


def _stored_series(step: int, timestamp_ms: int, value: float | None, points: int) -> Series:
    number = math.nan if value is None else value
    first = Points(array("q", (step,)), array("q", (timestamp_ms,)), array("d", (number,))) if points == 1 else None
    return Series(step, timestamp_ms, value, points, True, first)


def reported_points(reported: MetricSeries) -> Points:
    """The points of an event as they are kept. Raises when the columns are not of one length."""
    values: array[float]
    try:
        values = array("d", reported.value)  # type: ignore[arg-type]  # text raises, and is rare
    except TypeError:
        values = array("d", map(stored_value, reported.value))
    points = Points(array("q", reported.step), array("q", reported.timestamp_ms), values)
    if not len(points.steps) == len(points.timestamps_ms) == len(values) > 0:
        raise ValueError(f"the columns of metric {reported.key!r} are empty or not of one length")
    return points


def append_points(series: Series, new: Points) -> None:
    """Add the points of one event."""
    index = newest(new)
    step, timestamp_ms, value = new.steps[index], new.timestamps_ms[index], new.values[index]
    known = (series.step, series.timestamp_ms, series.value or 0.0)
    if series.points == 0 or (step, timestamp_ms, _recency_value(value)) > known:
        series.step, series.timestamp_ms = step, timestamp_ms
        series.value = None if math.isnan(value) else value
    series.points += len(new.steps)
    series.new.append(new)


def correct_points(series: Series, corrections: Sequence[PointCorrection], *, every: bool) -> bool:
    """Correct points of a series; returns whether all of them were there, without which nothing changes."""
    whole = no_points()
    if series.history is not None:
        extend(whole, points_between(series.history, 0, series.rewritten_from))
    for segment in series.new:
        extend(whole, segment)
    corrected = corrected_points(whole, corrections, every=every)
    if corrected is None:
        return False
    points, changed_from = corrected
    stored = 0 if series.history is None else len(series.history.steps)
    begin = min(changed_from, stored) // POINTS_PER_CHUNK * POINTS_PER_CHUNK
    series.rewritten_from = begin if series.rewritten_from is None else min(begin, series.rewritten_from)
    rest = points_between(points, series.rewritten_from, None)
    series.new = [rest] if len(rest.steps) else []
    series.points = len(points.steps)
    if series.points:
        index = newest(points)
        series.step, series.timestamp_ms = points.steps[index], points.timestamps_ms[index]
        series.value = None if math.isnan(points.values[index]) else points.values[index]
    return True


def newest(points: Points) -> int:
    """The index of the point that search sees: the greatest (step, timestamp_ms, value), NaN counting as 0.

    Source: MLflow's latest-metric rule, as observed.
    """
    steps, timestamps_ms, values = points
    last = len(steps) - 1
    if last == 0:
        return 0
    greatest = max(steps)
    if steps[last] == greatest and steps.count(greatest) == 1:
        return last  # the common case, points in the order of their steps, without comparing tuples
    return max(range(last + 1), key=lambda index: (steps[index], timestamps_ms[index], _recency_value(values[index])))


def _recency_value(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def changes(runs: Sequence[HasSeries]) -> Iterator[Change]:
    """What the new points of `runs` change. Raises DamagedPoints."""
    new_latest: list[Row] = []
    changed_latest: list[Row] = []
    chunks: list[Row] = []
    new_tails: list[Row] = []
    appended_tails: list[Row] = []
    replaced_tails: list[Row] = []
    deleted_tails: list[Row] = []
    rewritten: list[tuple[int, str, Series]] = []
    gone: list[Row] = []
    for run in runs:
        number = run.run_number
        for key, series in sorted(run.series.items()):
            if series.rewritten_from is not None:
                rewritten.append((number, key, series))
                if not series.points:
                    gone.append((number, key))
            if not (series.new or (series.points and series.rewritten_from is not None)):
                continue
            value = series.value
            newest_value = (
                value,
                '"NaN"' if value is None else repr(value),
                series.timestamp_ms,
                series.step,
                series.points,
            )
            if series.is_stored:
                changed_latest.append((*newest_value, number, key))
            else:
                new_latest.append((number, key, run.experiment_id, *newest_value))
            if series.points == 1 or not series.new:
                continue  # one point alone is the newest value and needs no history
            is_continued = series.first is not None and series.rewritten_from is None
            new = [series.first, *series.new] if series.first is not None and is_continued else series.new
            tail = series.tail if series.rewritten_from is None else None
            rows = history_rows(series.points - sum(len(points.steps) for points in new), new, tail)
            chunks.extend((number, key, *chunk) for chunk in rows.chunks)
            if rows.insert is not None:
                new_tails.append((number, key, rows.insert))
            elif rows.append is not None:
                appended_tails.append((rows.append, number, key))
            elif rows.replace is not None:
                replaced_tails.append((rows.replace, number, key))
            elif rows.deletes:
                deleted_tails.append((number, key))
    if rewritten:
        yield Delete(
            "metric_chunks", [row for number, key, one in rewritten for row in _stored_chunks(number, key, one)]
        )
        yield Delete("metric_tails", [(number, key) for number, key, _ in rewritten])
        yield Delete("latest_metrics", gone)
    yield Insert("latest_metrics", new_latest)
    yield Update("latest_metrics", _LATEST, changed_latest)
    yield Insert("metric_chunks", chunks)
    yield Insert("metric_tails", new_tails)
    yield AppendBytes("metric_tails", "data", appended_tails)
    yield Update("metric_tails", ("data",), replaced_tails)
    yield Delete("metric_tails", deleted_tails)


def _stored_chunks(number: int, key: str, series: Series) -> Iterator[Row]:
    """The keys of the chunks that are stored of a series and are to be written anew."""
    stored = 0 if series.history is None else len(series.history.steps)
    for chunk_number in range((series.rewritten_from or 0) // POINTS_PER_CHUNK, stored // POINTS_PER_CHUNK):
        yield (number, key, chunk_number)
