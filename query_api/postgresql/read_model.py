"""The read model in PostgreSQL, over whatever connections lead to its live generation."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import asyncpg

from query_api import bounds
from query_api.dialect import Dialect
from query_api.documents import KeyedDocument
from query_api.port import MAX_PAGE_BYTES, FirstRows, ReadModel, Row, is_storable_key
from query_api.postgresql.batched_lookups import BatchedLookups, Found, Key
from query_api.postgresql.dialect import POSTGRESQL
from read_model.connections import ReadModelConnections
from schemas.errors import InvalidParameterValue, TemporarilyUnavailable
from schemas.postgresql import Connection
from schemas.postgresql_errors import MISSING_ERRORS, UNANSWERED_ERRORS, describe_error

_ATTEMPTS: Final = 2
"""A connection that waited in the pool may be dead, after a restart of PostgreSQL for one; a new one is tried then."""

_BROKEN: Final = UNANSWERED_ERRORS
"""Of a connection; also a cancelled statement, and the tables of a generation that is not read any more."""

_FIRST_ROWS_AT_ONCE: Final = 8
_GROWTH: Final = 8

_TOO_LARGE: Final = (asyncpg.ProgramLimitExceededError, asyncpg.OutOfMemoryError)

_UNSTORED: Final = secrets.token_hex(16)
"""Stands for the character NUL, which text in PostgreSQL cannot hold: no stored text equals one that has this in it."""


_Read = Callable[[Connection, str, Sequence[Any]], Awaitable[Any]]
"""From a connection, a statement and its parameters to what is answered."""


class PostgresqlReadModel(ReadModel):
    """Reads through `connections`, which it neither opens nor closes."""

    def __init__(self, connections: ReadModelConnections) -> None:
        self._connections = connections
        self._waiting = 0
        self._lookups: dict[KeyedDocument, BatchedLookups] = {}

    @property
    def dialect(self) -> Dialect:
        return POSTGRESQL

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        rows: list[Row] = await self._answered(_all_rows, sql, parameters)
        return rows

    async def fetch_first(self, sql: str, parameters: Sequence[Any] = ()) -> FirstRows:
        first: FirstRows = await self._answered(_first_rows, sql, parameters)
        return first

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

    async def close(self) -> None:
        """The connections belong to the caller that opened them."""

    async def _answered(self, read: _Read, sql: str, parameters: Sequence[Any]) -> Any:
        """What `read` returns on a connection, or on another one where the first turns out to be broken."""
        bounds.check_waiting(self._waiting)
        arguments = list(map(_storable, parameters))
        self._waiting += 1
        try:
            attempt = 1
            while True:
                is_under_way = False
                try:
                    async with self._connections.acquire() as connection:
                        is_under_way = True
                        return await _bounded(read(connection, sql, arguments))
                except (*_BROKEN, TemporarilyUnavailable) as error:
                    if not is_under_way or attempt == _ATTEMPTS or isinstance(error, ValueError):
                        raise _error_answer(error) from error
                    attempt += 1
        finally:
            self._waiting -= 1


async def _all_rows(connection: Connection, sql: str, arguments: Sequence[Any]) -> Any:
    return await connection.fetch(sql, *arguments)


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
        async with asyncio.timeout(bounds.STATEMENT_BOUND_S):
            return await call
    except TimeoutError as error:
        raise bounds.too_slow() from error
    except _TOO_LARGE as error:
        raise InvalidParameterValue("The answer is too large to build; ask for fewer results.") from error


def _error_answer(error: Exception) -> Exception:
    """The error that clients are answered with; a mistake in a statement or in its parameters stays what it is."""
    if isinstance(error, (ValueError, *MISSING_ERRORS, TemporarilyUnavailable)):
        return error
    return TemporarilyUnavailable(f"The read model cannot be read now: {describe_error(error)}")


def _storable(parameter: Any) -> Any:
    """The parameter, with NUL replaced."""
    if isinstance(parameter, str):
        return parameter.replace("\0", _UNSTORED) if "\0" in parameter else parameter
    if isinstance(parameter, list):
        return list(map(_storable, parameter))
    return parameter
