"""The PostgreSQL read model: reads bounded in time and number, on connections that may be dead."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from query_api.postgresql import read_model as postgresql_read_model
from query_api.postgresql.read_model import PostgresqlReadModel
from schemas.errors import DeadlineExceeded, InvalidParameterValue, RequestLimitExceeded, TemporarilyUnavailable
from schemas.postgresql import Connection
from tests.services.fixtures import AnyPostgresql
from tests.services.postgresql import execute
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


async def test_committed_rows_are_read_at_once(read_model: PostgresqlReadModel, postgresql_tables: str) -> None:
    assert await read_model.fetch("SELECT value FROM facts WHERE name = $1", ("name",)) == [("first",)]
    change(postgresql_tables, "changed")
    assert await read_model.lookup("SELECT value FROM facts WHERE name = $1", ("name",)) == [("changed",)]


async def test_a_statement_past_its_bound_is_stopped(
    read_model: PostgresqlReadModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_read_model, "STATEMENT_BOUND_S", 0.05)
    with pytest.raises(DeadlineExceeded):
        await read_model.fetch(ENDLESS)
    monkeypatch.setattr(postgresql_read_model, "STATEMENT_BOUND_S", 20)
    assert await read_model.fetch("SELECT 1") == [(1,)]


async def test_a_statement_nobody_waits_for_is_stopped(read_model: PostgresqlReadModel) -> None:
    asking = [asyncio.create_task(read_model.fetch(ENDLESS)) for _ in range(10)]
    await asyncio.sleep(0.05)
    for task in asking:
        task.cancel()
    async with asyncio.timeout(60):
        assert await read_model.fetch("SELECT 1") == [(1,)]


async def test_more_waiting_statements_than_the_bound_are_refused(
    read_model: PostgresqlReadModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_read_model, "MAX_WAITING_STATEMENTS", 4)
    asking = [asyncio.create_task(read_model.fetch(ENDLESS)) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(RequestLimitExceeded):
        await read_model.fetch("SELECT 1")
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    assert await read_model.fetch("SELECT 1") == [(1,)]


async def test_an_answer_too_large_to_build_is_refused(read_model: PostgresqlReadModel) -> None:
    with pytest.raises(InvalidParameterValue):
        await read_model.fetch("SELECT repeat(repeat('x', 1000000), 2000)")


async def test_rows_beyond_the_bytes_of_a_page_are_not_made(read_model: PostgresqlReadModel) -> None:
    endless = (
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT convert_to(repeat('x', $1), 'UTF8'), i FROM n"
    )
    rows, are_all = await read_model.fetch_first(endless, (postgresql_read_model.MAX_PAGE_BYTES // 3,))
    assert [row[1] for row in rows] == [1, 2, 3]
    assert not are_all
    rows, are_all = await read_model.fetch_first(endless, (postgresql_read_model.MAX_PAGE_BYTES * 2,))
    assert [row[1] for row in rows] == [1]
    assert not are_all
    many = "SELECT convert_to('x', 'UTF8'), i FROM generate_series(1, $1) i ORDER BY i"
    assert await read_model.fetch_first(many, (1000,)) == ([(b"x", number) for number in range(1, 1001)], True)


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


async def test_a_snapshot_does_not_change_and_the_next_one_is_new(
    read_model: PostgresqlReadModel, postgresql_tables: str
) -> None:
    for before, after in (("first", "second"), ("second", "third")):
        async with read_model.snapshot() as snapshot:
            change(postgresql_tables, after)
            assert await snapshot.fetch("SELECT value FROM facts") == [(before,)]
            assert await read_model.fetch("SELECT value FROM facts") == [(after,)]


async def test_a_snapshot_that_was_left_early_is_let_go_of(
    read_model: PostgresqlReadModel, postgresql_tables: str
) -> None:
    with pytest.raises(KeyError):
        async with read_model.snapshot():
            raise KeyError
    change(postgresql_tables, "second")
    async with read_model.snapshot() as snapshot:
        assert await snapshot.fetch("SELECT value FROM facts") == [("second",)]


async def test_a_stream_hands_on_no_more_rows_at_once_than_wanted(read_model: PostgresqlReadModel) -> None:
    async with read_model.snapshot() as snapshot:
        batches = [batch async for batch in snapshot.stream("SELECT generate_series(1, $1)", (10,), batch_rows=4)]
    assert batches == [[(1,), (2,), (3,), (4,)], [(5,), (6,), (7,), (8,)], [(9,), (10,)]]


async def test_snapshots_beyond_the_bound_are_refused_after_a_while(
    read_model: PostgresqlReadModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_read_model, "SNAPSHOT_WAIT_S", 0.05)
    held = [read_model.snapshot() for _ in range(postgresql_read_model.MAX_SNAPSHOTS)]
    for snapshot in held:
        await snapshot.__aenter__()
    with pytest.raises(RequestLimitExceeded):
        async with read_model.snapshot():
            pass
    for snapshot in held:
        await snapshot.__aexit__(None, None, None)
    async with read_model.snapshot() as snapshot:
        assert await snapshot.fetch("SELECT 1") == [(1,)]


class Unreachable:
    """Connections when there are none."""

    attempts = 0

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        self.attempts += 1
        if self.attempts:
            raise TemporarilyUnavailable("away")
        yield  # type: ignore[unreachable]


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
    await asyncio.sleep(0.2)
    own_postgresql.kill()
    async with asyncio.timeout(60):
        with pytest.raises(TemporarilyUnavailable):
            await asking
        with pytest.raises(TemporarilyUnavailable):
            await read_model.fetch("SELECT 1")
    await connections.close()
