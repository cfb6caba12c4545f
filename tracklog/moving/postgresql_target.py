"""A database store of MLflow in a database of PostgreSQL that has none of its tables yet."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg
from sqlalchemy import URL, Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.util import await_only

from tracklog.moving.mlflow_database import COLUMNS, MlflowDatabase, tables_in
from tracklog.moving.records import Records
from tracklog.moving.report import Report
from tracklog.moving.roots import Roots
from tracklog.moving.written_rows import WrittenRows
from tracklog.moving.written_store import TargetTaken, TargetUnfit, WrittenStore

_LARGEST_INT32: Final = 2**31 - 1


class PostgresqlTarget(WrittenStore):
    """Tables and rows are one transaction: nobody sees any of them before all are there."""

    def __init__(self, url: URL, roots: Roots) -> None:
        self._url = url
        self._roots = roots

    def __str__(self) -> str:
        return self._url.set(drivername="postgresql").render_as_string(hide_password=True)

    def write(self, records: Records, report: Report) -> None:
        try:
            asyncio.run(self._write(records, report))
        except (DBAPIError, asyncpg.PostgresError, OSError) as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            raise TargetUnfit(f"{self} cannot be written: {reason}") from error

    async def _write(self, records: Records, report: Report) -> None:
        engine = create_async_engine(self._url.set(drivername="postgresql+asyncpg"), poolclass=NullPool)
        async with engine.begin() as connection:
            # Inside, SQLAlchemy waits for the driver where plain code calls it.
            await connection.run_sync(self._fill, records, report)

    def _fill(self, connection: Connection, records: Records, report: Report) -> None:
        there = set(inspect(connection).get_table_names())
        if taken := sorted(there & {*COLUMNS, "alembic_version"}):
            raise TargetTaken(f"{self} has a table {taken[0]} already; name a database that has none of MLflow's.")
        for statement in tables_in("postgresql"):
            connection.execute(text(statement.replace(":", r"\:")))
        MlflowDatabase(_PostgresqlRows(connection), self._roots, report).write(records)


class _PostgresqlRows(WrittenRows):
    """Rows are copied into a table without keys, and from there inserted: COPY alone stops at a row that is there."""

    largest_id = _LARGEST_INT32

    def __init__(self, connection: Connection) -> None:
        self._driver: Any = connection.connection.driver_connection
        self._longest: dict[str, dict[str, int]] = {}
        catalogue = inspect(connection)
        for table, names in COLUMNS.items():
            listed = ", ".join(f'"{name}"' for name in names)
            connection.execute(
                text(f"CREATE TEMP TABLE staged_{table} ON COMMIT DROP AS SELECT {listed} FROM {table} WITH NO DATA")
            )
            lengths = {one["name"]: getattr(one["type"], "length", None) for one in catalogue.get_columns(table)}
            self._longest[table] = {name: length for name, length in lengths.items() if length is not None}

    def longest(self, table: str) -> Mapping[str, int] | None:
        return self._longest[table]

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
        listed = ", ".join(f'"{name}"' for name in columns)
        staged = f"staged_{table}"
        await_only(self._driver.copy_records_to_table(staged, records=rows, columns=columns))
        # The rows are numbered as they came, so of two with one key the first one stays.
        statement = f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {staged} ORDER BY ctid ON CONFLICT DO NOTHING"
        inserted: str = await_only(self._driver.execute(statement))
        await_only(self._driver.execute(f"TRUNCATE {staged}"))
        return int(inserted.rpartition(" ")[2])

    def number_on(self, table: str, column: str) -> None:
        highest = f"greatest((SELECT max({column}) FROM {table}), 1)"
        sequence = f"pg_get_serial_sequence('{table}', '{column}')"
        await_only(self._driver.execute(f"SELECT setval({sequence}, {highest})"))
