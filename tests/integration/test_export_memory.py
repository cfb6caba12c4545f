"""The memory of an export does not grow with what is exported: behind `make large-test`."""

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from event_log.sqlite.event_log import SqliteEventLog
from schemas.envelope import Actor, EventClock
from schemas.events import AnyEvent, MetricSeries, RunDataLogged
from tests.unit.projector.histories import created, experiment

pytestmark = pytest.mark.no_cover

POINTS = int(os.environ.get("TRACKLOG_EXPORTED_POINTS", "0"))
BATCH = 1000
GROWTH_MIB = 60
"""What the allocator keeps more or less of from run to run; two million points held at once would be 200 MB."""


def log_of(path: Path, points: int) -> None:
    """A log of runs with 100,000 points of one metric each."""

    async def make() -> None:
        with ThreadPoolExecutor(1) as executor:
            log = SqliteEventLog.open(path, executor)
            clock = EventClock()
            await log.append([clock.stamp(experiment(), Actor(), "r")])
            for first in range(0, points, BATCH):
                run_id = f"{first // 100_000:032x}"
                begun = [created(run_id)] if first % 100_000 == 0 else []
                steps = list(range(first, first + BATCH))
                series = MetricSeries("loss", [one / 7 for one in steps], steps, steps)
                events: list[AnyEvent] = [*begun, RunDataLogged(run_id=run_id, metrics=[series])]
                await log.append([clock.stamp(event, Actor(), "r") for event in events])
            await log.close()

    asyncio.run(make())


def peak_of_export_mib(folder: Path, points: int) -> float:
    """The most memory that the command ever had."""
    folder.mkdir()
    log_of(folder / "log.db", points)
    arguments = ["export", "parquet", str(folder / "out"), "--event-log", f"sqlite:///{folder / 'log.db'}"]
    command = subprocess.Popen([sys.executable, "-m", "tracklog", *arguments])
    _, status, used = os.wait4(command.pid, 0)
    command.returncode = os.waitstatus_to_exitcode(status)
    assert command.returncode == 0
    return used.ru_maxrss / 1024


@pytest.mark.skipif(POINTS == 0, reason="make large-test says how many points")
def test_the_memory_of_an_export_does_not_grow_with_the_points(tmp_path: Path) -> None:
    few = peak_of_export_mib(tmp_path / "few", POINTS // 4)
    many = peak_of_export_mib(tmp_path / "many", POINTS)
    assert many - few < GROWTH_MIB, f"{few:.0f} MiB for {POINTS // 4} points, {many:.0f} MiB for {POINTS}"
