"""An empty log in PostgreSQL that becomes a copy of another: with its id, and its events at their offsets."""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from event_log.checksum import checksum_of_copy
from event_log.port import ForeignLog, LogUnavailable
from event_log.postgresql.connection import Connection, connect
from event_log.postgresql.control_schema import ensure_control_schema
from event_log.postgresql.interned import InternedOfLog
from event_log.stored_payload import stored
from schemas.envelope import RecordedEvent
from schemas.postgresql_errors import CONNECTION_ERRORS, describe_error

_COLUMNS: Final = ("offset", "stream", "time_us", "actor", "type", "id", "request_id", "payload", "checksum")


class PostgresqlCopy:
    """Takes events inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._interned = InternedOfLog()
        self._interned.belong_to(connection)
        self._end = 0

    @property
    def end(self) -> int:
        """The offset of the next event that it takes."""
        return self._end

    async def add(self, events: Sequence[RecordedEvent]) -> None:
        """The next events of the log. Raises what asyncpg raises."""
        streams = await self._interned.streams.numbers(self._connection, {event.stream for event in events})
        actors = await self._interned.actors.numbers(self._connection, {event.actor for event in events})
        types = await self._interned.types.numbers(self._connection, {(event.type, event.version) for event in events})
        rows: list[tuple[Any, ...]] = []
        for event in events:
            payload = stored(event.payload)
            rows.append(
                (
                    event.offset,
                    streams[event.stream],
                    event.time_us,
                    actors[event.actor],
                    types[event.type, event.version],
                    uuid.UUID(bytes=event.id),
                    event.request_id,
                    payload,
                    checksum_of_copy(event, payload),
                )
            )
        await self._connection.copy_records_to_table(
            "events", schema_name="tracklog", records=rows, columns=list(_COLUMNS)
        )
        self._end += len(rows)


@asynccontextmanager
async def filling_postgresql_log(dsn: str, identity: str) -> AsyncIterator[PostgresqlCopy]:
    """The empty log in a database, to be filled; it has the id and the events when the context is left, or nothing.

    Raises ForeignLog where the log there has events, LogUnavailable where the database fails.
    """
    await ensure_control_schema(dsn)
    connection = await connect(dsn, {"lock_timeout": "10s"})
    try:
        async with connection.transaction():
            # Held until the end: what would append meanwhile waits, and follows what is put here.
            end = await connection.fetchval("SELECT next_offset FROM tracklog.log_end WHERE partition = 0 FOR UPDATE")
            if end:
                raise ForeignLog(f"The log in the database has {end} events, and only an empty one is filled.")
            copy = PostgresqlCopy(connection)
            yield copy
            await connection.execute("UPDATE tracklog.log_identity SET id = $1", uuid.UUID(identity))
            await connection.execute("UPDATE tracklog.log_end SET next_offset = $1 WHERE partition = 0", copy.end)
            # Giving numbers to streams and actors turned it off for the rest of the transaction.
            await connection.execute("SET LOCAL synchronous_commit = 'on'")
    except (*CONNECTION_ERRORS, asyncpg.PostgresError) as error:
        raise LogUnavailable(f"PostgreSQL could not take the log: {describe_error(error)}") from error
    finally:
        await connection.close()
