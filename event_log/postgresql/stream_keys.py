"""The store of stream keys in PostgreSQL: the schema `tracklog_keys`.

A key that is destroyed leaves the row of its stream, so that a key that was lost is told from one that is to be gone.
The part of the table that held it is written anew, because an ordinary vacuum leaves bytes in the free room of a page.
"""

import asyncio
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Set
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Final

import asyncpg

from event_log.port import ForeignLog, LogAccessRefused, LogUnavailable
from event_log.postgresql.connection import Connection, SteadyConnection, no_connection
from event_log.postgresql.key_migrations import HISTORY
from event_log.postgresql.sealed_logs import KEYS_SCHEMA
from event_log.sealing.port import StreamKeys
from event_log.sealing.stream_key import KEY_BYTES
from schemas.envelope import Position
from schemas.migrations import ForeignDatabase, migrate
from schemas.postgresql_errors import CONNECT_ERRORS, PASSING_ERRORS, describe_error

_TIMEOUT_S: Final = 10.0
_ERASING_TIMEOUT_S: Final = 60.0
"""Of writing a part of the table anew, which waits for those who use it."""
_READERS_WAIT_S: Final = 10.0
_LOOK_S: Final = 0.1

_JOIN: Final = f"INSERT INTO {KEYS_SCHEMA}.logs (log_id, keys) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_PASS_OVER_TOO: Final = f"""
INSERT INTO {KEYS_SCHEMA}.passed_over (log_id, partition, "offset")
SELECT $1, partition, "offset" FROM {KEYS_SCHEMA}.passed_over WHERE log_id = $2 ON CONFLICT DO NOTHING
"""
_FOUND: Final = f"SELECT stream, secret FROM {KEYS_SCHEMA}.stream_keys WHERE log_id = $1 AND stream = ANY($2)"
_MADE: Final = f"""
INSERT INTO {KEYS_SCHEMA}.stream_keys (log_id, stream, secret)
SELECT $1, stream, secret FROM unnest($2::bytea[], $3::bytea[]) AS given (stream, secret)
ON CONFLICT (log_id, stream) DO NOTHING
"""
_DESTROY: Final = f"""
INSERT INTO {KEYS_SCHEMA}.stream_keys (log_id, stream, secret)
SELECT $1, stream, NULL FROM unnest($2::bytea[]) AS given (stream)
ON CONFLICT (log_id, stream) DO UPDATE SET secret = NULL WHERE stream_keys.secret IS NOT NULL
"""
_PARTS: Final = f"""
SELECT DISTINCT tableoid::regclass::text FROM {KEYS_SCHEMA}.stream_keys
WHERE log_id = $1 AND stream = ANY($2) ORDER BY 1
"""
_OLDER_READER: Final = """
SELECT pid FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database() AND age(backend_xmin) >= age($1::text::xid) LIMIT 1
"""
_NOTE: Final = f"""
INSERT INTO {KEYS_SCHEMA}.carried_out (log_id, partition, next_offset) VALUES ($1, $2, $3)
ON CONFLICT (log_id, partition) DO UPDATE SET next_offset = greatest(carried_out.next_offset, excluded.next_offset)
"""
_PASS_OVER: Final = f"""
INSERT INTO {KEYS_SCHEMA}.passed_over (log_id, partition, "offset")
SELECT $1, * FROM unnest($2::integer[], $3::bigint[]) ON CONFLICT DO NOTHING
"""


class PostgresqlStreamKeys(StreamKeys):
    """In the database `dsn`, on connections of its own. `clock` tells seconds.

    A mirror of a log has the keys of that one, `of_log`, and what is carried out of its erasures is its own.
    """

    def __init__(
        self, dsn: str, log_id: str, of_log: str | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._dsn = dsn
        self._log_id = uuid.UUID(log_id)
        self._of_log = uuid.UUID(of_log or log_id)
        self._clock = clock
        self._database = SteadyConnection(dsn, _TIMEOUT_S)
        self._erasing = SteadyConnection(dsn, _ERASING_TIMEOUT_S)

    async def join(self) -> bool:
        """Have the log use the keys of the one that it is a mirror of; False where the store has none of that.

        Raises LogUnavailable.
        """
        async with self._durably(self._database) as connection:
            if await connection.fetchval("SELECT to_regclass($1)", f"{KEYS_SCHEMA}.logs") is None:
                return False
            known = f"SELECT keys FROM {KEYS_SCHEMA}.logs WHERE log_id = $1"
            if await connection.fetchval(known, self._of_log) is None:
                return False
            if self._log_id != self._of_log and await connection.fetchval(known, self._log_id) is None:
                await connection.execute(_JOIN, self._log_id, self._of_log)
                await connection.execute(_PASS_OVER_TOO, self._log_id, self._of_log)
            return True

    async def begin(self) -> None:
        """Make the tables, where there are none, and note the log in them.

        Raises LogUnavailable, LogAccessRefused, and ForeignLog where the schema is of something else.
        """
        try:
            await migrate(self._dsn, schema=KEYS_SCHEMA, history=HISTORY)
        except ForeignDatabase as error:
            raise ForeignLog(str(error)) from error
        except asyncpg.InsufficientPrivilegeError as error:
            raise LogAccessRefused(f"This user may not make or read the schema {KEYS_SCHEMA}: {error}") from error
        except (*CONNECT_ERRORS, *PASSING_ERRORS) as error:
            raise no_connection(self._dsn, error) from error
        async with self._durably(self._database) as connection:
            await connection.execute(_JOIN, self._log_id, self._of_log)

    async def found(self, streams: Collection[str]) -> Mapping[str, bytes | None]:
        names = {_hashed(stream): stream for stream in streams}
        async with self._database.borrow() as connection:
            rows = await connection.fetch(_FOUND, self._of_log, list(names))
        return {names[row[0]]: row[1] for row in rows}

    async def made(self, streams: Collection[str]) -> Mapping[str, bytes | None]:
        there = await self.found(streams)
        missing = sorted(_hashed(stream) for stream in streams if stream not in there)  # the order prevents deadlocks
        if not missing:
            return there
        async with self._durably(self._database) as connection:
            await connection.execute(_MADE, self._of_log, missing, [os.urandom(KEY_BYTES) for _ in missing])
        return await self.found(streams)  # another may have made some of them meanwhile

    async def destroy(self, streams: Collection[str]) -> int:
        hashed = sorted(map(_hashed, streams))
        async with self._durably(self._erasing) as connection:
            count = await connection.fetchval(
                f"SELECT count(secret) FROM {KEYS_SCHEMA}.stream_keys WHERE log_id = $1 AND stream = ANY($2)",
                self._of_log,
                hashed,
            )
            await connection.execute(_DESTROY, self._of_log, hashed)
            transaction = await connection.fetchval("SELECT pg_current_xact_id()::xid::text")
        async with self._erasing.borrow() as connection:
            parts = [row[0] for row in await connection.fetch(_PARTS, self._of_log, hashed)]
        await self._wait_for_readers(transaction)
        for part in parts:
            await self._write_anew(part)
        return int(count)

    async def passed_over(self) -> Set[Position]:
        async with self._database.borrow() as connection:
            rows = await connection.fetch(
                f'SELECT partition, "offset" FROM {KEYS_SCHEMA}.passed_over WHERE log_id = $1', self._log_id
            )
        return frozenset(Position(*row) for row in rows)

    async def pass_over(self, events: Collection[Position]) -> int:
        async with self._durably(self._database) as connection:
            partitions, offsets = [one.partition for one in events], [one.offset for one in events]
            done = await connection.execute(_PASS_OVER, self._log_id, partitions, offsets)
        return int(done.rpartition(" ")[2])

    async def carried_out(self, partition: int) -> int:
        async with self._database.borrow() as connection:
            found = await connection.fetchval(
                f"SELECT next_offset FROM {KEYS_SCHEMA}.carried_out WHERE log_id = $1 AND partition = $2",
                self._log_id,
                partition,
            )
        return int(found or 0)

    async def note_carried_out(self, partition: int, offset: int) -> None:
        async with self._durably(self._database) as connection:
            await connection.execute(_NOTE, self._log_id, partition, offset)

    async def close(self) -> None:
        await self._database.close()
        await self._erasing.close()

    @asynccontextmanager
    async def _durably(self, database: SteadyConnection) -> AsyncIterator[Connection]:
        """A transaction that is on the disk when it is left, whatever the database is set to."""
        async with database.borrow() as connection, connection.transaction():
            await connection.execute("SET LOCAL synchronous_commit = 'on'")
            yield connection

    async def _wait_for_readers(self, transaction: str) -> None:
        """Until nobody sees the rows as they were before `transaction`: as long as somebody does, they are kept."""
        deadline_s = self._clock() + _READERS_WAIT_S
        while True:
            async with self._erasing.borrow() as connection:
                reader = await connection.fetchval(_OLDER_READER, transaction)
            if reader is None:
                return
            if self._clock() > deadline_s:
                raise LogUnavailable(
                    f"Destroyed keys stay in the database while transactions of its process {reader} last,"
                    " which began before they were destroyed."
                )
            await asyncio.sleep(_LOOK_S)

    async def _write_anew(self, part: str) -> None:
        async with self._erasing.borrow() as connection:
            before = await connection.fetchval("SELECT pg_relation_filenode($1::regclass)", part)
            try:
                await connection.execute(f"VACUUM (FULL) {part}")
            except asyncpg.PostgresError as error:
                raise LogUnavailable(f"The store of keys could not forget: {describe_error(error)}") from error
            if await connection.fetchval("SELECT pg_relation_filenode($1::regclass)", part) == before:
                raise LogUnavailable(
                    f"This user may not vacuum {part}, whose owner is another: destroyed keys stay there."
                )


def _hashed(stream: str) -> bytes:
    return sha256(stream.encode("utf-8", "surrogatepass")).digest()
