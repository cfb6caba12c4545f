"""The read model in PostgreSQL, over whatever connections lead to its live generation."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import asyncpg

from query_api.dialect import Dialect
from query_api.documents import KeyedDocument
from query_api.port import MAX_PAGE_BYTES, FirstRows, ReadModel, ReadSnapshot, Row, is_storable_key
from query_api.postgresql.batched_lookups import BatchedLookups, Found, Key
from query_api.postgresql.dialect import POSTGRESQL
from schemas.errors import DeadlineExceeded, InvalidParameterValue, RequestLimitExceeded, TemporarilyUnavailable
from schemas.postgresql import Connection, ReadModelConnections
from schemas.postgresql_errors import MISSING_ERRORS, UNANSWERED_ERRORS, said

STATEMENT_BOUND_S: Final = 20.0
"""Below the 30 s after which a request is given up, so that the client hears which part took too long."""

MAX_WAITING_STATEMENTS: Final = 1024
"""Statements beyond this are refused at once: at 300 searches a second they would wait for seconds."""

MAX_SNAPSHOTS: Final = 2
"""Each holds a connection for as long as its reader takes, and other reads need some too."""

SNAPSHOT_WAIT_S: Final = 5.0

_ATTEMPTS: Final = 2
"""A connection that waited in the pool may be dead, after a restart of PostgreSQL for one; a new one is tried then."""

_OF_NO_USE: Final = UNANSWERED_ERRORS
"""Also a statement that somebody cancelled, and the tables of a generation that nobody reads any more."""

_FIRST_ROWS_AT_ONCE: Final = 8
_GROWTH: Final = 8

_TOO_LARGE: Final = (asyncpg.ProgramLimitExceededError, asyncpg.OutOfMemoryError)

_UNSTORED: Final = secrets.token_hex(16)
"""Stands for the character NUL, which text in PostgreSQL cannot hold: no stored text equals one that has this in it."""


class PostgresqlReadModel(ReadModel):
    """Reads through `connections`, which it neither opens nor closes."""

    def __init__(self, connections: ReadModelConnections) -> None:
        self._connections = connections
        self._waiting = 0
        self._snapshots = asyncio.Semaphore(MAX_SNAPSHOTS)
        self._lookups: dict[KeyedDocument, BatchedLookups] = {}

    @property
    def dialect(self) -> Dialect:
        return POSTGRESQL

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        if self._waiting >= MAX_WAITING_STATEMENTS:
            raise RequestLimitExceeded(f"{self._waiting} statements already wait for the read model; try again.")
        arguments = list(map(_storable, parameters))
        self._waiting += 1
        try:
            rows: list[Row] = await self._answered(lambda connection: connection.fetch(sql, *arguments))
            return rows
        finally:
            self._waiting -= 1

    async def fetch_first(self, sql: str, parameters: Sequence[Any] = ()) -> FirstRows:
        if self._waiting >= MAX_WAITING_STATEMENTS:
            raise RequestLimitExceeded(f"{self._waiting} statements already wait for the read model; try again.")
        arguments = list(map(_storable, parameters))
        self._waiting += 1
        try:
            first: FirstRows = await self._answered(lambda connection: _first_rows(connection, sql, arguments))
            return first
        finally:
            self._waiting -= 1

    async def document(self, wanted: KeyedDocument, key: str | int) -> bytes | None:
        """As the port says. Many callers are answered with one statement."""
        if not is_storable_key(key) or (isinstance(key, str) and "\0" in key):
            return None
        lookups = self._lookups.get(wanted)
        if lookups is None:
            lookups = BatchedLookups(partial(self._find_all, POSTGRESQL.documents.by_key(wanted)))
            self._lookups[wanted] = lookups
        document: bytes | None = await lookups.find(key)
        return document

    async def _find_all(self, sql: str, keys: list[Key]) -> Found:
        return [(row[0], row[1]) for row in await self.fetch(sql, (keys,))]

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[ReadSnapshot]:
        try:
            async with asyncio.timeout(SNAPSHOT_WAIT_S):
                await self._snapshots.acquire()
        except TimeoutError as error:
            raise RequestLimitExceeded(f"{MAX_SNAPSHOTS} snapshots of the read model are in use; try again.") from error
        try:
            async with (
                self._connections.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                # The view is that of the first statement, so ask something.
                await _bounded(connection.fetch("SELECT 1"))
                yield _Snapshot(connection)
        except _OF_NO_USE as error:
            raise _told_to_clients(error) from error
        finally:
            self._snapshots.release()

    async def close(self) -> None:
        """The connections belong to who opened them."""

    async def _answered(self, call: Callable[[Connection], Awaitable[Any]]) -> Any:
        """What `call` returns on a connection, or on another one where the first turns out to be of no use."""
        attempt = 1
        while True:
            is_under_way = False
            try:
                async with self._connections.acquire() as connection:
                    is_under_way = True
                    return await _bounded(call(connection))
            except (*_OF_NO_USE, TemporarilyUnavailable) as error:
                if not is_under_way or attempt == _ATTEMPTS or isinstance(error, ValueError):
                    raise _told_to_clients(error) from error
                attempt += 1


class _Snapshot(ReadSnapshot):
    """Statements in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        rows: list[Row] = await _bounded(self._connection.fetch(sql, *map(_storable, parameters)))
        return rows

    async def stream(self, sql: str, parameters: Sequence[Any] = (), *, batch_rows: int) -> AsyncIterator[list[Row]]:
        cursor = await _bounded(self._connection.cursor(sql, *map(_storable, parameters)))
        while rows := await _bounded(cursor.fetch(batch_rows)):
            yield rows


