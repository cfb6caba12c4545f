"""Lookups in the PostgreSQL read model, each one round trip."""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from ingest.admission.lookups import Lookup, Lookups, Parameter, Row
from read_model.connections import ReadModelConnections

T = TypeVar("T")

LOOKUP_TIMEOUT_S: Final = 1.5
"""Each is a probe by key, of a millisecond. A PostgreSQL that hangs must not hold up what can do without it."""


class PostgresqlLookups(Lookups):
    """Reads the live read model of this code's version."""

    def __init__(self, connections: ReadModelConnections) -> None:
        self._connections = connections

    async def one(self, lookup: Lookup[T], *parameters: Parameter) -> T | None:
        rows = await self._rows(lookup.statement, parameters)
        return lookup.row(rows[0]) if rows else None

    async def all(self, lookup: Lookup[T], *parameters: Parameter) -> list[T]:
        return [lookup.row(row) for row in await self._rows(lookup.statement, parameters)]

    async def _rows(self, statement: str, parameters: Sequence[Parameter]) -> Sequence[Row]:
        if any(isinstance(one, str) and "\0" in one for one in parameters):
            return ()  # PostgreSQL holds no such text
        async with self._connections.acquire() as connection:
            rows: Sequence[Row] = await connection.fetch(
                statement, *map(_storable, parameters), timeout=LOOKUP_TIMEOUT_S
            )
            return rows


def _storable(parameter: Parameter) -> Any:
    """A list without the texts that PostgreSQL cannot hold."""
    return [text for text in parameter if "\0" not in text] if isinstance(parameter, list) else parameter
