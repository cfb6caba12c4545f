"""Histories of metrics as the fold writes them."""

import math
from array import array
from collections.abc import Sequence

from read_model.metric_points import POINTS_PER_CHUNK, Points, pack_chunk, pack_segment
from tests.unit.query_api.sqlite_rows import SqliteRows

Point = tuple[int, int, float]
"""(step, timestamp in ms, value)"""

NAN = float("nan")


def columns(points: Sequence[Point]) -> Points:
    return Points(
        array("q", [step for step, _, _ in points]),
        array("q", [timestamp_ms for _, timestamp_ms, _ in points]),
        array("d", [value for _, _, value in points]),
    )


def write_series(rows: SqliteRows, run_number: int, key: str, points: Sequence[Point], segment: int = 100) -> None:
    """The rows of a history logged in the order of `points`, `segment` of them an event."""
    step, timestamp_ms, value = max(points, key=lambda point: (point[0], point[1], _number(point[2])))
    rows.metric(run_number, key, value, step=step, timestamp_ms=timestamp_ms)
    rows.connection.execute(
        "UPDATE latest_metrics SET points = ? WHERE run_number = ? AND key = ?", (len(points), run_number, key)
    )
    if len(points) == 1:
        return
    full = len(points) // POINTS_PER_CHUNK
    for number in range(full):
        _write_chunk(rows, run_number, key, number, points[number * POINTS_PER_CHUNK : (number + 1) * POINTS_PER_CHUNK])
    rest = points[full * POINTS_PER_CHUNK :]
    segments = [pack_segment(columns(rest[start : start + segment])) for start in range(0, len(rest), segment)]
    if segments:
        rows.insert("metric_tails", run_number=run_number, key=key, data=b"".join(segments))


def _write_chunk(rows: SqliteRows, run_number: int, key: str, number: int, points: Sequence[Point]) -> None:
    steps, times, values = zip(*points, strict=True)
    numbers = [value for value in values if not math.isnan(value)]
    rows.insert(
        "metric_chunks",
        run_number=run_number,
        key=key,
        chunk_number=number,
        min_step=min(steps),
        max_step=max(steps),
        min_timestamp_ms=min(times),
        max_timestamp_ms=max(times),
        min_value=min(numbers, default=None),
        max_value=max(numbers, default=None),
        data=pack_chunk(columns(points)),
    )


def _number(value: float) -> float:
    return 0.0 if math.isnan(value) else value
