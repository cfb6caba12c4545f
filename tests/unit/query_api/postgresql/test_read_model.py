"""The PostgreSQL read model: reads bounded in time and number, on connections that may be dead."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import asyncpg
import pytest

from query_api.postgresql.read_model import PostgresqlReadModel
from schemas.errors import TemporarilyUnavailable
from schemas.postgresql import Connection
from tests.services.postgresql import execute
from tests.services.running import AnyPostgresql
from tests.unit.query_api.postgresql_rows import SCHEMA, PooledConnections

ENDLESS = "SELECT count(*) FROM generate_series(1, 1000000000000)"


@pytest.fixture
async def connections(postgresql_tables: str) -> AsyncIterator[PooledConnections]:
    execute(
        postgresql_tables,
        f"DELETE FROM {SCHEMA}.facts",
        f"INSERT INTO {SCHEMA}.facts VALUES ('name', 'first')",
    )
    connections = PooledConnections(postgresql_tables)
    yield connections
    await connections.close()


@pytest.fixture
def read_model(connections: PooledConnections) -> PostgresqlReadModel:
    return PostgresqlReadModel(connections)


def change(url: str, value: str) -> None:
    execute(url, f"UPDATE {SCHEMA}.facts SET value = '{value}'")


async def running(url: str, statement: str) -> None:
    """Return as soon as the database is at work on the statement."""
    connection = await asyncpg.connect(url)
    async with asyncio.timeout(60):
        while not await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = $1", statement
        ):
            await asyncio.sleep(0.01)
    await connection.close()


async def test_a_running_statement_without_a_caller_is_stopped(
    read_model: PostgresqlReadModel, postgresql_tables: str
) -> None:
    asking = [asyncio.create_task(read_model.fetch(ENDLESS)) for _ in range(10)]
    await running(postgresql_tables, ENDLESS)
    for task in asking:
        task.cancel()
    async with asyncio.timeout(60):
        assert await read_model.fetch("SELECT 1") == [(1,)]


async def test_a_mistake_in_a_statement_stays_a_mistake(read_model: PostgresqlReadModel) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await read_model.fetch("SELECT * FROM no_such_table")
    with pytest.raises(asyncpg.DataError, match="out of int64 range"):
        await read_model.fetch("SELECT $1::bigint", (2**70,))


async def test_nothing_can_be_written(read_model: PostgresqlReadModel) -> None:
    with pytest.raises(TemporarilyUnavailable, match="cannot execute DELETE in a read-only transaction"):
        await read_model.fetch("DELETE FROM facts")
    assert await read_model.fetch("SELECT value FROM facts") == [("first",)]


@pytest.mark.parametrize("parameter", ["name\0", "\0name", "\0"])
async def test_text_with_nul_equals_nothing(read_model: PostgresqlReadModel, parameter: str) -> None:
    assert await read_model.fetch("SELECT 1 FROM facts WHERE name = $1", (parameter,)) == []
    assert await read_model.fetch("SELECT 1 FROM facts WHERE name = ANY ($1::text[])", ([parameter],)) == []
    assert await read_model.fetch("SELECT 1 FROM facts WHERE name <> $1", (parameter,)) == [(1,)]


class Unreachable:
    """Connections when there are none."""

    attempts = 0

    def acquire(self) -> AbstractAsyncContextManager[Connection]:
        self.attempts += 1
        raise TemporarilyUnavailable("away")


async def test_what_cannot_be_reached_is_not_tried_twice() -> None:
    connections = Unreachable()
    with pytest.raises(TemporarilyUnavailable):
        await PostgresqlReadModel(connections).fetch("SELECT 1")
    assert connections.attempts == 1


async def test_a_restart_of_postgresql_is_not_noticed_and_its_absence_is_said_at_once(
    own_postgresql: AnyPostgresql,
) -> None:
    connections = PooledConnections(own_postgresql.url)
    read_model = PostgresqlReadModel(connections)
    assert await read_model.fetch("SELECT 1") == [(1,)]
    own_postgresql.kill()
    own_postgresql.start()
    assert await read_model.fetch("SELECT 1") == [(1,)]
    asking = asyncio.create_task(read_model.fetch(ENDLESS))
    await running(own_postgresql.url, ENDLESS)
    own_postgresql.kill()
    async with asyncio.timeout(60):
        with pytest.raises(TemporarilyUnavailable):
            await asking
        with pytest.raises(TemporarilyUnavailable):
            await read_model.fetch("SELECT 1")
    await connections.close()
