"""The SQLite adapter keeps the event log's contract, and its own promises about the file."""

import asyncio
import random
import secrets
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from event_log.port import EventFilter, EventTooLarge, ForeignLog, LogInUse, LogOverloaded, LogUnavailable
from event_log.sqlite.event_log import SqliteEventLog, SqliteEventLogReader
from event_log.sqlite.log_file import APPLICATION_ID, FORMAT_VERSION, check_is_log
from schemas import codec
from schemas.damaged_event import damage_of
from schemas.envelope import PARTITION, Actor, Position
from schemas.events import Param, RunDataLogged, RunDeleted
from tests.contracts.event_log_contract import Damage, EventLogContract, event, everything, param


@pytest.fixture
async def executor() -> AsyncIterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture
async def log(tmp_path: Path, executor: ThreadPoolExecutor) -> AsyncIterator[SqliteEventLog]:
    log = SqliteEventLog.open(tmp_path / "log.db", executor)
    yield log
    await log.close()


def change(log_file: Path, sql: str, *values: object) -> None:
    """Change what is stored, from outside."""
    with closing(sqlite3.connect(log_file)) as connection, connection:
        connection.execute(sql, values)


def flip(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.fixture
def damage(tmp_path: Path) -> Damage:
    async def damage(position: Position) -> None:
        with closing(sqlite3.connect(tmp_path / "log.db")) as connection, connection:
            connection.create_function("flip", 2, flip)
            connection.execute('UPDATE events SET payload = flip(payload, 99) WHERE "offset" = ?', (position.offset,))

    return damage


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
    waiting = asyncio.create_task(reader.wait_for_more(await reader.end(), 3600))
    await asyncio.sleep(0)  # it has begun
    assert not waiting.done()
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
    monkeypatch.setattr(log._appends.waiting_bytes, "max_append_bytes", 1000)
    with pytest.raises(EventTooLarge):
        await log.append([param(1, "p"), event(RunDataLogged(run_id="a" * 32, params=[Param("p", "x" * 1000)]))])
    assert await everything(log) == []


async def test_appends_beyond_what_may_wait_are_refused_and_the_others_kept(
    log: SqliteEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log._appends.waiting_bytes, "max_waiting_bytes", 5000)
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


# --- damage -----------------------------------------------------------------------------------------------------------


async def some(log: SqliteEventLog, count: int = 5) -> list[bytes]:
    """The ids of a few events of a stream each."""
    sent = [param(number, "p") for number in range(count)]
    await log.append(sent)
    return [one.id for one in sent]


async def damaged(log: SqliteEventLog, count: int = 5) -> dict[int, tuple[str, str]]:
    """Stream and reason of each event that cannot be read; all others must be whole."""
    read = await everything(log)
    assert [one.offset for one in read] == list(range(count))
    for one in read:
        if damage_of(one) is None:
            codec.decode(one)
    return {one.offset: (one.stream, reason) for one in read if (reason := damage_of(one)) is not None}


RUN_2 = f"run/{2:032x}"


@pytest.mark.parametrize(
    ("sql", "stream"),
    [
        ("UPDATE events SET payload = x'00' WHERE \"offset\" = 2", RUN_2),
        ('UPDATE events SET checksum = checksum + 1 WHERE "offset" = 2', RUN_2),
        ("UPDATE events SET payload = 'a text' WHERE \"offset\" = 2", "damaged/0-2"),
        ('UPDATE events SET time_us = time_us + 1 WHERE "offset" = 2', "damaged/0-2"),
        ("UPDATE events SET type = 'run.deleted' WHERE \"offset\" = 2", "damaged/0-2"),
        ("UPDATE events SET type = CAST(x'ff' AS TEXT) WHERE \"offset\" = 2", "damaged/0-2"),
        ("UPDATE events SET version = 'one' WHERE \"offset\" = 2", "damaged/0-2"),
        ("UPDATE events SET id = x'00' WHERE \"offset\" = 2", "damaged/0-2"),
        ('UPDATE events SET actor = 77 WHERE "offset" = 2', "damaged/0-2"),
        ("UPDATE events SET request_id = CAST(x'80' AS TEXT) WHERE \"offset\" = 2", "damaged/0-2"),
        ("UPDATE events SET checksum = 'none' WHERE \"offset\" = 2", "damaged/0-2"),
        ('DELETE FROM events WHERE "offset" = 2', "damaged/0-2"),
    ],
)
async def test_whatever_was_changed_in_a_row_only_that_event_is_lost_and_its_stream_is_told_if_it_is_sure(
    tmp_path: Path, log: SqliteEventLog, sql: str, stream: str
) -> None:
    await some(log)
    change(tmp_path / "log.db", sql)
    assert {offset: one for offset, (one, _) in (await damaged(log)).items()} == {2: stream}


@pytest.mark.parametrize(
    "sql",
    [
        'UPDATE events SET stream = 1 WHERE "offset" = 2',
        'UPDATE events SET stream = 77 WHERE "offset" = 2',
        f"UPDATE streams SET name = 'run/f' WHERE name = '{RUN_2}'",
        f"UPDATE streams SET name = CAST(x'ff' AS TEXT) WHERE name = '{RUN_2}'",
        f"DELETE FROM streams WHERE name = '{RUN_2}'",
    ],
)
async def test_an_event_that_only_lost_the_name_of_its_stream_is_read_by_what_its_payload_tells(
    tmp_path: Path, log: SqliteEventLog, sql: str
) -> None:
    ids = await some(log)
    change(tmp_path / "log.db", sql)
    read = await everything(log)
    assert [one.id for one in read] == ids
    assert read[2].stream == RUN_2


@pytest.mark.parametrize("sql", ["DELETE FROM actors", "UPDATE actors SET user = CAST(x'ff' AS TEXT)"])
async def test_events_of_a_damaged_actor_are_lost_and_those_of_others_are_read(
    tmp_path: Path, log: SqliteEventLog, sql: str
) -> None:
    await some(log)
    change(tmp_path / "log.db", sql)
    [position] = await log.append([event(RunDeleted(run_id=f"{9:032x}"), Actor("ada"))])
    read = await everything(log)
    assert [one.offset for one in read if damage_of(one) is None] == [position.offset]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE events SET payload = x'28b52ffd00' WHERE \"offset\" = 0",
        "UPDATE events SET payload = '{' WHERE \"offset\" = 0",
        "UPDATE events SET payload = x'7b2261223a22ff227d' WHERE \"offset\" = 0",
        'UPDATE events SET time_us = 9000000000000000000 WHERE "offset" = 0',
        "UPDATE events SET request_id = CAST(x'ff' AS TEXT) WHERE \"offset\" = 0",
        "DELETE FROM streams WHERE number = 1",
        "DELETE FROM actors WHERE number = 1",
    ],
)
async def test_an_event_without_a_checksum_that_cannot_be_one_is_lost_alone(
    tmp_path: Path, executor: ThreadPoolExecutor, sql: str
) -> None:
    make_log_of_format_1(tmp_path / "log.db")
    log = SqliteEventLog.open(tmp_path / "log.db", executor)
    await log.append([param(1, "new")])
    change(tmp_path / "log.db", sql)
    assert list(await damaged(log, 2)) == [0]
    await log.close()


