"""The log's writer and the projector child together: verdicts, waiting, a child that dies, a rebuild underneath."""

import asyncio
import fcntl
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from event_log.port import LogInUse
from event_log.sqlite.event_log import SqliteEventLogReader
from projector.rebuild import RebuildUnderWay, Rebuilt
from projector.sqlite_rebuild import rebuild_sqlite
from read_model.progress import ProjectionBehind
from read_model.sqlite_link import current
from schemas.envelope import Actor, EventClock, Position
from schemas.errors import ResourceAlreadyExists
from schemas.events import AnyEvent, ExperimentCreated, MetricSeries, RunCreated, RunDataLogged
from tests.eventually import AT_MOST_S
from tracklog.embedded.system import EmbeddedSystem

WAIT_S = AT_MOST_S
RUN = "a" * 32


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[EmbeddedSystem]:
    async with EmbeddedSystem(tmp_path / "log.db") as system:
        yield system


class Writer:
    """Appends events to a system."""

    def __init__(self, system: EmbeddedSystem) -> None:
        self._system = system
        self._clock = EventClock()

    async def append(self, payload: AnyEvent) -> Position:
        [position] = await self._system.log.append([self._clock.stamp(payload, Actor(), "r")])
        return position

    async def experiment(self, experiment_id: int, name: str) -> Position:
        return await self.append(ExperimentCreated(experiment_id=experiment_id, name=name, artifact_location="x"))

    async def points(self, start: int, stop: int) -> None:
        for step in range(start, stop):
            await self.append(RunDataLogged(run_id=RUN, metrics=[MetricSeries("k", [1.0], [step], [step])]))


