"""Metric points as the JSON objects of the history routes."""

import math
from collections.abc import Sequence
from itertools import repeat
from typing import Final

import msgspec

from query_api.metrics.history_order import Ordered

_encoder: Final = msgspec.json.Encoder()


class _Point(msgspec.Struct, gc=False):
    """In the order MLflow gives its fields; encoded at a seventh of a microsecond, two thirds of a dict's time."""

    key: str
    value: float | str
    timestamp: int
    step: int


class _PointOfRun(_Point, gc=False):
    run_id: str


def points_json(key: str, points: Ordered) -> bytes:
    """`{…},{…}` without the brackets of a list; empty for no points."""
    encoded = map(_Point, repeat(key), _values(points.values), points.timestamps_ms, points.steps)
    return _encoder.encode(list(encoded))[1:-1]


def points_of_run_json(key: str, run_id: str, points: Ordered) -> bytes:
    """As `points_json`, each point with its run's id."""
    columns = (_values(points.values), points.timestamps_ms, points.steps)
    return _encoder.encode(list(map(_PointOfRun, repeat(key), *columns, repeat(run_id))))[1:-1]


def _values(values: Sequence[float]) -> Sequence[float | str]:
    # Stored values are finite or NaN, so a sum is NaN exactly when one of them is (or it overflowed both ways).
    return [value if value == value else "NaN" for value in values] if math.isnan(sum(values)) else values
