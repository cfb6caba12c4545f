"""A read model in PostgreSQL whose rows a test writes itself, the same way as on SQLite."""

import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from query_api.dialect import Dialect
from query_api.documents import KeyedDocument
from query_api.port import FirstRows, Row
from query_api.postgresql.dialect import POSTGRESQL
from query_api.postgresql.read_model import PostgresqlReadModel
from read_model import tables as read_model
from read_model.postgresql_connections import READING_SETTINGS
from schemas.postgresql import CREATE_LETTERS, Connection
from tests.services.given import GivenPostgresql
from tests.services.postgresql import Postgresql, execute
from tests.unit.query_api.sqlite_rows import SqliteRows

SCHEMA = "rows"
TABLES = {table.name: table for table in read_model.metadata.sorted_tables}


def create_tables(url: str) -> None:
    """The tables of the read model, in a schema of their own."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's has no types
    made = [str(CreateTable(table).compile(dialect=dialect)) for table in TABLES.values()]
    made += [str(CreateIndex(index).compile(dialect=dialect)) for table in TABLES.values() for index in table.indexes]
    execute(url, f"CREATE SCHEMA {SCHEMA}; SET search_path = {SCHEMA};" + ";".join([CREATE_LETTERS, *made]))


@contextmanager
def database_with_tables(service: Postgresql | GivenPostgresql) -> Iterator[str]:
    """The URL of a database with the tables of a read model, which is dropped in the end."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    execute(service.url, f"CREATE DATABASE {name}")
    url = service.url_of(name)
    create_tables(url)
    yield url
    execute(service.url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


class PooledConnections:
    """Connections to the tables under test, opened in the loop that first asks."""

    def __init__(self, url: str, settings: dict[str, str] | None = None) -> None:
        self._url = url
        self._settings = {**READING_SETTINGS, "search_path": SCHEMA, **(settings or {})}
        self._pool: Any = None

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        if self._pool is None:
            self._pool = await asyncpg.create_pool(
                self._url, min_size=0, max_size=3, server_settings=self._settings, reset=_keep_as_it_is
            )
        async with self._pool.acquire() as connection:
            yield connection

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()


async def _keep_as_it_is(_connection: object) -> None:
    return


class PostgresqlRows(SqliteRows):
    """Rows are written in memory, and copied to PostgreSQL when they are read for the first time since."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._connections = PooledConnections(url, {"default_transaction_read_only": "off"})
        self._read_model = PostgresqlReadModel(self._connections)
        self._copied = -1

    @property
    def dialect(self) -> Dialect:
        return POSTGRESQL

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        self.statements.append(sql)
        await self._copy()
        return await self._read_model.fetch(sql, parameters)

    async def fetch_first(self, sql: str, parameters: Sequence[Any] = ()) -> FirstRows:
        self.statements.append(sql)
        await self._copy()
        return await self._read_model.fetch_first(sql, parameters)

    async def document(self, wanted: KeyedDocument, key: str | int) -> bytes | None:
        self.statements.append(POSTGRESQL.documents.by_key(wanted))
        await self._copy()
        return await self._read_model.document(wanted, key)

    async def close(self) -> None:
        await super().close()
        await self._connections.close()

    async def _copy(self) -> None:
        if self._copied == self.connection.total_changes:
            return
        self._copied = self.connection.total_changes
        async with self._connections.acquire() as connection:
            await connection.execute("".join(f"DELETE FROM {name};" for name in TABLES))
            for name, table in TABLES.items():
                columns = ", ".join(f'"{column.name}"' for column in table.columns)
                rows = self.connection.execute(f"SELECT {columns} FROM {name}").fetchall()
                if rows:
                    await connection.copy_records_to_table(name, records=rows, schema_name=SCHEMA)