def child_of(system: EmbeddedSystem) -> int:
    """The process id of the projector child."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    [child] = [int(one) for one in children if b"projector_child" in Path(f"/proc/{one}/cmdline").read_bytes()]
    return child


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def read_model(system: EmbeddedSystem) -> Path:
    path = current(system.log_path)
    assert path is not None
    return path


async def test_a_verdict_tells_the_winner_from_the_loser(system: EmbeddedSystem) -> None:
    writer = Writer(system)
    positions = await asyncio.gather(*(writer.experiment(one, "same") for one in range(5)))
    verdicts = [await system.progress.verdict(one, WAIT_S) for one in positions]
    assert [one is None for one in verdicts].count(True) == 1
    assert all(isinstance(one, ResourceAlreadyExists) for one in verdicts if one is not None)


async def test_rows_are_there_when_waiting_ends(system: EmbeddedSystem) -> None:
    writer = Writer(system)
    for one in range(20):
        await writer.experiment(one, f"e{one}")
        await system.progress.wait_until(await system.log.end(), WAIT_S)
        assert rows(read_model(system), "SELECT count(*) FROM experiments") == [(one + 1,)]


async def test_waiting_for_what_does_not_come_is_bounded(system: EmbeddedSystem) -> None:
    with pytest.raises(ProjectionBehind, match="did not reach 0:99"):
        await system.progress.wait_until({0: 99}, 0.2)


async def test_a_killed_child_is_followed_by_another_that_tells_what_it_could_not(system: EmbeddedSystem) -> None:
    writer = Writer(system)
    await system.progress.verdict(await writer.experiment(0, "x"), WAIT_S)
    for one in range(1, 4):
        os.kill(child_of(system), signal.SIGKILL)
        verdict = await system.progress.verdict(await writer.experiment(one, "x"), WAIT_S)
        assert isinstance(verdict, ResourceAlreadyExists)


async def test_a_child_that_gives_no_sign_of_life_is_killed_and_followed_by_another(tmp_path: Path) -> None:
    async with EmbeddedSystem(tmp_path / "log.db", hung_s=2.0) as system:
        writer = Writer(system)
        await system.progress.verdict(await writer.experiment(0, "x"), WAIT_S)
        os.kill(child_of(system), signal.SIGSTOP)
        assert await system.progress.verdict(await writer.experiment(1, "y"), WAIT_S) is None


async def test_a_second_server_on_the_same_log_is_refused(system: EmbeddedSystem) -> None:
    with pytest.raises(LogInUse, match="in use by another server"):
        async with EmbeddedSystem(system.log_path):
            pass


async def test_a_lost_read_model_is_folded_again(tmp_path: Path) -> None:
    async with EmbeddedSystem(tmp_path / "log.db") as system:
        await system.progress.verdict(await Writer(system).experiment(0, "x"), WAIT_S)
        lost = read_model(system)
    lost.unlink()
    async with EmbeddedSystem(tmp_path / "log.db") as system:
        await system.progress.wait_until(await system.log.end(), WAIT_S)
        assert rows(read_model(system), "SELECT name FROM experiments") == [("x",)]


async def test_a_read_model_of_another_schema_is_folded_again(tmp_path: Path) -> None:
    async with EmbeddedSystem(tmp_path / "log.db") as system:
        await system.progress.verdict(await Writer(system).experiment(0, "x"), WAIT_S)
        old = read_model(system)
    connection = sqlite3.connect(old)
    connection.execute("UPDATE facts SET value = '0' WHERE name = 'schema_version'")
    connection.commit()
    connection.close()
    async with EmbeddedSystem(tmp_path / "log.db") as system:
        await system.progress.wait_until(await system.log.end(), WAIT_S)
        assert read_model(system) != old
        assert rows(read_model(system), "SELECT name FROM experiments") == [("x",)]


async def rebuild_beside(system: EmbeddedSystem, *, accept_differences: bool = False) -> Rebuilt:
    """As `tracklog rebuild` does it, in a thread of its own with a loop of its own."""

    async def run() -> Rebuilt:
        log = SqliteEventLogReader(system.log_path)
        try:
            return await rebuild_sqlite(
                system.log_path, log, lambda reached, end: None, accept_differences=accept_differences
            )
        finally:
            await log.close()

    return await asyncio.to_thread(asyncio.run, run())


async def test_a_rebuild_takes_over_while_writes_and_reads_go_on(system: EmbeddedSystem) -> None:
    writer = Writer(system)
    await writer.experiment(0, "x")
    await writer.append(
        RunCreated(run_id=RUN, experiment_id=0, name="n", user_id="", start_time_ms=0, artifact_uri="a")
    )
    await writer.points(0, 3000)
    before = read_model(system)
    rebuilding = asyncio.create_task(rebuild_beside(system))
    written = 3000
    while not rebuilding.done():
        await writer.points(written, written + 50)
        written += 50
        await system.progress.wait_until(await system.log.end(), WAIT_S)
    rebuilt = await rebuilding
    assert (rebuilt.differences, rebuilt.switched) == ([], True)
    await writer.points(written, written + 10)
    await system.progress.wait_until(await system.log.end(), WAIT_S)
    assert read_model(system) != before
    assert not before.exists()
    assert rows(read_model(system), "SELECT points FROM latest_metrics") == [(written + 10,)]


async def test_a_rebuild_that_differs_is_not_switched_in_unless_accepted(system: EmbeddedSystem) -> None:
    writer = Writer(system)
    await system.progress.verdict(await writer.experiment(0, "x"), WAIT_S)
    live = read_model(system)
    connection = sqlite3.connect(live)
    connection.execute("UPDATE experiments SET artifact_location = 'elsewhere'")
    connection.commit()
    connection.close()
    rebuilt = await rebuild_beside(system)
    assert not rebuilt.switched
    assert rebuilt.differences is not None
    assert {one.table for one in rebuilt.differences} == {"experiments"}
    assert read_model(system) == live
    assert (await rebuild_beside(system, accept_differences=True)).switched
    assert rows(read_model(system), "SELECT artifact_location FROM experiments") == [("x",)]
    # The worker goes on in the new read model.
    assert await system.progress.verdict(await writer.experiment(1, "y"), WAIT_S) is None


async def test_a_rebuild_broken_off_goes_on_where_it_was(tmp_path: Path) -> None:
    async with EmbeddedSystem(tmp_path / "log.db") as system:
        writer = Writer(system)
        for one in range(20):
            await writer.experiment(one, f"e{one}")
        await system.progress.wait_until(await system.log.end(), WAIT_S)

        async def stop_early() -> None:
            log = SqliteEventLogReader(system.log_path)
            await rebuild_sqlite(system.log_path, log, _break_off)

        with pytest.raises(InterruptedError):
            await asyncio.to_thread(asyncio.run, stop_early())
        assert (tmp_path / "log.db.read-model.rebuild").exists()
        assert (await rebuild_beside(system)).switched
        assert not (tmp_path / "log.db.read-model.rebuild").exists()
        assert rows(read_model(system), "SELECT count(*) FROM experiments") == [(20,)]


async def test_only_one_rebuild_goes_on_at_a_time(system: EmbeddedSystem) -> None:
    await system.progress.verdict(await Writer(system).experiment(0, "x"), WAIT_S)
    with (
        (system.log_path.parent / "log.db.read-model.rebuild.lock").open("w") as lock,
        pytest.raises(RebuildUnderWay, match="by another process"),
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        await rebuild_beside(system)
    assert (await rebuild_beside(system)).switched


def _break_off(reached: int, end: int) -> None:
    raise InterruptedError
