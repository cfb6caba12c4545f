"""The runs of an experiment as CSV, in the form in which `mlflow experiments csv` writes them.

Which columns there are, all runs together say: they are kept in a file meanwhile, so that any number of them takes the
memory of a page and of the names.
"""

import csv
import json
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import IO, Any, Final

INFO: Final = ("run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time")
_TIMES: Final = ("start_time", "end_time")
_DATA: Final = ("metrics", "params", "tags")
_NO_NUMBER: Final = "NaN"


def write_csv(runs: Iterable[Any], output: IO[str]) -> int:
    """Write a row for each run, and return how many. Metrics, params and tags have columns in the order of their keys.

    Times are in UTC; what a run does not have is empty, and so is NaN.
    """
    keys: dict[str, set[str]] = {kind: set() for kind in _DATA}
    number = 0
    with tempfile.TemporaryFile("w+", encoding="utf-8") as kept:
        for run in runs:
            data = run.get("data", {})
            for kind in _DATA:
                keys[kind].update(one["key"] for one in data.get(kind, ()))
            kept.write(json.dumps(run))
            kept.write("\n")
            number += 1
        columns = {kind: sorted(keys[kind]) for kind in _DATA}
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow([*INFO, *(f"{kind}.{key}" for kind in _DATA for key in columns[kind])])
        kept.seek(0)
        for line in kept:
            writer.writerow(_row(json.loads(line), columns))
    return number


def _row(run: Any, columns: dict[str, list[str]]) -> list[str]:
    info, data = run["info"], run.get("data", {})
    row = [_time(info.get(name)) if name in _TIMES else str(info.get(name, "")) for name in INFO]
    for kind in _DATA:
        held = {one["key"]: _text(one.get("value", "")) for one in data.get(kind, ())}
        row += [held.get(key, "") for key in columns[kind]]
    return row


def _text(value: Any) -> str:
    if value == _NO_NUMBER:
        return ""
    return str(float(value)) if isinstance(value, int | float) else str(value)


def _time(time_ms: int | None) -> str:
    """As pandas writes a time in milliseconds with a zone."""
    if time_ms is None:
        return ""
    second, millisecond = divmod(time_ms, 1000)
    text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{millisecond:03d}+00:00"
