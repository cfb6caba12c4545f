"""The store of secrets, over SQLite and PostgreSQL alike."""

import asyncio
import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import (
    Column,
    Connection,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    delete,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError

from schemas.errors import TemporarilyUnavailable

T = TypeVar("T")

metadata: Final = MetaData()

secrets = Table(
    "secrets",
    metadata,
    Column("secret_id", Text, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
)

POSTGRESQL_SCHEMA: Final = "tracklog_secrets"

TIMEOUT_S: Final = 5.0


class SecretStore(ABC):
    """Bytes by ids. Raises TemporarilyUnavailable when the store cannot be reached."""

    async def put(self, secret_id: str, secret: bytes) -> None:
        """Keep `secret`, in the place of what was kept under the id. It is durable when this returns."""

        def work(connection: Connection) -> None:
            values = {"secret_id": secret_id, "secret": secret}
            if not connection.execute(update(secrets).where(secrets.c.secret_id == secret_id).values(values)).rowcount:
                connection.execute(insert(secrets).values(values))

        try:
            await self._run(work)
        except IntegrityError:  # another put it there meanwhile
            await self._run(work)

    async def get(self, secret_id: str) -> bytes | None:
        """What is kept under the id, None for nothing."""
        statement = select(secrets.c.secret).where(secrets.c.secret_id == secret_id)
        found = await self._run(lambda connection: connection.execute(statement).scalar())
        return None if found is None else bytes(found)

    async def delete(self, secret_id: str) -> None:
        """Forget what is kept under the id, if anything is."""
        await self._run(lambda connection: connection.execute(delete(secrets).where(secrets.c.secret_id == secret_id)))

    async def ids(self) -> set[str]:
        """Every id that something is kept under."""
        return set(await self._run(lambda connection: connection.execute(select(secrets.c.secret_id)).scalars().all()))

    @abstractmethod
    async def close(self) -> None:
        """Let go of what the store holds. It must not be called afterwards."""

    @abstractmethod
    async def _run(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, in a transaction of its own."""


class SqliteSecretStore(SecretStore):
    """In a file, which is made where there is none, readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="secrets")
        self._engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": TIMEOUT_S})
        event.listen(self._engine, "connect", _durable)
        metadata.create_all(self._engine)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown()

    async def _run(self, work: Callable[[Connection], T]) -> T:
        def in_transaction() -> T:
            with self._engine.begin() as connection:
                return work(connection)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, in_transaction)
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise TemporarilyUnavailable("The store of secrets cannot be used now.") from error


def _durable(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")


class PostgresqlSecretStore(SecretStore):
    """In the schema `tracklog_secrets` of the database of the read model."""

    def __init__(self, dsn: str) -> None:
        from sqlalchemy.ext.asyncio import create_async_engine

        async def connect() -> Any:
            import asyncpg

            settings = {"search_path": POSTGRESQL_SCHEMA, "synchronous_commit": "on"}
            return await asyncpg.connect(dsn, timeout=TIMEOUT_S, command_timeout=TIMEOUT_S, server_settings=settings)

        self._engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=connect, pool_size=2, max_overflow=0, pool_timeout=TIMEOUT_S
        )

    @classmethod
    async def open(cls, dsn: str) -> "PostgresqlSecretStore":
        """The store of a database, whose schema is made where there is none.

        Raises ForeignDatabase, and what asyncpg raises when the database cannot be reached or forbids it.
        """
        from schemas.migrations import migrate
        from tracklog.secret_store.migrations import HISTORY

        await migrate(dsn, schema=POSTGRESQL_SCHEMA, history=HISTORY)
        return cls(dsn)

    async def close(self) -> None:
        await self._engine.dispose()

    async def _run(self, work: Callable[[Connection], T]) -> T:
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
                    raise TemporarilyUnavailable("The store of secrets cannot be reached now.") from error
        raise AssertionError("the second try returns or raises")