async def _first_rows(connection: Connection, sql: str, arguments: Sequence[Any]) -> FirstRows:
    """Rows are asked for in larger and larger groups, as far as the largest row so far lets expect them to fit."""
    rows: list[Row] = []
    size = largest = 0
    at_once = _FIRST_ROWS_AT_ONCE
    async with connection.transaction(readonly=True):
        cursor = await connection.cursor(sql, *arguments)
        while found := await cursor.fetch(at_once):
            for row in found:
                length = len(row[0])
                size += length
                if rows and size > MAX_PAGE_BYTES:
                    return FirstRows(rows, are_all=False)
                rows.append(tuple(row))
                largest = max(largest, length)
            if len(found) < at_once:
                break
            at_once = max(1, min(at_once * _GROWTH, (MAX_PAGE_BYTES - size) // (largest or 1)))
    return FirstRows(rows, are_all=True)


async def _bounded(call: Awaitable[Any]) -> Any:
    """What `call` returns within the bound of a statement.

    Raises DeadlineExceeded, or InvalidParameterValue for an answer too large to build.
    """
    try:
        async with asyncio.timeout(STATEMENT_BOUND_S):
            return await call
    except TimeoutError as error:
        raise DeadlineExceeded(
            f"The read model did not answer within {STATEMENT_BOUND_S:g} s; narrow the request."
        ) from error
    except _TOO_LARGE as error:
        raise InvalidParameterValue("The answer is too large to build; ask for fewer results.") from error


def _told_to_clients(error: Exception) -> Exception:
    """The error as clients may see it; a mistake in a statement or in its parameters stays what it is."""
    if isinstance(error, (ValueError, *MISSING_ERRORS, TemporarilyUnavailable)):
        return error
    return TemporarilyUnavailable(f"The read model cannot be read now: {said(error)}")


def _storable(parameter: Any) -> Any:
    """The parameter, with NUL replaced."""
    if isinstance(parameter, str):
        return parameter.replace("\0", _UNSTORED) if "\0" in parameter else parameter
    if isinstance(parameter, list):
        return list(map(_storable, parameter))
    return parameter
