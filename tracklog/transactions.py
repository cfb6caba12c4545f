"""Transactions on a small database of our own, in an SQLite file or a schema of PostgreSQL: written once for both.

Work is a function of SQLAlchemy's connection, which runs in a thread beside the event loop, or in its greenlet.
"""

import asyncio
import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, MetaData, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.schema import CreateColumn

from schemas.errors import TemporarilyUnavailable

T = TypeVar("T")

TIMEOUT_S: Final = 5.0

POOL_SIZE: Final = 2


class Transactions(ABC):
    """`what` is how the database is called in errors."""

    def __init__(self, what: str) -> None:
        self._what = what

    @abstractmethod
    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, in a transaction of its own, which is durable then. It may be called twice.

        Raises TemporarilyUnavailable when the database cannot be reached, and IntegrityError.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of what is held. No transaction may begin afterwards."""


class SqliteTransactions(Transactions):
    """In a file, which is made with its tables where there is none, readable by its owner alone.

    A column that came to a table since the file was made is added, NULL in every row.

    `keeps_deleted` False: what is deleted is in no file afterwards, at the cost of slower transactions.
    """

    def __init__(self, what: str, path: Path, metadata: MetaData, *, keeps_deleted: bool) -> None:
        super().__init__(what)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="transactions")
        self._engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": TIMEOUT_S})
        pragmas = ("synchronous=FULL", "journal_mode=WAL" if keeps_deleted else "secure_delete=ON")

        def prepare(connection: Any, _record: Any) -> None:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")

        event.listen(self._engine, "connect", prepare)
        metadata.create_all(self._engine)
        with self._engine.begin() as connection:
            _add_columns(connection, metadata)

    async def run(self, work: Callable[[Connection], T]) -> T:
        def in_transaction() -> T:
            with self._engine.begin() as connection:
                return work(connection)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, in_transaction)
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise TemporarilyUnavailable(f"{self._what} cannot be used now.") from error

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown()


class PostgresqlTransactions(Transactions):
    """In a schema of a database, which was made already."""

    def __init__(self, what: str, dsn: str, schema: str) -> None:
        from sqlalchemy.ext.asyncio import create_async_engine

        super().__init__(what)

        async def connect() -> Any:
            import asyncpg

            settings = {"search_path": schema, "synchronous_commit": "on"}
            return await asyncpg.connect(dsn, timeout=TIMEOUT_S, command_timeout=TIMEOUT_S, server_settings=settings)

        self._engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=connect, pool_size=POOL_SIZE, max_overflow=0, pool_timeout=TIMEOUT_S
        )

    async def run(self, work: Callable[[Connection], T]) -> T:
        from sqlalchemy.exc import TimeoutError as PoolTimeout

        from schemas.postgresql_errors import CONNECT_ERRORS

        for is_last in (False, True):  # a connection of the pool may have died since it was used
            try:
                async with self._engine.begin() as connection:
                    return await connection.run_sync(work)
            except IntegrityError:
                raise
            except (DBAPIError, PoolTimeout, TimeoutError, *CONNECT_ERRORS) as error:
                if is_last:
                    raise TemporarilyUnavailable(f"{self._what} cannot be reached now.") from error
        raise AssertionError("the second try returns or raises")

    async def close(self) -> None:
        await self._engine.dispose()


def _add_columns(connection: Connection, metadata: MetaData) -> None:
    for table in metadata.sorted_tables:
        there = {column["name"] for column in inspect(connection).get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                column_definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {column_definition}"))