async def test_pages_that_sqlite_cannot_read_cost_their_own_events_only(
    tmp_path: Path, executor: ThreadPoolExecutor
) -> None:
    path = tmp_path / "log.db"
    log = SqliteEventLog.open(path, executor)
    sent = [param(number, "p", secrets.token_hex(200)) for number in range(60)]
    await log.append(sent)
    await log.close()
    with closing(sqlite3.connect(path)) as connection:
        page_size = connection.execute("PRAGMA page_size").fetchone()[0]
    content = bytearray(path.read_bytes())
    middle = content.index(sent[30].id) // page_size * page_size
    content[middle] = 0xFF  # the kind of the page
    path.write_bytes(content)
    log = SqliteEventLog.open(path, executor)
    read = await everything(log)
    lost = [one.offset for one in read if damage_of(one) is not None]
    assert 30 in lost
    assert len(lost) < 30
    assert lost == list(range(lost[0], lost[-1] + 1))
    assert all("SQLite cannot read it" in str(damage_of(read[offset])) for offset in lost)
    assert [one.id for one in read if one.offset not in lost] == [
        one.id for index, one in enumerate(sent) if index not in lost
    ]
    [position] = await log.append([param(99, "after")])
    assert [one.stream for one in await everything(log, EventFilter(stream=f"run/{99:032x}"))] == [f"run/{99:032x}"]
    assert position.offset == 60
    await log.close()


async def test_no_flipped_bit_of_the_file_is_served_as_true(tmp_path: Path, executor: ThreadPoolExecutor) -> None:
    path = tmp_path / "log.db"
    log = SqliteEventLog.open(path, executor)
    sent = {one.id: one for one in (param(number % 3, f"p{number}") for number in range(40))}
    await log.append(list(sent.values()))
    whole = {one.id: one for one in await everything(log)}
    await log.close()
    before = path.read_bytes()
    dice = random.Random(20261128)
    for _ in range(150):
        path.write_bytes(flip(before, dice.randrange(8 * 4096, 8 * len(before))))  # behind the page of the tables' list
        try:
            log = SqliteEventLog.open(path, executor)
        except ForeignLog:
            continue  # it is said, and nothing is served
        try:
            read = await everything(log)
        except LogUnavailable:
            continue
        finally:
            await log.close()
        assert all(one == whole[one.id] for one in read if damage_of(one) is None)
