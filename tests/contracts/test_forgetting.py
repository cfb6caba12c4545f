"""The logs in SQL forget, each so that the bytes are gone from where it keeps them."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from event_log.postgresql.event_log import PostgresqlEventLog, open_postgresql_log
from event_log.postgresql.forgetting import PostgresqlForgetting
from event_log.sqlite.event_log import SqliteEventLog
from tests.contracts.forgetting_contract import ForgettingContract, Stored


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
