"""The points of a run from the rows of MLflow's table of metrics, some four million of them in ten seconds."""

import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from schemas.events import MetricSeries
from schemas.mlflow import LARGEST_INT64, LEAST_INT64
from tracklog.moving.cells import Cells, value_of_database
from tracklog.moving.grouped import Block, Row
from tracklog.moving.records import POINTS_PER_RECORD, PointsRecord

COLUMNS: Final = ("run_uuid", "key", "value", "timestamp", "step", "is_nan")
"""Of a row of points, in this order."""

_LARGEST: Final = sys.float_info.max


def points_records(run_id: str, blocks: Iterator[Block], cells: Cells) -> Iterator[PointsRecord]:
    """All points of a run, in records that are full but for the last."""
    gathered: defaultdict[Any, list[Row]] = defaultdict(list)
    room = POINTS_PER_RECORD
    for block in blocks:
        start = 0
        while start < len(block):
            rows = block[start : start + room] if start or len(block) > room else block
            for row in rows:
                gathered[row[1]].append(row)
            start += len(rows)
            room -= len(rows)
            if not room:
                yield _record(run_id, gathered, cells)
                gathered, room = defaultdict(list), POINTS_PER_RECORD
    if gathered:
        yield _record(run_id, gathered, cells)


def _record(run_id: str, gathered: dict[Any, list[Row]], cells: Cells) -> PointsRecord:
    where = f"metrics, run_uuid {run_id!r:.50}"
    found = [_series(where, key, rows, cells) for key, rows in gathered.items()]
    return PointsRecord(run_id, [series for series in found if series is not None])


def _series(where: str, key: Any, rows: list[Row], cells: Cells) -> MetricSeries | None:
    name = cells.text(key, "metric points", where)
    where = f"{where}, key {name!r:.100}"
    values: list[Any]
    _, _, values, times_ms, steps, nans = map(list, zip(*rows, strict=True))
    if not (_all_of(float, values) and _all_of(int, times_ms) and _all_of(int, steps)) or any(nans):
        kept = [found for row in rows if (found := point(cells, "metric points", where, *row[2:])) is not None]
        if not kept:
            return None
        values, times_ms, steps = (list(one) for one in zip(*kept, strict=True))
    elif not (min(values) > -_LARGEST and max(values) < _LARGEST and sum(values) == sum(values)):
        values = [value_of_database(one, False) for one in values]
    return MetricSeries(name, values, times_ms, steps)


def _all_of(kind: type, values: list[Any]) -> bool:
    return set(map(type, values)) == {kind}


def point(
    cells: Cells, kind: str, where: str, value: Any, time_ms: Any, step: Any, is_nan: Any
) -> tuple[float | str, int, int] | None:
    """Value, time and step; None, and an oddity, where one is no number: SQLite takes any text in such a column."""
    if step is None:
        step = 0  # before 1.0 there were none
    try:
        found = value_of_database(None if value is None else float(value), is_nan)
        numbers = int(time_ms), int(step)
        if all(LEAST_INT64 <= one <= LARGEST_INT64 for one in numbers):
            return found, *numbers
    except (TypeError, ValueError, OverflowError):
        pass
    cells.odd(kind, where, f"no point: {(value, time_ms, step)!r:.200}", 1)
    return None
