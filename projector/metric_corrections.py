"""The points of a metric with some of them corrected."""

import math
from array import array
from collections.abc import Sequence
from typing import TypeAlias

from read_model.metric_points import DamagedPoints, Points, extend, no_points, unpack_chunk, unpack_segments
from schemas.events import PointCorrection
from schemas.metric_values import stored_value

_Point: TypeAlias = tuple[int, int, float | None]
"""Step, timestamp in ms and value, which is None for NaN: so points that are alike are equal."""


def stored_history(chunks: Sequence[bytes], tail: bytes | None, count: int) -> Points:
    """The points of a history, as its rows hold them. Raises ValueError when these are not `count`."""
    points = no_points()
    try:
        for chunk in chunks:
            extend(points, unpack_chunk(chunk))
        if tail is not None:
            extend(points, unpack_segments(tail))
    except DamagedPoints as error:
        raise ValueError(error.message) from error
    if len(points.steps) != count:
        raise ValueError(f"a metric has {len(points.steps)} points, and should have {count}")
    return points


def points_between(points: Points, begin: int, end: int | None) -> Points:
    """The points from index `begin` on, before `end`; None is all that follow."""
    return Points(points.steps[begin:end], points.timestamps_ms[begin:end], points.values[begin:end])


def corrected_points(
    points: Points, corrections: Sequence[PointCorrection], *, every: bool
) -> tuple[Points, int] | None:
    """The points after these corrections, and the index of the first that changed; None when one finds no point.

    A point that is corrected keeps its place, and one that is added comes last. With `every` a correction is of all
    points that are alike, else of the first.
    """
    wanted = {correction.step for correction in corrections}
    found: dict[_Point, list[int]] = {}
    for index, step in enumerate(points.steps):
        if step in wanted:
            point = (step, points.timestamps_ms[index], _value(points.values[index]))
            found.setdefault(point, []).append(index)
    values: dict[int, float | None] = {}  # what becomes of the points, by index; None removes
    added: dict[int, tuple[int, int]] = {}
    count = len(points.steps)
    for one in corrections:
        step, timestamp_ms = one.step, one.timestamp_ms
        if one.old is None:
            indexes = [count + len(added)]
            added[indexes[0]] = (step, timestamp_ms)
        else:
            alike = found.get((step, timestamp_ms, _value(stored_value(one.old))))
            if not alike:
                return None
            indexes = alike[:] if every else alike[:1]
            del alike[: len(indexes)]
        new = None if one.new is None else stored_value(one.new)
        values.update(dict.fromkeys(indexes, new))
        if new is not None:
            found.setdefault((step, timestamp_ms, _value(new)), []).extend(indexes)
    return _with(points, values, added), min(values, default=count)


def _with(points: Points, values: dict[int, float | None], added: dict[int, tuple[int, int]]) -> Points:
    result = no_points()
    begin = 0
    for index in sorted(values):
        extend(result, points_between(points, begin, index))
        begin = index + 1
        value = values[index]
        if value is not None:
            step, timestamp_ms = added[index] if index in added else (points.steps[index], points.timestamps_ms[index])
            extend(result, Points(array("q", (step,)), array("q", (timestamp_ms,)), array("d", (value,))))
    extend(result, points_between(points, begin, None))
    return result


def _value(value: float) -> float | None:
    return None if math.isnan(value) else value
