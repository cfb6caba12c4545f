"""The SQLite adapter keeps the event log's contract, and its own promises about the file."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from event_log.group_append import PARTITION
from event_log.port import EventTooLarge, ForeignLog, LogInUse, LogOverloaded, LogUnavailable
from event_log.sqlite_event_log import (
    APPLICATION_ID,
    FORMAT_VERSION,
    SqliteEventLog,
    SqliteEventLogReader,
    check_is_log,
)
from schemas.events import Param, RunDataLogged
from tests.contracts.event_log_contract import EventLogContract, event, everything, param


@pytest.fixture
async def executor() -> AsyncIterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture
async def log(tmp_path: Path, executor: ThreadPoolExecutor) -> AsyncIterator[SqliteEventLog]:
    log = SqliteEventLog.open(tmp_path / "log.db", executor)
    yield log
    await log.close()


class TestContract(EventLogContract):
    pass


async def test_events_outlive_a_close(tmp_path: Path, executor: ThreadPoolExecutor) -> None:
    log = SqliteEventLog.open(tmp_path / "log.db", executor)
    await log.append([param(1, "p")])
    before = await everything(log)
    await log.close()
    log = SqliteEventLog.open(tmp_path / "log.db", executor)
    assert await everything(log) == before
    assert (await log.end())[PARTITION] == 1
    await log.close()


async def test_a_reader_in_another_process_would_see_what_the_writer_acknowledged(
    tmp_path: Path, log: SqliteEventLog
) -> None:
    reader = SqliteEventLogReader(tmp_path / "log.db")
    waiting = asyncio.create_task(reader.wait_for_more(await reader.end(), 30))
    await asyncio.sleep(0.05)
    [position] = await log.append([param(1, "p")])
    async with asyncio.timeout(60):
        await waiting
    assert [one.offset for one in await reader.read(PARTITION, 0, limit=10)] == [position.offset]
    await reader.close()


async def test_a_second_writer_is_refused(tmp_path: Path, log: SqliteEventLog, executor: ThreadPoolExecutor) -> None:
    with pytest.raises(LogInUse, match="in use by another server"):
        SqliteEventLog.open(tmp_path / "log.db", executor)
    await log.append([param(1, "p")])


def test_a_missing_or_empty_file_is_no_log_yet(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    assert not check_is_log(tmp_path / "empty.db")
    assert not check_is_log(tmp_path / "missing.db")


@pytest.mark.parametrize("content", [b"hello", b"x" * 5000], ids=["short", "long"])
async def test_a_foreign_file_is_refused_untouched(
    tmp_path: Path, executor: ThreadPoolExecutor, content: bytes
) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(ForeignLog, match="left untouched"):
        SqliteEventLog.open(path, executor)
    assert path.read_bytes() == content
    assert [one.name for one in tmp_path.iterdir()] == ["notes.txt"]


async def test_an_mlflow_database_is_refused_untouched(tmp_path: Path, executor: ThreadPoolExecutor) -> None:
    path = tmp_path / "mlflow.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(ForeignLog):
        SqliteEventLog.open(path, executor)
    assert path.read_bytes() == before


async def test_a_log_of_a_newer_format_is_refused(tmp_path: Path, executor: ThreadPoolExecutor) -> None:
    path = tmp_path / "log.db"
    await SqliteEventLog.open(path, executor).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(ForeignLog, match="newer Tracklog"):
        SqliteEventLog.open(path, executor)


def make_log_of_format_1(path: Path) -> None:
    """A log as the first version of Tracklog made it, with one event."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(f"""
        PRAGMA application_id = {APPLICATION_ID};
        PRAGMA user_version = 1;
        PRAGMA journal_mode = WAL;
        CREATE TABLE streams (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
        CREATE TABLE actors (
          number INTEGER PRIMARY KEY, user TEXT NOT NULL, address TEXT NOT NULL, user_agent TEXT NOT NULL,
          UNIQUE (user, address, user_agent)
        );
        CREATE TABLE events (
          "offset" INTEGER PRIMARY KEY, id BLOB NOT NULL, type TEXT NOT NULL, version INTEGER NOT NULL,
          stream INTEGER NOT NULL, time_us INTEGER NOT NULL, actor INTEGER NOT NULL, request_id TEXT NOT NULL,
          payload BLOB NOT NULL
        );
        CREATE INDEX events_by_stream ON events (stream);
        INSERT INTO streams VALUES (1, 'run/{"a" * 32}');
        INSERT INTO actors VALUES (1, 'ada', '', '');
        INSERT INTO events VALUES (0, zeroblob(16), 'run.deleted', 1, 1, 1700000000000000, 1, '', '{{"run_id":"a"}}');
    """)
    connection.close()


async def test_a_log_of_the_first_format_is_upgraded_when_it_is_opened(
    tmp_path: Path, executor: ThreadPoolExecutor
) -> None:
    path = tmp_path / "log.db"
    make_log_of_format_1(path)
    log = SqliteEventLog.open(path, executor)
    await log.append([param(1, "new")])
    first, second = await everything(log)
    assert (first.stream, first.actor.user, first.time_us) == (f"run/{'a' * 32}", "ada", 1700000000000000)
    assert second.stream == f"run/{1:032x}"
    await log.close()
    assert int.from_bytes(path.read_bytes()[60:64], "big") == FORMAT_VERSION
    await SqliteEventLog.open(path, executor).close()  # and what is upgraded is not upgraded again


async def test_an_append_too_large_for_the_log_is_refused_whole(
    log: SqliteEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_log.sqlite_event_log.MAX_EVENT_BYTES", 1000)
    with pytest.raises(EventTooLarge):
        await log.append([param(1, "p"), event(RunDataLogged(run_id="a" * 32, params=[Param("p", "x" * 1000)]))])
    assert await everything(log) == []


async def test_appends_beyond_what_may_wait_are_refused_and_the_others_kept(
    log: SqliteEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_log.sqlite_event_log.MAX_WAITING_BYTES", 5000)
    outcomes = await asyncio.gather(
        *(log.append([param(one, "p", "x" * 1000)]) for one in range(20)), return_exceptions=True
    )
    refused = [one for one in outcomes if isinstance(one, LogOverloaded)]
    assert 0 < len(refused) < 20
    assert len(await everything(log)) == 20 - len(refused)


async def test_a_full_disk_refuses_the_append_and_loses_nothing(tmp_path: Path, log: SqliteEventLog) -> None:
    await log.append([param(1, "before")])
    connection = log._writer._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(LogUnavailable):
        for one in range(200):
            await log.append([param(1, f"p{one}", "x" * 400)])
    kept = len(await everything(log))
    connection.execute("PRAGMA max_page_count = 1000000")
    await log.append([param(2, "after")])
    assert len(await everything(log)) == kept + 1


async def test_an_append_that_cannot_be_written_fails_and_the_log_goes_on(log: SqliteEventLog) -> None:
    broken = replace(param(1, "p"), request_id="\ud800")
    with pytest.raises(LogUnavailable):
        await log.append([broken])
    await log.append([param(1, "q")])
    assert len(await everything(log)) == 1
