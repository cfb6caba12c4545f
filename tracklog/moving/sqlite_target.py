"""A database store of MLflow in an SQLite file that is not there yet."""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from schemas.mlflow import LARGEST_INT64
from tracklog.moving.mlflow_database import MlflowDatabase, tables_in
from tracklog.moving.records import Records
from tracklog.moving.report import Report
from tracklog.moving.roots import Roots
from tracklog.moving.written_rows import WrittenRows
from tracklog.moving.written_store import TargetTaken, TargetUnfit, WrittenStore


class SqliteTarget(WrittenStore):
    """Written under another name beside it, and given its own when it is whole. `roots` are those of artifacts."""

    def __init__(self, path: Path, roots: Roots) -> None:
        self._path = path.absolute()
        self._roots = roots

    def __str__(self) -> str:
        return f"sqlite:///{self._path}"

    def write(self, records: Records, report: Report) -> None:
        if os.path.lexists(self._path):
            raise TargetTaken(f"{self._path} is there already; name a file that is not.")
        partial = self._path.with_name(f".{self._path.name}.{os.getpid()}.partial")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with closing(sqlite3.connect(partial, isolation_level=None)) as connection:
                    _fill(connection, records, self._roots, report)
                _make_durable(partial)
                os.link(partial, self._path)  # unlike a rename it replaces nothing that came meanwhile
                _make_durable(self._path.parent)
            finally:
                partial.unlink(missing_ok=True)
        except FileExistsError as error:
            raise TargetTaken(f"{self._path} came meanwhile, and stays as it is.") from error
        except (OSError, sqlite3.OperationalError) as error:
            raise TargetUnfit(f"{self._path} cannot be written: {error}") from error


def _fill(connection: sqlite3.Connection, records: Records, roots: Roots, report: Report) -> None:
    """In one transaction without a journal: who sees the file sees all of it."""
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    for statement in tables_in("sqlite"):
        connection.execute(statement)
    MlflowDatabase(_SqliteRows(connection), roots, report).write(records)
    connection.execute("COMMIT")


class _SqliteRows(WrittenRows):
    """SQLite holds texts to no length, and numbers of 64 bits."""

    largest_id = LARGEST_INT64

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def longest(self, table: str) -> Mapping[str, int] | None:
        return None

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
        names, places = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
        statement = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({places})"
        return self._connection.executemany(statement, rows).rowcount

    def number_on(self, table: str, column: str) -> None:
        pass  # it takes the largest there is


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
