"""Connections to the read model in PostgreSQL follow it, and fail fast and in one way."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from read_model.postgresql_connections import PostgresqlReadModelConnections
from schemas.errors import DeadlineExceeded, RequestLimitExceeded, TemporarilyUnavailable
from tests.eventually import AT_MOST_S, until
from tests.live_read_model import make_live

COUNT = "SELECT count(*) FROM runs"
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tracklog'"
ONE_EXPERIMENT = "INSERT INTO experiments VALUES ({0}, 'e{0}', 'loc', 'active', 1, 1, 1, 0, NULL);"


@pytest.fixture
async def connections(postgresql_database: str) -> AsyncIterator[PostgresqlReadModelConnections]:
    await make_live(postgresql_database, ONE_EXPERIMENT.format(1))
    connections = PostgresqlReadModelConnections(postgresql_database, size=2)
    yield connections
    await connections.close()


async def experiments(connections: PostgresqlReadModelConnections) -> list[int]:
    async with connections.acquire() as connection:
        return [row[0] for row in await connection.fetch("SELECT experiment_id FROM experiments")]


async def test_connections_are_to_the_live_read_model(connections: PostgresqlReadModelConnections) -> None:
    assert await experiments(connections) == [1]


async def test_a_switch_moves_new_connections_and_lets_old_ones_finish(
    postgresql_database: str, connections: PostgresqlReadModelConnections
) -> None:
    async with connections.acquire() as old:
        second = await make_live(postgresql_database, ONE_EXPERIMENT.format(2))
        assert await experiments(connections) == [1]
        await connections.switch_to(second)
        assert await experiments(connections) == [2]
        assert await old.fetchval("SELECT experiment_id FROM experiments") == 1
    assert connections.generation == second
    await _left_with_sessions(postgresql_database, 1)  # none is left on the old one, so that it can be dropped


async def test_a_read_model_that_was_dropped_is_left_for_the_live_one_when_told_of_it(
    postgresql_database: str, connections: PostgresqlReadModelConnections
) -> None:
    first = connections.generation or 1
    assert await experiments(connections) == [1]
    await make_live(postgresql_database, ONE_EXPERIMENT.format(2))
    connection = await asyncpg.connect(postgresql_database)
    await connection.execute(f"DROP SCHEMA tracklog_read_model_{first} CASCADE")
    await connection.close()
    for _ in range(2):  # the new one may lack what the old one had, until whoever follows the projectors says otherwise
        with pytest.raises(TemporarilyUnavailable, match="just been replaced"):
            await experiments(connections)
    await connections.switch_to(first + 1)
    assert await experiments(connections) == [2]


async def test_who_gets_no_connection_in_time_is_asked_to_come_back(
    connections: PostgresqlReadModelConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("read_model.postgresql_connections.ACQUIRE_TIMEOUT_S", 0.2)
    async with connections.acquire(), connections.acquire():
        with pytest.raises(RequestLimitExceeded, match="All 2 connections"):
            await experiments(connections)
    assert await experiments(connections) == [1]


async def test_a_statement_that_takes_too_long_is_ended(postgresql_database: str) -> None:
    await make_live(postgresql_database)
    connections = PostgresqlReadModelConnections(postgresql_database, statement_timeout_s=0.2)
    with pytest.raises(DeadlineExceeded):
        async with connections.acquire() as connection:
            await connection.execute("SELECT pg_sleep(5)")
    assert await experiments(connections) == []
    await connections.close()


async def test_a_connection_comes_back_out_of_its_transaction(connections: PostgresqlReadModelConnections) -> None:
    async with connections.acquire() as connection:
        await connection.execute("BEGIN")
    async with connections.acquire() as connection:
        assert not connection.is_in_transaction()


async def test_an_error_of_a_statement_is_not_taken_for_an_outage(connections: PostgresqlReadModelConnections) -> None:
    with pytest.raises(asyncpg.UndefinedColumnError):
        async with connections.acquire() as connection:
            await connection.execute("SELECT colour FROM runs")
    with pytest.raises(asyncpg.DataError, match="invalid input"):
        async with connections.acquire() as connection:
            await connection.fetch("SELECT 1 WHERE $1 = 1", "one")
    assert await experiments(connections) == [1]


async def test_sessions_that_were_ended_cost_one_refusal_and_are_made_anew(
    postgresql_database: str, connections: PostgresqlReadModelConnections
) -> None:
    with pytest.raises(TemporarilyUnavailable, match="lost"):
        async with connections.acquire() as connection:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert await experiments(connections) == [1]


async def test_while_postgresql_is_away_everybody_is_refused_at_once_and_then_served_again(
    own_postgresql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_live(own_postgresql.url, ONE_EXPERIMENT.format(1))
    connections = PostgresqlReadModelConnections(own_postgresql.url, size=3)
    await asyncio.gather(*(experiments(connections) for _ in range(3)))
    own_postgresql.kill()
    monkeypatch.setattr("read_model.postgresql_connections.ACQUIRE_TIMEOUT_S", 600.0)
    async with asyncio.timeout(60):  # nobody waits for what might come
        for _ in range(50):
            with pytest.raises(TemporarilyUnavailable):
                await experiments(connections)
    own_postgresql.start()
    async with asyncio.timeout(AT_MOST_S):
        while True:
            with contextlib.suppress(TemporarilyUnavailable):
                assert await experiments(connections) == [1]
                break
            await asyncio.sleep(0.01)
    await connections.close()


async def test_a_restart_between_two_requests_costs_neither(own_postgresql: Any) -> None:
    await make_live(own_postgresql.url, ONE_EXPERIMENT.format(1))
    connections = PostgresqlReadModelConnections(own_postgresql.url, size=3)
    await asyncio.gather(*(experiments(connections) for _ in range(3)))
    own_postgresql.kill()
    own_postgresql.start()
    await until(
        lambda: connections._pool is not None and connections._pool.get_size() == 0
    )  # all have been seen to end
    for _ in range(5):
        assert await experiments(connections) == [1]
    await connections.close()


async def test_a_server_that_does_not_answer_costs_a_bounded_wait_once(
    own_postgresql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("read_model.postgresql_connections.CONNECT_TIMEOUT_S", 0.5)
    await make_live(own_postgresql.url, ONE_EXPERIMENT.format(1))
    connections = PostgresqlReadModelConnections(own_postgresql.url, size=3)
    own_postgresql.suspend()
    async with asyncio.timeout(30):  # and not half a second for each, three at a time
        outcomes = await asyncio.gather(*(experiments(connections) for _ in range(400)), return_exceptions=True)
    assert all(isinstance(one, TemporarilyUnavailable) for one in outcomes)
    own_postgresql.resume()
    await connections.close()


async def _left_with_sessions(dsn: str, count: int) -> None:
    """Return when so many connections to the read model are open."""
    connection = await asyncpg.connect(dsn)
    async with asyncio.timeout(AT_MOST_S):
        while await connection.fetchval(SESSIONS) != count:
            await asyncio.sleep(0.01)
    await connection.close()
