"""Every error that PostgreSQL may answer a right statement with has a meaning, at every place that talks to it."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final, cast

import asyncpg
import pytest

from event_log.port import LogUnavailable
from event_log.postgresql import connection, control_schema
from event_log.postgresql.connection import SteadyConnection
from projector import postgresql_generations
from projector.port import DamagedReadModel, ReadModelUnavailable
from projector.postgresql_writer import PostgresqlReadModelWriter
from read_model.postgresql_connections import PostgresqlReadModelConnections
from schemas.errors import Retryable
from schemas.postgresql_errors import CONNECTION_ERRORS, DAMAGE_ERRORS, MISSING_ERRORS, PASSING_ERRORS
from tracklog.distributed.projector_role import identity_of

DSN: Final = "postgresql://user:secret@127.0.0.1:1/database"

OF_OPERATION: Final = ("08", "28", "40", "53", "55", "57", "58", "F0", "XX")
"""Classes of SQLSTATE whose errors come of the server and of what others do, never of a statement alone."""

OF_STATEMENTS: Final = {"25006", "25P03", "25P04", "3D000", "3F000", "42501", "42704", "42P01"}
"""Errors of other classes that a right statement may meet all the same."""


def errors() -> list[asyncpg.PostgresError]:
    """One of each of asyncpg's classes that is of operation."""
    found = []
    for _, kind in inspect.getmembers(asyncpg.exceptions, inspect.isclass):
        state = getattr(kind, "sqlstate", None)
        if state is None or not issubclass(kind, asyncpg.PostgresError):
            continue
        if state[:2] in OF_OPERATION or state in OF_STATEMENTS:
            found.append(kind(f"for a test: {state}"))
    return found


each_error = pytest.mark.parametrize("error", errors(), ids=lambda error: f"{error.sqlstate}-{type(error).__name__}")


class Broken:
    """A connection on which every statement fails with `error`."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.is_terminated = False

    def is_closed(self) -> bool:
        return False

    def is_in_transaction(self) -> bool:
        return False

    def terminate(self) -> None:
        self.is_terminated = True

    async def close(self, timeout: float | None = None) -> None:  # asyncpg's own signature
        pass

    def __getattr__(self, _name: str) -> Callable[..., Awaitable[Any]]:
        async def fail(*_arguments: Any, **_options: Any) -> Any:
            raise self._error

        return fail


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Has asyncpg.connect come to what `outcome` comes to."""

    def set_outcome(outcome: Callable[[], Any]) -> None:
        async def connected(*_arguments: Any, **_options: Any) -> Any:
            return outcome()

        monkeypatch.setattr(asyncpg, "connect", connected)

    return set_outcome


def raising(error: Exception) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail


Connect = Callable[[Callable[[], Any]], None]


@each_error
def test_each_error_has_one_meaning(error: asyncpg.PostgresError) -> None:
    is_lost = isinstance(error, CONNECTION_ERRORS)
    assert is_lost or isinstance(error, (*PASSING_ERRORS, *MISSING_ERRORS))
    assert not (is_lost and isinstance(error, (*MISSING_ERRORS, *DAMAGE_ERRORS)))


@each_error
async def test_who_asks_the_log_is_told_that_it_is_unavailable(error: asyncpg.PostgresError, connect: Connect) -> None:
    connect(lambda: Broken(error))
    steady = SteadyConnection(DSN, 1.0)
    with pytest.raises(LogUnavailable, match=error.sqlstate):
        async with steady.borrow() as connection:
            await connection.fetchval("SELECT 1")


@each_error
async def test_who_reads_the_read_model_is_told_to_come_again(error: asyncpg.PostgresError, connect: Connect) -> None:
    connections = PostgresqlReadModelConnections(DSN, "log", size=1)

    class Pool:
        async def acquire(self) -> Broken:
            return Broken(error)

        async def release(self, *_arguments: Any, **_options: Any) -> None:
            pass

        async def close(self) -> None:
            pass

    connections._pool = cast(Any, Pool())
    with pytest.raises(Retryable):
        async with connections.acquire() as connection:
            await connection.fetchval("SELECT 1")
    connections._pool = None
    await connections.close()


@each_error
async def test_who_cannot_connect_hears_why_and_no_password(error: asyncpg.PostgresError, connect: Connect) -> None:
    if isinstance(error, MISSING_ERRORS):
        pytest.skip("no connection fails for want of a table")
    connect(raising(error))
    connections = PostgresqlReadModelConnections(DSN, "log", size=1)
    for attempt in (
        connection.connect(DSN, {}),
        control_schema.ensure_control_schema(DSN),
        identity_of(DSN),
        AsyncExitStack().enter_async_context(connections.acquire()),
    ):
        with pytest.raises(Retryable) as told:
            await attempt
        assert "secret" not in told.value.message
    with pytest.raises(ReadModelUnavailable):
        async with postgresql_generations.connected(DSN):
            pass
    with pytest.raises((ReadModelUnavailable, DamagedReadModel)):
        await PostgresqlReadModelWriter.open(DSN, 1)


@each_error
async def test_a_projector_tries_again_or_folds_anew(error: asyncpg.PostgresError, connect: Connect) -> None:
    writer = PostgresqlReadModelWriter(cast(Any, Broken(error)), 1)
    needs_a_new_one = isinstance(error, (*MISSING_ERRORS, *DAMAGE_ERRORS))
    expected = DamagedReadModel if needs_a_new_one else ReadModelUnavailable
    for call in (
        writer.checkpoints({0}),
        writer.set_aside_positions({0}),
        writer.refusals_since(0, 0),
        writer.check({0: 0}),
    ):
        with pytest.raises(expected, match=error.sqlstate):
            await call
    connect(lambda: Broken(error))
    with pytest.raises(ReadModelUnavailable, match=error.sqlstate):
        async with postgresql_generations.connected(DSN) as connection:
            await postgresql_generations.generations(connection)


async def test_a_statement_that_is_wrong_stays_a_fault_of_the_program(connect: Connect) -> None:
    connect(lambda: Broken(asyncpg.PostgresSyntaxError("for a test")))
    steady = SteadyConnection(DSN, 1.0)
    with pytest.raises(asyncpg.PostgresSyntaxError):
        async with steady.borrow() as connection:
            await connection.fetchval("SELECT 1")
    await asyncio.sleep(0)
