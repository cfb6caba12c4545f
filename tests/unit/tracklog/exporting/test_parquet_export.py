"""An export of positions is the same bytes every time, and one of what changed since brings an older one up to date."""

import asyncio
import json
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from event_log.log_until import LogUntil
from event_log.memory_event_log import MemoryEventLog
from projector.sqlite_past import past_read_model
from query_api.frames.touched import touched_between
from query_api.sqlite.read_model import SqliteReadModel
from schemas.events import AnyEvent, ExperimentDeleted, RunDeleted
from schemas.moments import positions_text
from tests.unit.projector.histories import RUNS, created, envelope, experiment, metric, param, payloads
from tracklog.exporting.destination import destination_at
from tracklog.exporting.parquet_export import ParquetExport, folder_name

HISTORY: list[AnyEvent] = [
    experiment(),
    experiment(1),
    created(),
    created(RUNS[1], experiment_id=1),
    metric(step=1, timestamp_ms=5),
    param("lr", "0.1"),
    metric(step=2, timestamp_ms=4, value="NaN"),
    created(RUNS[2], experiment_id=1),
    ExperimentDeleted(experiment_id=1),
    RunDeleted(run_id=RUNS[0]),
]


def nobody(_reached: int, _whole: int) -> None:
    pass


async def nobody_waits(_reached: int, _whole: int) -> None:
    pass


async def log_of(history: list[AnyEvent], partitions: int = 1) -> MemoryEventLog:
    log = MemoryEventLog(partitions)
    for index, payload in enumerate(history):
        await log.append([envelope(index, payload)])
    return log


async def exported(folder: Path, log: MemoryEventLog, end: dict[int, int], since: dict[int, int] | None = None) -> Path:
    """The folder of the export."""
    until = LogUntil(log, end)
    touched = None if since is None else await touched_between(until, since, end)
    name = folder_name(end, since)
    with TemporaryDirectory() as past:
        async with (
            past_read_model(Path(past), until, nobody_waits) as file,
            destination_at(str(folder), name) as to,
        ):
            read_model = SqliteReadModel(file)
            try:
                assert not await to.is_whole()
                await ParquetExport(until, read_model, to).write(since, touched, nobody, with_events=True)
                assert await to.is_whole()
            finally:
                await read_model.close()
    return folder / name


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


async def test_an_export_of_the_same_positions_is_the_same_bytes(tmp_path: Path) -> None:
    log = await log_of(HISTORY, partitions=2)
    end = dict(await log.end())
    first = files_in(await exported(tmp_path / "one", log, end))
    assert files_in(await exported(tmp_path / "two", log, end)) == first
    manifest = json.loads(first["manifest.json"])
    assert manifest["position"] == positions_text(end)
    assert {one["path"] for one in manifest["files"]} == first.keys() - {"manifest.json"}
    assert sum(one["rows"] for one in manifest["files"] if one["table"] == "events") == len(HISTORY)
    assert len(list((tmp_path / "one").iterdir())) == 1, "nothing is left beside it"


async def test_the_tables_hold_what_was_tracked(tmp_path: Path) -> None:
    log = await log_of(HISTORY)
    folder = await exported(tmp_path, log, dict(await log.end()))
    runs = rows_of(folder, "runs")
    assert {row["run_id"]: (row["experiment_id"], row["lifecycle_stage"]) for row in runs} == {
        RUNS[0]: (0, "deleted"),
        RUNS[1]: (1, "deleted"),
        RUNS[2]: (1, "deleted"),
    }
    history = rows_of(folder, "metric_history")
    assert [(row["step"], str(row["value"])) for row in history] == [(2, "nan"), (1, "1.0")]
    assert [row["value"] for row in rows_of(folder, "params")] == ["0.1"]


def rows_of(folder: Path, table: str) -> list[dict[str, Any]]:
    """Of one table, read as the page says."""
    if not (folder / table).exists():
        return []
    found: list[dict[str, Any]] = pyarrow.parquet.read_table(folder / table, partitioning="hive").to_pylist()
    return found


OF_RUNS = ("runs", "params", "tags", "metrics", "metric_history")


@pytest.mark.slow
@settings(max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_what_changed_since_brings_an_older_export_up_to_date(data: st.DataObject) -> None:
    history = data.draw(st.lists(payloads, min_size=1, max_size=30))
    cut = data.draw(st.integers(0, len(history) - 1))

    async def check() -> None:
        log = await log_of(history)
        with TemporaryDirectory() as folder:
            old = await exported(Path(folder), log, {0: cut})
            new = await exported(Path(folder), log, {0: len(history)})
            more = await exported(Path(folder), log, {0: len(history)}, since={0: cut})
            replaced = {row["run_id"] for table in ("runs", "removed_runs") for row in rows_of(more, table)}
            for table in OF_RUNS:
                kept = [row for row in rows_of(old, table) if row["run_id"] not in replaced]
                assert counted([*kept, *rows_of(more, table)]) == counted(rows_of(new, table)), table

    asyncio.run(check())


def counted(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Rows of which order says nothing."""
    found: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        found[repr(sorted(row.items()))] += 1
    return found


@pytest.mark.parametrize(
    ("end", "since", "name"),
    [
        ({0: 12}, None, "0-12"),
        ({0: 12, 1: 5}, {0: 3}, "0-3..0-12_1-5"),
    ],
)
def test_a_folder_is_named_for_its_positions(end: dict[int, int], since: dict[int, int] | None, name: str) -> None:
    assert folder_name(end, since) == name
    many = folder_name(dict.fromkeys(range(100), 12345), None)
    assert len(many) == 32
    assert many != folder_name(dict.fromkeys(range(100), 12346), None)
