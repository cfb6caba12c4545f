"""One connection to PostgreSQL that is opened again once lost, without waiting for a server known to be away."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import asyncpg

from event_log.port import LogAccessRefused, LogUnavailable
from schemas.postgresql_errors import (
    ACCESS_REFUSALS,
    CONNECT_ERRORS,
    CONNECTION_ERRORS,
    MISSING_ERRORS,
    PASSING_ERRORS,
    cannot_connect,
    describe_error,
)

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection  # generic for type checkers alone

CONNECT_TIMEOUT_S: Final = 2.0
AWAY_S: Final = 0.5
"""For so long after a failed attempt there is no other: many attempts at once would hinder a server that starts."""


async def connect(dsn: str, settings: Mapping[str, str]) -> Connection:
    """A connection with `settings` of PostgreSQL. The log's transactions rely on 'read committed'.

    Raises LogUnavailable within CONNECT_TIMEOUT_S, LogAccessRefused where PostgreSQL does not let this process in.
    """
    try:
        return await asyncpg.connect(
            dsn,
            timeout=CONNECT_TIMEOUT_S,
            server_settings={
                "application_name": "tracklog",
                "default_transaction_isolation": "read committed",
                "jit": "off",
                **settings,
            },
        )
    except (*CONNECT_ERRORS, *PASSING_ERRORS) as error:
        raise no_connection(dsn, error) from error


def no_connection(dsn: str, error: BaseException) -> LogUnavailable:
    """An error of an attempt to connect, as an error of the log in the database `dsn`."""
    kind = LogAccessRefused if isinstance(error, ACCESS_REFUSALS) else LogUnavailable
    return kind(cannot_connect(dsn, error))


class SteadyConnection:
    """Used by one caller at a time. `command_timeout_s` bounds each statement, by the server and, a little later, here.

    `clock` tells seconds.
    """

    def __init__(self, dsn: str, command_timeout_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._dsn = dsn
        self._timeout_s = command_timeout_s
        self._clock = clock
        self._connection: Connection | None = None
        self._in_use = asyncio.Lock()
        self._away_until = 0.0
        self._away: LogUnavailable | None = None

    @asynccontextmanager
    async def borrow(self) -> AsyncIterator[Connection]:
        """The connection, for statements that read.

        Raises LogUnavailable when PostgreSQL is away, also when it goes away meanwhile.
        """
        async with self._in_use:
            connection = self._connection
            if connection is None or connection.is_closed():
                connection = await self._reconnect()
            try:
                async with asyncio.timeout(self._timeout_s + 1):
                    yield connection
            except CONNECTION_ERRORS as error:
                connection.terminate()
                raise LogUnavailable(f"PostgreSQL was lost while it was asked: {describe_error(error)}") from error
            except (*PASSING_ERRORS, *MISSING_ERRORS) as error:
                connection.terminate()  # it may lead to a standby, or to a database that is no more
                raise LogUnavailable(
                    f"PostgreSQL does not answer for the event log: {describe_error(error)}"
                ) from error

    async def close(self) -> None:
        """Close it once it is not in use any more."""
        async with self._in_use:
            if self._connection is not None:
                self._connection.terminate()

    async def _reconnect(self) -> Connection:
        if self._away is not None and self._clock() < self._away_until:
            raise LogUnavailable(self._away.message)
        try:
            self._connection = await connect(self._dsn, {"statement_timeout": f"{self._timeout_s * 1000:.0f}"})
        except LogUnavailable as error:
            self._away, self._away_until = error, self._clock() + AWAY_S
            raise
        self._away = None
        return self._connection
