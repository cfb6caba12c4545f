"""The proofs of a log in a schema of a PostgreSQL database."""

from collections.abc import Sequence
from typing import Any, Final, Self

from event_log.port import LogUnavailable
from event_log.postgresql.connection import Connection, SteadyConnection
from schemas.errors import TemporarilyUnavailable
from tracklog.proving.proof_store import SCHEMA, ProofStore, Statement

TIMEOUT_S: Final = 10.0


class PostgresqlProofStore(ProofStore):
    """Its schema was made already."""

    def __init__(self, dsn: str, log_id: str, **given: Any) -> None:
        super().__init__(log_id, **given)
        self._connection = SteadyConnection(dsn, TIMEOUT_S)

    @classmethod
    async def open(cls, dsn: str, log_id: str) -> Self:
        """The store in a database, whose schema is made where there is none.

        Raises ForeignDatabase, and what asyncpg raises when the database cannot be reached or forbids it.
        """
        from schemas.migrations import migrate
        from tracklog.proving.migrations import HISTORY

        await migrate(dsn, schema=cls.schema, history=HISTORY)
        return cls(dsn, log_id)

    async def _fetch(self, sql: str, *parameters: Any) -> Sequence[Sequence[Any]]:
        try:
            async with self._connection.borrow() as connection, connection.transaction():
                await _find_tables(connection)
                return [tuple(row) for row in await connection.fetch(sql, *parameters)]
        except LogUnavailable as error:
            raise TemporarilyUnavailable(error.message) from error

    async def _write(self, first: Statement, others: Sequence[Statement]) -> bool:
        try:
            async with self._connection.borrow() as connection, connection.transaction():
                await _find_tables(connection)
                if (await connection.execute(first[0], *first[1][0])).endswith(" 0"):
                    return False
                for sql, values in others:
                    await connection.executemany(sql, values)
                return True
        except LogUnavailable as error:
            raise TemporarilyUnavailable(error.message) from error

    async def close(self) -> None:
        await self._connection.close()


async def _find_tables(connection: Connection) -> None:
    await connection.execute(f"SET LOCAL search_path TO {SCHEMA}")
