"""The history index in PostgreSQL keeps the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from read_model.history.port import HistoryIndex
from read_model.history.postgresql import PostgresqlHistoryIndex, PostgresqlHistoryIndexWriter
from schemas.postgresql import Connection
from tests.contracts.history_index_contract import HistoryIndexContract, OpenWriter, small_blocks

__all__ = ["small_blocks"]


class _Connections:
    """To the one database, whatever generation is live."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        async with self._pool.acquire() as connection:
            yield connection


class TestPostgresqlHistoryIndex(HistoryIndexContract):
    @pytest.fixture
    async def index(self, postgresql_database: str) -> AsyncIterator[HistoryIndex]:
        async with asyncpg.create_pool(postgresql_database, min_size=1, max_size=3) as pool:
            index = PostgresqlHistoryIndex(_Connections(pool))
            yield index
            await index.close()

    @pytest.fixture
    def open_writer(self, postgresql_database: str) -> OpenWriter:
        return lambda: PostgresqlHistoryIndexWriter(postgresql_database)
