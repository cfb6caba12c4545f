"""The store of secrets, over SQLite and PostgreSQL alike."""

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Final, Self

from sqlalchemy import Column, Connection, LargeBinary, MetaData, Table, Text, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from tracklog.transactions import PostgresqlTransactions, SqliteTransactions, Transactions

metadata: Final = MetaData()

secrets = Table(
    "secrets",
    metadata,
    Column("secret_id", Text, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
)

POSTGRESQL_SCHEMA: Final = "tracklog_secrets"

WHAT: Final = "The store of secrets"


class SecretStore:
    """Bytes by ids. Raises TemporarilyUnavailable when the store cannot be reached."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def put(self, secret_id: str, secret: bytes) -> None:
        """Keep `secret`, in the place of what was kept under the id. It is durable when this returns."""

        def work(connection: Connection) -> None:
            values = {"secret_id": secret_id, "secret": secret}
            if not connection.execute(update(secrets).where(secrets.c.secret_id == secret_id).values(values)).rowcount:
                connection.execute(insert(secrets).values(values))

        try:
            await self._transactions.run(work)
        except IntegrityError:  # another put it there meanwhile
            await self._transactions.run(work)

    async def replace(self, secret_id: str, before: bytes, after: bytes) -> bool:
        """Keep `after` in the place of `before`; False, and nothing is changed, when that is not what is kept."""
        statement = update(secrets).where(secrets.c.secret_id == secret_id, secrets.c.secret == before)
        return await self._transactions.run(
            lambda connection: connection.execute(statement.values(secret=after)).rowcount == 1
        )

    async def get(self, secret_id: str) -> bytes | None:
        """What is kept under the id, None for nothing."""
        statement = select(secrets.c.secret).where(secrets.c.secret_id == secret_id)
        found = await self._transactions.run(lambda connection: connection.execute(statement).scalar())
        return None if found is None else bytes(found)

    async def delete(self, secret_id: str) -> None:
        """Forget what is kept under the id, if anything is."""
        statement = delete(secrets).where(secrets.c.secret_id == secret_id)
        await self._transactions.run(lambda connection: connection.execute(statement))

    async def ids(self) -> set[str]:
        """Every id that something is kept under."""

        def work(connection: Connection) -> Iterable[str]:
            return connection.execute(select(secrets.c.secret_id)).scalars().all()

        return set(await self._transactions.run(work))

    async def close(self) -> None:
        """Let go of what the store holds. It must not be called afterwards."""
        await self._transactions.close()


class SqliteSecretStore(SecretStore):
    """In a file, which is made where there is none, readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        super().__init__(SqliteTransactions(WHAT, path, metadata, keeps_deleted=False))


class PostgresqlSecretStore(SecretStore):
    """In the schema `tracklog_secrets` of the database of the read model."""

    schema: ClassVar[str] = POSTGRESQL_SCHEMA

    def __init__(self, dsn: str) -> None:
        super().__init__(PostgresqlTransactions(WHAT, dsn, self.schema))

    @classmethod
    async def open(cls, dsn: str) -> Self:
        """The store of a database, whose schema is made where there is none.

        Raises ForeignDatabase, and what asyncpg raises when the database cannot be reached or forbids it.
        """
        from schemas.migrations import migrate
        from tracklog.secret_store.migrations import HISTORY

        await migrate(dsn, schema=cls.schema, history=HISTORY)
        return cls(dsn)
