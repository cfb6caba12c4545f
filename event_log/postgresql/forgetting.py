"""Forgetting in PostgreSQL, and how far erasures are carried out, of whatever log its read model is of.

The rows are changed in transactions of some hundred, then the table is vacuumed: that removes what they were before
from the pages of the table. Archives of PostgreSQL's write-ahead log, replicas that lag and backups keep it.
"""

import uuid
from collections.abc import Sequence
from typing import Final

import asyncpg

from event_log.forgetting import AT_ONCE, Forgetting
from event_log.forgotten_rows import forgotten_rows
from event_log.port import LogUnavailable
from event_log.postgresql.connection import Connection, SteadyConnection
from event_log.postgresql.control_schema import ensure_control_schema
from schemas.envelope import Position
from schemas.postgresql_errors import CONNECTION_ERRORS, describe_error

_TIMEOUT_S: Final = 60.0
_VACUUM_S: Final = 24 * 3600.0
"""It reads the pages of the table that changed since the one before, which may be all of them."""

_OFFSETS_AT_ONCE: Final = 100_000
"""Of a stream. The index tells all of its rows, in no order, so each look for some of them takes as long as for all."""

_SELECT: Final = """
SELECT e."offset", e.id, t.type, t.version, s.name, e.time_us, a."user", a.address, a.user_agent, e.request_id,
  e.payload, e.checksum
FROM tracklog.events e LEFT JOIN tracklog.streams s ON s.number = e.stream
  LEFT JOIN tracklog.actors a ON a.number = e.actor LEFT JOIN tracklog.event_types t ON t.number = e.type
"""
_OFFSETS: Final = """
WITH found AS MATERIALIZED (
  SELECT "offset" FROM tracklog.events WHERE stream = (SELECT number FROM tracklog.streams WHERE name = $1)
) SELECT "offset" FROM found WHERE "offset" > $2 ORDER BY "offset" LIMIT $3
"""
_AT: Final = f'{_SELECT} WHERE e."offset" = ANY($1) ORDER BY e."offset"'
_REPLACE: Final = """
UPDATE tracklog.events e SET payload = n.payload, checksum = n.checksum
FROM unnest($1::bigint[], $2::bytea[], $3::bigint[]) AS n ("offset", payload, checksum) WHERE e."offset" = n."offset"
"""
_NOTE: Final = """
INSERT INTO tracklog.carried_out (log_id, partition, next_offset) VALUES ($1, $2, $3)
ON CONFLICT (log_id, partition) DO UPDATE SET next_offset = greatest(carried_out.next_offset, excluded.next_offset)
"""


class PostgresqlForgetting(Forgetting):
    """On a connection of its own, to the database `dsn`. `removes_payloads` False: the log itself is elsewhere."""

    def __init__(self, dsn: str, log_id: str, *, removes_payloads: bool = True) -> None:
        self.removes_payloads = removes_payloads
        self._dsn = dsn
        self._log_id = uuid.UUID(log_id)
        self._database = SteadyConnection(dsn, _TIMEOUT_S)
        self._is_ready = False

    async def forget(self, streams: Sequence[str], refused: Sequence[Position] = ()) -> int:
        if not self.removes_payloads:
            return 0
        count = 0
        async with self._database.borrow() as connection:
            try:
                for stream in streams:
                    count += await _forget_stream(connection, stream)
                count += await _replace(connection, [one.offset for one in refused], refused=True)
                # Also where nothing was left to forget: who forgot it may have ended before the vacuum did.
                await connection.execute("VACUUM tracklog.events", timeout=_VACUUM_S)
            except (*CONNECTION_ERRORS, asyncpg.PostgresError) as error:
                raise LogUnavailable(f"The event log could not forget: {describe_error(error)}") from error
        return count

    async def carried_out(self, partition: int) -> int:
        await self._ready()
        async with self._database.borrow() as connection:
            found = await connection.fetchval(
                "SELECT next_offset FROM tracklog.carried_out WHERE log_id = $1 AND partition = $2",
                self._log_id,
                partition,
            )
        return int(found or 0)

    async def note_carried_out(self, partition: int, offset: int) -> None:
        await self._ready()
        async with self._database.borrow() as connection:
            await connection.execute(_NOTE, self._log_id, partition, offset)

    async def close(self) -> None:
        """Let go of the database."""
        await self._database.close()

    async def _ready(self) -> None:
        if not self._is_ready:
            await ensure_control_schema(self._dsn)
            self._is_ready = True


async def _forget_stream(connection: Connection, stream: str) -> int:
    count, last = 0, -1
    while found := await connection.fetch(_OFFSETS, stream, last, _OFFSETS_AT_ONCE):
        count += await _replace(connection, [offset for (offset,) in found], refused=False)
        if len(found) < _OFFSETS_AT_ONCE:
            break
        last = found[-1][0]
    return count


async def _replace(connection: Connection, offsets: Sequence[int], *, refused: bool) -> int:
    """How many of the events at some offsets were not forgotten yet. Each transaction is of AT_ONCE of them."""
    count = 0
    for first in range(0, len(offsets), AT_ONCE):
        rows = await connection.fetch(_AT, offsets[first : first + AT_ONCE])
        changed = forgotten_rows(((row[0], row[1].bytes, *row[2:]) for row in map(tuple, rows)), refused=refused)
        if changed:
            await connection.execute(_REPLACE, *map(list, zip(*changed, strict=True)))
            count += len(changed)
    return count
