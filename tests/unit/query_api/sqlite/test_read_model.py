"""The SQLite read model: reads in threads and at once, bounded in time and number, always of the newest file."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from query_api import bounds
from query_api.port import MAX_PAGE_BYTES
from query_api.sqlite.read_model import SqliteReadModel
from schemas.errors import TemporarilyUnavailable
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


async def test_a_value_longer_than_a_page_is_not_made(read_model: SqliteReadModel) -> None:
    longest = MAX_PAGE_BYTES
    assert await read_model.fetch_short("SELECT length(zeroblob(?))", (longest,)) == [(longest,)]
    assert await read_model.fetch_short("SELECT length(zeroblob(?))", (longest + 1,)) is None
    assert await read_model.fetch("SELECT length(zeroblob(?))", (longest + 1,)) == [(longest + 1,)]


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
    generation(link, "late").close()
    assert await name_of(read_model) == "late"
    await read_model.close()


async def test_a_running_statement_without_a_caller_is_stopped(
    read_model: SqliteReadModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "STATEMENT_BOUND_S", 600)
    asking = [asyncio.create_task(read_model.fetch(ENDLESS)) for _ in range(10)]
    await until(lambda: read_model._waiting == len(asking))
    for task in asking:
        task.cancel()
    async with asyncio.timeout(60):
        assert await name_of(read_model) == "first"


async def test_a_mistake_in_a_statement_stays_a_mistake(read_model: SqliteReadModel) -> None:
    for ask in (read_model.fetch, read_model.lookup):
        with pytest.raises(sqlite3.OperationalError, match="syntax error"):
            await ask("SELECT FROM WHERE")


async def test_damage_is_reported_and_answered_as_temporary(link: Path, writer: sqlite3.Connection) -> None:
    reported: list[tuple[str, str]] = []
    read_model = SqliteReadModel(link, on_damage=lambda *damage: reported.append(damage))
    try:
        for ask in (read_model.fetch, read_model.lookup):
            with pytest.raises(TemporarilyUnavailable, match="is damaged"):
                await ask("SELECT * FROM a_table_that_was_dropped")
    finally:
        await read_model.close()
    assert reported == [(link.resolve().name, "no such table: a_table_that_was_dropped")] * 2


async def test_every_connection_has_the_functions_statements_use(link: Path, writer: sqlite3.Connection) -> None:
    read_model = SqliteReadModel(link, lambda connection: connection.create_function("twice", 1, lambda text: 2 * text))
    assert await read_model.lookup("SELECT twice('a')") == [("aa",)]
    assert await asyncio.gather(*(read_model.fetch("SELECT twice('a')") for _ in range(20))) == [[("aa",)]] * 20
    await read_model.close()
