"""The SQLite read model: reads in threads and at once, bounded in time and number, always of the newest file."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from query_api.sqlite import read_model as sqlite_read_model
from query_api.sqlite.read_model import SqliteReadModel
from schemas.errors import DeadlineExceeded, InvalidParameterValue, RequestLimitExceeded, TemporarilyUnavailable
from tests.eventually import until

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT sum(x) FROM n"
LENGTHY = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000) SELECT max(x) FROM n"


def generation(path: Path, name: str) -> sqlite3.Connection:
    """A read-model file that knows its name, and its writer."""
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT)")
    writer.execute("INSERT INTO facts VALUES ('name', ?)", (name,))
    return writer


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "log.db.read-model"


@pytest.fixture
def writer(link: Path) -> Iterator[sqlite3.Connection]:
    writer = generation(link.with_name("log.db.read-model.1"), "first")
    link.symlink_to("log.db.read-model.1")
    yield writer
    writer.close()


@pytest.fixture
async def read_model(link: Path, writer: sqlite3.Connection) -> AsyncIterator[SqliteReadModel]:
    read_model = SqliteReadModel(link)
    yield read_model
    await read_model.close()


async def name_of(read_model: SqliteReadModel) -> str:
    (fetched,) = await read_model.fetch("SELECT value FROM facts WHERE name = ?", ("name",))
    (looked_up,) = await read_model.lookup("SELECT value FROM facts WHERE name = ?", ("name",))
    assert fetched == looked_up
    return str(fetched[0])


async def test_committed_rows_are_read_at_once(read_model: SqliteReadModel, writer: sqlite3.Connection) -> None:
    assert await name_of(read_model) == "first"
    writer.execute("UPDATE facts SET value = 'changed'")
    assert await name_of(read_model) == "changed"


async def test_a_fetch_runs_in_a_thread_and_a_lookup_does_not(link: Path, writer: sqlite3.Connection) -> None:
    read_model = SqliteReadModel(
        link, lambda connection: connection.create_function("thread", 0, lambda: threading.current_thread().name)
    )
    ((fetching,),) = await read_model.fetch("SELECT thread()")
    ((looking_up,),) = await read_model.lookup("SELECT thread()")
    assert fetching != looking_up == threading.current_thread().name
    await read_model.close()


async def test_a_lookup_of_few_rows_runs_at_once(read_model: SqliteReadModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SqliteReadModel, "fetch", None)
    for _ in range(5000):  # more instructions together than one lookup may take
        assert await read_model.lookup("SELECT value FROM facts") == [("first",)]


async def test_a_lookup_that_turns_out_large_is_answered_from_a_thread(read_model: SqliteReadModel) -> None:
    assert await read_model.lookup(LENGTHY) == [(100_000,)]
    assert await read_model.lookup("SELECT value FROM facts") == [("first",)]


async def test_an_answer_too_large_to_build_is_refused(read_model: SqliteReadModel) -> None:
    with pytest.raises(InvalidParameterValue):
        await read_model.fetch("SELECT zeroblob(?)", (sqlite_read_model.MAX_ANSWER_BYTES + 1,))


async def test_a_value_longer_than_a_page_is_not_made(read_model: SqliteReadModel) -> None:
    longest = sqlite_read_model.MAX_PAGE_BYTES
    assert await read_model.fetch_short("SELECT length(zeroblob(?))", (longest,)) == [(longest,)]
    assert await read_model.fetch_short("SELECT length(zeroblob(?))", (longest + 1,)) is None
    assert await read_model.fetch("SELECT length(zeroblob(?))", (longest + 1,)) == [(longest + 1,)]


async def test_rows_beyond_the_bytes_of_a_page_are_not_made(read_model: SqliteReadModel) -> None:
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT zeroblob(?), i FROM n"
    rows, are_all = await read_model.fetch_first(endless, (sqlite_read_model.MAX_PAGE_BYTES // 3,))
    assert [row[1] for row in rows] == [1, 2, 3]
    assert not are_all
    rows, are_all = await read_model.fetch_first(endless, (sqlite_read_model.MAX_PAGE_BYTES * 2,))
    assert [row[1] for row in rows] == [1]
    assert not are_all
    assert await read_model.fetch_first("SELECT zeroblob(1), 1 UNION ALL SELECT zeroblob(1), 2") == (
        [(b"\0", 1), (b"\0", 2)],
        True,
    )


async def test_reads_follow_the_link_to_a_new_generation(
    read_model: SqliteReadModel, link: Path, writer: sqlite3.Connection
) -> None:
    assert await name_of(read_model) == "first"
    second = generation(link.with_name("log.db.read-model.2"), "second")
    link.with_suffix(".new").symlink_to("log.db.read-model.2")
    os.replace(link.with_suffix(".new"), link)
    assert [await name_of(read_model) for _ in range(10)] == ["second"] * 10
    second.close()


async def test_without_a_file_the_read_model_is_unavailable_until_there_is_one(link: Path) -> None:
    read_model = SqliteReadModel(link)
    for ask in (read_model.fetch, read_model.lookup):
        with pytest.raises(TemporarilyUnavailable):
            await ask("SELECT 1")
    with pytest.raises(TemporarilyUnavailable):
        async with read_model.snapshot():
            pass
    generation(link, "late").close()
    assert await name_of(read_model) == "late"
    await read_model.close()


async def test_a_statement_past_its_bound_is_stopped(
    read_model: SqliteReadModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_read_model, "STATEMENT_BOUND_S", 0.05)
    with pytest.raises(DeadlineExceeded):
        await read_model.fetch(ENDLESS)
    assert await name_of(read_model) == "first"


async def test_a_statement_nobody_waits_for_is_stopped(
    read_model: SqliteReadModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_read_model, "STATEMENT_BOUND_S", 600)
    asking = [asyncio.create_task(read_model.fetch(ENDLESS)) for _ in range(10)]
    await until(lambda: read_model._waiting == len(asking))
    for task in asking:
        task.cancel()
    async with asyncio.timeout(60):
        assert await name_of(read_model) == "first"


async def test_more_waiting_statements_than_the_bound_are_refused(
    read_model: SqliteReadModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_read_model, "MAX_WAITING_STATEMENTS", 4)
    asking = [asyncio.create_task(read_model.fetch(ENDLESS)) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(RequestLimitExceeded):
        await read_model.fetch("SELECT 1")
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    async with asyncio.timeout(60):
        while True:
            try:
                assert await read_model.fetch("SELECT 1") == [(1,)]
                break
            except RequestLimitExceeded:
                await asyncio.sleep(0.01)


async def test_a_mistake_in_a_statement_stays_a_mistake(read_model: SqliteReadModel) -> None:
    for ask in (read_model.fetch, read_model.lookup):
        with pytest.raises(sqlite3.OperationalError, match="syntax error"):
            await ask("SELECT FROM WHERE")


async def test_damage_is_told_to_whoever_mends_it_and_as_passing_to_who_asked(
    link: Path, writer: sqlite3.Connection
) -> None:
    told: list[tuple[str, str]] = []
    read_model = SqliteReadModel(link, on_damage=lambda *damage: told.append(damage))
    try:
        for ask in (read_model.fetch, read_model.lookup):
            with pytest.raises(TemporarilyUnavailable, match="is damaged"):
                await ask("SELECT * FROM a_table_that_was_dropped")
    finally:
        await read_model.close()
    assert told == [(link.resolve().name, "no such table: a_table_that_was_dropped")] * 2


async def test_nothing_can_be_written(read_model: SqliteReadModel) -> None:
    for ask in (read_model.fetch, read_model.lookup):
        with pytest.raises((sqlite3.Error, TemporarilyUnavailable)):
            await ask("DELETE FROM facts")
    assert await name_of(read_model) == "first"


async def test_every_connection_has_the_functions_statements_use(link: Path, writer: sqlite3.Connection) -> None:
    read_model = SqliteReadModel(link, lambda connection: connection.create_function("twice", 1, lambda text: 2 * text))
    assert await read_model.lookup("SELECT twice('a')") == [("aa",)]
    assert await asyncio.gather(*(read_model.fetch("SELECT twice('a')") for _ in range(20))) == [[("aa",)]] * 20
    async with read_model.snapshot() as snapshot:
        assert await snapshot.fetch("SELECT twice('a')") == [("aa",)]
    await read_model.close()


async def test_a_snapshot_does_not_change_and_the_next_one_is_new(
    read_model: SqliteReadModel, writer: sqlite3.Connection
) -> None:
    for before, after in (("first", "second"), ("second", "third")):
        async with read_model.snapshot() as snapshot:
            writer.execute("UPDATE facts SET value = ?", (after,))
            assert await snapshot.fetch("SELECT value FROM facts") == [(before,)]
            assert await read_model.fetch("SELECT value FROM facts") == [(after,)]


async def test_a_snapshot_that_was_left_early_is_let_go_of(
    read_model: SqliteReadModel, writer: sqlite3.Connection
) -> None:
    with pytest.raises(KeyError):
        async with read_model.snapshot():
            raise KeyError
    writer.execute("UPDATE facts SET value = 'second'")
    async with read_model.snapshot() as snapshot:
        assert await snapshot.fetch("SELECT value FROM facts") == [("second",)]


async def test_a_stream_hands_on_no_more_rows_at_once_than_wanted(read_model: SqliteReadModel) -> None:
    numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 10) SELECT x FROM n"
    async with read_model.snapshot() as snapshot:
        batches = [batch async for batch in snapshot.stream(numbers, batch_rows=4)]
    assert batches == [[(1,), (2,), (3,), (4,)], [(5,), (6,), (7,), (8,)], [(9,), (10,)]]


async def test_snapshots_beyond_the_bound_are_refused_after_a_while(
    read_model: SqliteReadModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_read_model, "SNAPSHOT_WAIT_S", 0.05)
    held = [read_model.snapshot() for _ in range(sqlite_read_model.MAX_SNAPSHOTS)]
    for snapshot in held:
        await snapshot.__aenter__()
    with pytest.raises(RequestLimitExceeded):
        async with read_model.snapshot():
            pass
    for snapshot in held:
        await snapshot.__aexit__(None, None, None)
    async with read_model.snapshot() as snapshot:
        assert await snapshot.fetch("SELECT 1") == [(1,)]
