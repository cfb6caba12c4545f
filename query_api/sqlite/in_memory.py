"""A small read model in SQLite behind one open connection, asked on the event loop."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from query_api.dialect import Dialect
from query_api.documents import KeyedDocument
from query_api.port import FirstRows, ReadModel, Row, is_storable_key
from query_api.sqlite.dialect import SQLITE
from query_api.sqlite.read_model import first_rows, short_values
from query_api.sqlite.text_match import register_functions


class InMemoryReadModel(ReadModel):
    """Nothing else may use the connection meanwhile. Closing it closes the connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        register_functions(connection)
        self._connection = connection

    @property
    def dialect(self) -> Dialect:
        return SQLITE

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return self._connection.execute(sql, parameters).fetchall()

    async def fetch_short(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row] | None:
        return short_values(self._connection, sql, parameters)

    async def fetch_first(self, sql: str, parameters: Sequence[Any] = ()) -> FirstRows:
        return first_rows(self._connection.execute(sql, parameters))

    async def document(self, wanted: KeyedDocument, key: str | int) -> bytes | None:
        if not is_storable_key(key):
            return None
        rows = await self.fetch(SQLITE.documents.by_key(wanted), (key,))
        return rows[0][0] if rows else None

    async def close(self) -> None:
        self._connection.close()
