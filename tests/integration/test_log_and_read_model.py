"""A read model that does not belong to its log is never served: one sentence says so, and a new one is folded."""

import asyncio
import logging
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from event_log.port import ForeignLog, LogReplaced, OutcomeUnknown
from event_log.sqlite.event_log import SqliteEventLogReader
from projector.sqlite_rebuild import rebuild_sqlite
from read_model.sqlite_link import current
from schemas.envelope import PARTITION, Actor, EventClock
from schemas.events import ExperimentCreated
from tests.eventually import AT_MOST_S
from tracklog.embedded.system import EmbeddedSystem
from tracklog.serving.log_watch import LogWatch

WAIT_S = AT_MOST_S
_clock = EventClock()


async def add(system: EmbeddedSystem, *names: str) -> None:
    """Append experiments of these names, and wait until they are in the read model."""
    for name in names:
        offset = system.log.newest_end
        event = ExperimentCreated(experiment_id=offset + 1, name=name, artifact_location="x")
        await system.log.append([_clock.stamp(event, Actor(), "r")])
    await system.progress.wait_until({PARTITION: system.log.newest_end}, WAIT_S)


def names(log: Path) -> list[str]:
    """The experiments that the read model of `log` shows."""
    read_model = current(log)
    assert read_model is not None
    with closing(sqlite3.connect(f"file:{read_model}?mode=ro", uri=True)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM experiments ORDER BY name")]


async def created(log: Path, *of_names: str) -> None:
    async with EmbeddedSystem(log) as system:
        await add(system, *of_names)


async def test_the_read_model_of_a_log_is_kept_from_start_to_start(tmp_path: Path) -> None:
    log = tmp_path / "log.db"
    await created(log, "a", "b")
    before = current(log)
    await created(log, "c")
    assert current(log) == before
    assert names(log) == ["a", "b", "c"]


async def test_an_older_log_that_is_put_back_is_folded_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log, backup = tmp_path / "log.db", tmp_path / "backup.db"
    await created(log, "a", "b")
    shutil.copy(log, backup)
    await created(log, "c", "d")
    shutil.copy(backup, log)
    async with EmbeddedSystem(log) as system:
        await system.progress.wait_until({PARTITION: 2}, WAIT_S)
        assert names(log) == ["a", "b"]
        await add(system, "e")
        assert names(log) == ["a", "b", "e"]
    [said] = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert "does not belong to the log" in said
    assert "folded up to 0:4, and the log" in said
    assert "ends at 0:2; a new one is folded from the log" in said


async def test_a_log_that_went_another_way_and_is_as_long_is_folded_anew(tmp_path: Path) -> None:
    """A copy that was put back after other events had been written to it: its id and its length tell nothing."""
    log, elsewhere = tmp_path / "log.db", tmp_path / "elsewhere.db"
    await created(log, "a", "b")
    shutil.copy(log, elsewhere)
    await created(log, "c")
    await created(elsewhere, "d", "e")
    shutil.copy(elsewhere, log)
    async with EmbeddedSystem(log) as system:
        await system.progress.wait_until({PARTITION: 4}, WAIT_S)
        assert names(log) == ["a", "b", "d", "e"]
        await add(system, "f")
        assert names(log) == ["a", "b", "d", "e", "f"]


async def test_a_log_that_was_deleted_is_another_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = tmp_path / "log.db"
    await created(log, "a", "b")
    log.unlink()
    async with EmbeddedSystem(log) as system:
        await add(system, "c", "d", "e")
        assert names(log) == ["c", "d", "e"]
    assert "it was folded from the log" in caplog.text


async def test_a_read_model_that_says_nothing_of_its_log_is_folded_anew(tmp_path: Path) -> None:
    log = tmp_path / "log.db"
    await created(log, "a")
    before = current(log)
    assert before is not None
    with closing(sqlite3.connect(before)) as connection, connection:
        connection.execute("DELETE FROM facts WHERE name = 'log_id'")
        connection.execute("UPDATE experiments SET name = 'of another log'")
    async with EmbeddedSystem(log) as system:
        await system.progress.wait_until({PARTITION: 1}, WAIT_S)
    assert current(log) != before
    assert names(log) == ["a"]


async def test_a_rebuild_compares_with_no_read_model_of_another_log(tmp_path: Path) -> None:
    log, other = tmp_path / "log.db", tmp_path / "other.db"
    await created(log, "a")
    await created(other, "b")
    read_model, of_other = current(log), current(other)
    assert read_model is not None
    assert of_other is not None
    shutil.copy(of_other, read_model)
    shutil.copy(of_other, log.with_name(log.name + ".read-model.rebuild"))  # one that was broken off
    reader = SqliteEventLogReader(log)
    rebuilt = await rebuild_sqlite(log, reader, lambda reached, end: None)
    await reader.close()
    assert (rebuilt.events, rebuilt.differences) == (1, None)
    assert names(log) == ["a"]


@pytest.mark.parametrize("replacement", [None, "older", "new"])
async def test_a_log_that_is_replaced_under_a_running_server_takes_nothing_and_stops_it(
    tmp_path: Path, replacement: str | None
) -> None:
    log, backup = tmp_path / "log.db", tmp_path / "backup.db"
    await created(log, "a")
    if replacement == "older":
        shutil.copy(log, backup)
    elif replacement == "new":
        await created(backup, "b")
    async with EmbeddedSystem(log) as system:
        stopping = asyncio.Event()
        watch = LogWatch(system.log, look_s=0.01)
        with pytest.raises(ForeignLog, match="removed or replaced while the server had it open"):
            async with watch.looking(stopping):
                await add(system, "b")
                assert not stopping.is_set()
                await watch.require_whole()
                log.unlink() if replacement is None else backup.replace(log)
                for refusal in (OutcomeUnknown, LogReplaced):
                    with pytest.raises(refusal, match="removed or replaced"):
                        await system.log.append([_clock.stamp(ExperimentCreated(9, "c", "x"), Actor(), "r")])
                async with asyncio.timeout(WAIT_S):
                    await stopping.wait()


async def test_a_flipped_bit_in_one_event_costs_that_event(tmp_path: Path) -> None:
    """Where it breaks the payload's compression, and where it would be served as true."""
    log = tmp_path / "log.db"
    await created(log, "a", "b" * 1000, "c", "d")
    with closing(sqlite3.connect(log)) as connection, connection:
        connection.execute(
            'UPDATE events SET payload = CAST(replace(payload, \'"c"\', \'"x"\') AS BLOB) WHERE "offset" = 2'
        )
        connection.execute(
            "UPDATE events SET payload = substr(payload, 1, 40) || x'00' || substr(payload, 42) WHERE \"offset\" = 1"
        )
    for read_model in tmp_path.glob("log.db.read-model*"):
        read_model.unlink()
    async with EmbeddedSystem(log) as system:
        await system.progress.wait_until({PARTITION: 4}, WAIT_S)
        assert names(log) == ["a", "d"]
        assert system.progress.report().set_aside == 2
        await add(system, "e")
    assert names(log) == ["a", "d", "e"]
