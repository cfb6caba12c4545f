"""The logs in SQL forget, each so that the bytes are gone from where it keeps them."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from event_log.port import LogUnavailable
from event_log.postgresql import forgetting as postgresql_forgetting
from event_log.postgresql.event_log import PostgresqlEventLog, open_postgresql_log
from event_log.postgresql.forgetting import PostgresqlForgetting
from event_log.sqlite import forgetting as sqlite_forgetting
from event_log.sqlite.event_log import SqliteEventLog
from schemas.forgotten import is_forgotten
from tests.contracts.event_log_contract import everything, param
from tests.contracts.forgetting_contract import STREAM, ForgettingContract, Stored


class TestSqlite(ForgettingContract):
    @pytest.fixture
    async def log(self, tmp_path: Path) -> AsyncIterator[SqliteEventLog]:
        with ThreadPoolExecutor(1) as executor:
            log = SqliteEventLog.open(tmp_path / "log.db", executor)
            yield log
            await log.close()

    @pytest.fixture
    def forgetting(self, log: SqliteEventLog) -> SqliteEventLog:
        return log

    @pytest.fixture
    def stored_bytes(self, tmp_path: Path) -> Stored:
        """All files: the log, and what SQLite keeps beside it."""

        async def of_files() -> bytes:
            return b"".join(file.read_bytes() for file in tmp_path.iterdir())

        return of_files

    async def test_who_reads_holds_up_no_append_while_something_is_forgotten(
        self, tmp_path: Path, log: SqliteEventLog
    ) -> None:
        await log.append([param(1, "short-secret")])
        with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM events").fetchone()
            forgetting = asyncio.create_task(log.forget([STREAM]))
            await log.append([param(2, "later")])
            await log.append([param(2, "later")])
            assert not forgetting.done()
        assert await forgetting == 1

    async def test_who_reads_for_long_is_said_to_be_in_the_way(
        self, tmp_path: Path, log: SqliteEventLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sqlite_forgetting, "_CUTS", 2)
        await log.append([param(1, "short-secret")])
        with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM events").fetchone()
            with pytest.raises(LogUnavailable, match="reader"):
                await log.forget([STREAM])
        assert await log.forget([STREAM]) == 0


class TestPostgresql(ForgettingContract):
    @pytest.fixture
    async def log(self, postgresql_database: str) -> AsyncIterator[PostgresqlEventLog]:
        log = await open_postgresql_log(postgresql_database)
        yield log
        await log.close()

    @pytest.fixture
    async def forgetting(
        self, postgresql_database: str, log: PostgresqlEventLog
    ) -> AsyncIterator[PostgresqlForgetting]:
        forgetting = PostgresqlForgetting(postgresql_database, await log.identity())
        yield forgetting
        await forgetting.close()

    @pytest.fixture
    def stored_bytes(self, postgresql_database: str) -> Stored:
        """What a statement can reach."""

        async def payloads() -> bytes:
            connection = await asyncpg.connect(postgresql_database)
            try:
                return b"".join(row[0] for row in await connection.fetch("SELECT payload FROM tracklog.events"))
            finally:
                await connection.close()

        return payloads

    async def test_a_vacuum_follows_also_where_the_last_was_broken_off(
        self, log: PostgresqlEventLog, forgetting: PostgresqlForgetting, postgresql_database: str
    ) -> None:
        await log.append([param(1, "short-secret")])
        for times in (1, 2):
            assert await forgetting.forget([STREAM]) == 2 - times
            connection = await asyncpg.connect(postgresql_database)
            try:
                vacuums = "SELECT vacuum_count FROM pg_stat_all_tables WHERE relid = 'tracklog.events'::regclass"
                assert await connection.fetchval(vacuums) == times
            finally:
                await connection.close()

    async def test_a_long_stream_is_forgotten_in_parts(
        self, log: PostgresqlEventLog, forgetting: PostgresqlForgetting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(postgresql_forgetting, "_OFFSETS_AT_ONCE", 2)
        monkeypatch.setattr(postgresql_forgetting, "AT_ONCE", 1)
        for key in range(5):
            await log.append([param(1, f"secret-{key}"), param(2, "kept")])
        assert await forgetting.forget([STREAM]) == 5
        assert [is_forgotten(one.payload) for one in await everything(log)] == [True, False] * 5
