"""The event log in PostgreSQL: one partition, any number of appending processes, offsets without gaps.

How the offsets come to have no gaps: the table `log_end` has one row, the offset of the next event. An append moves it
and inserts its events in one statement, which is a transaction of its own. Moving it locks the row until the
transaction ends, so appends commit one after another, in the order of their offsets; one that rolls back puts the row
back to where it was, and the next takes the same offsets. A sequence would do neither: it is not rolled back, and the
owner of the lower offsets may commit after a reader has passed them.

One statement, so that no client can stall, or die, while it holds the row: the server has all it needs to finish.
What the row costs, a commit at a time, is shared: appends that gather while a commit is flushed go together in the
next, as in the SQLite log, and several processes take turns.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

import asyncpg
import zstandard
from asyncpg.pgproto.pgproto import UUID

from event_log.checksum import checksum
from event_log.group_append import WaitingAppend, confirm, refuse
from event_log.port import (
    EVERY_EVENT,
    EventFilter,
    EventLog,
    EventLogReader,
    EventTooLarge,
    LogOverloaded,
    LogUnavailable,
    OutcomeUnknown,
)
from event_log.postgresql.connection import Connection, SteadyConnection, connect
from event_log.postgresql.control_schema import ensure_control_schema
from event_log.postgresql.interned import Names
from event_log.stored_event import MAX_EVENT_BYTES, stored_event
from schemas import codec
from schemas.damaged_event import damaged_event
from schemas.envelope import PARTITION, Actor, EventData, Position, Positions, RecordedEvent
from schemas.postgresql import LOG_CHANNEL
from schemas.postgresql_errors import CONNECTION_ERRORS, UNANSWERED_ERRORS, said

logger = logging.getLogger(__name__)

MAX_WAITING_BYTES: Final = 32 * 1024 * 1024
"""Appends beyond this are refused until the disk has caught up, so that overload costs a 429, not memory."""

_MAX_COMMIT_EVENTS: Final = 4096
_MAX_COMMIT_BYTES: Final = 16 * 1024 * 1024
"""Others wait while a commit is under way, in this process and in the other ones."""
_COMPRESS_FROM_BYTES: Final = 512
"""Below this a zstd frame saves little and costs more than the write."""
_READ_BYTES: Final = 4 * 1024 * 1024
"""Of payloads in one answer."""
_READ_STORED_BYTES: Final = 2 * 1024 * 1024
"""Of payloads as they are stored, in one answer of PostgreSQL."""

_APPEND_TIMEOUT_S: Final = 4.0
"""An append that still waits for its turn after this long is undone by PostgreSQL, and may be repeated."""
_UNKNOWN_AFTER_S: Final = 6.0
"""A server that says nothing at all for this long has left the outcome open."""
_READ_TIMEOUT_S: Final = 30.0
_END_TIMEOUT_S: Final = 2.0

_TRUSTED_S: Final = 5.0
"""For so long after a commit that was tried for it the log is taken to be able to make another."""

_RETRY_S: Final = 0.25
"""Between attempts to connect while PostgreSQL is away."""
_POLL_S: Final = 0.5
"""How often a waiting reader looks when it cannot be told."""
_DOUBT_S: Final = 5.0
"""How often it looks all the same when it can: a connection may be broken without either side knowing."""

_APPEND: Final = """
WITH taken AS (
  UPDATE tracklog.log_end SET next_offset = next_offset + $1 WHERE partition = 0 RETURNING next_offset - $1 AS first
), appended AS (
  INSERT INTO tracklog.events ("offset", stream, time_us, actor, type, id, request_id, payload, checksum)
  SELECT taken.first + given.nth - 1, given.stream, given.time_us, given.actor, given.type, given.id, given.request_id,
    given.payload, given.checksum # (taken.first + given.nth - 1)
  FROM taken,
    unnest($2::bigint[], $3::bigint[], $4::int[], $5::smallint[], $6::uuid[], $7::text[], $8::bytea[], $9::bigint[])
    WITH ORDINALITY AS given (stream, time_us, actor, type, id, request_id, payload, checksum, nth)
)
SELECT first,
  set_config('synchronous_commit', CASE current_setting('synchronous_commit')
    WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true),
  pg_notify($10, (first + $1)::text)
FROM taken
"""
"""Durable when answered, whatever the database or the role has `synchronous_commit` set to."""

_WAIT_FOR_REPLICA: Final = "SyncRepWaitForLSN"
"""Where in PostgreSQL the warning arises that a commit counts but may not be on the replica; its text is translated."""

_IDENTITY: Final = "SELECT id FROM tracklog.log_identity"
_DAMAGE: Final = (
    asyncpg.DataCorruptedError,
    asyncpg.IndexCorruptedError,
    asyncpg.InternalServerError,  # as of a value whose parts are not where they were put
    asyncpg.CharacterNotInRepertoireError,
    UnicodeDecodeError,
)
"""What is raised of a page, a value or a text that is not what was written."""

_TOUCH_END: Final = "UPDATE tracklog.log_end SET next_offset = next_offset WHERE partition = 0"

_END: Final = "SELECT next_offset FROM tracklog.log_end WHERE partition = 0"

_COLUMNS: Final = '"offset", id, type, stream, time_us, actor, request_id, payload, checksum'
_READ: Final = f"""
SELECT {_COLUMNS} FROM (
  SELECT {_COLUMNS}, sum(octet_length(payload)) OVER (ORDER BY "offset") - octet_length(payload) AS bytes_before
  FROM tracklog.events WHERE "offset" >= $1 AND "offset" < $2
) AS bounded WHERE bytes_before < $3 ORDER BY "offset"
"""


async def open_postgresql_log(dsn: str) -> "PostgresqlEventLog":
    """The log in the database `dsn` (a URL as libpq takes it), to append to and to read; made where there is none.

    Raises ForeignLog, or LogUnavailable.
    """
    await ensure_control_schema(dsn)
    return await PostgresqlEventLog.open(dsn)


async def open_postgresql_reader(dsn: str) -> "PostgresqlEventLogReader":
    """The log in the database `dsn`, to read.

    Raises ForeignLog, or LogUnavailable.
    """
    await ensure_control_schema(dsn)
    return PostgresqlEventLogReader(dsn)


class _KeptNames:
    """What one connection knows of the tables that events point to."""

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.streams: Names[str] = Names("streams", {"name": "text"}, str, lambda name: (name,))
        self.actors: Names[Actor] = Names(
            "actors",
            {"user": "text", "address": "text", "user_agent": "text"},
            Actor,
            lambda actor: (actor.user, actor.address, actor.user_agent),
        )
        self.types: Names[tuple[str, int]] = Names(
            "event_types", {"type": "text", "version": "int"}, lambda *fields: fields, lambda fields: fields
        )

    def belong_to(self, connection: Connection) -> None:
        """Forget what another connection knew."""
        self.connection = connection
        for names in (self.streams, self.actors, self.types):
            names.forget()


class PostgresqlEventLogReader(EventLogReader):
    """Reads a log that this or other processes append to, on connections of its own: for reading, for asking where
    the log ends, and, while somebody waits for more, for being told.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._reading = SteadyConnection(dsn, _READ_TIMEOUT_S)
        self._asking = SteadyConnection(dsn, _END_TIMEOUT_S)
        self._read_names = _KeptNames()
        self._heard_end = 0
        self._heard = asyncio.Event()
        self._is_listening = False
        self._listener: asyncio.Task[None] | None = None

    async def identity(self) -> str:
        async with self._asking.borrow() as connection:
            return str(await connection.fetchval(_IDENTITY))

    async def partitions(self) -> Sequence[int]:
        return (PARTITION,)

    def partition_of(self, ordering_unit: str) -> int:
        return PARTITION

    async def end(self) -> Positions:
        async with self._asking.borrow() as connection:
            return {PARTITION: await connection.fetchval(_END)}

    async def read(
        self,
        partition: int,
        offset: int,
        *,
        limit: int,
        matching: EventFilter = EVERY_EVENT,
    ) -> list[RecordedEvent]:
        if partition != PARTITION:
            raise ValueError(f"this log has partition {PARTITION} only, not {partition}")
        async with self._reading.borrow() as connection:
            self._read_names.belong_to(connection)
            try:
                rows = await self._select(connection, offset, limit, matching)
                if matching != EVERY_EVENT or not self._are_missing(rows, offset):
                    return await self._recorded(connection, rows)
            except _DAMAGE as error:
                logger.error("the event log has a damaged part after offset %d: %s", offset, said(error))
            return await self._one_by_one(connection, offset, limit, matching)

    async def wait_for_more(self, end: Positions, timeout_s: float) -> None:
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        now = asyncio.get_running_loop().time
        deadline = now() + timeout_s
        while self._heard_end <= end[PARTITION] and (left_s := deadline - now()) > 0:
            self._heard.clear()
            try:
                async with asyncio.timeout(min(_DOUBT_S if self._is_listening else _POLL_S, left_s)):
                    await self._heard.wait()
            except TimeoutError:
                await self._look()

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.wait([self._listener])
        await self._reading.close()
        await self._asking.close()

    def _hear(self, end: int) -> None:
        self._heard_end = max(self._heard_end, end)
        self._heard.set()

    async def _look(self) -> None:
        try:
            self._hear((await self.end())[PARTITION])
        except LogUnavailable:
            return  # whoever waits goes on waiting, and reads it from `read`

    async def _listen(self) -> None:
        """Be told of the log's growth, on a connection that is made anew whenever it is lost."""
        while True:
            try:
                connection = await connect(self._dsn, {})
            except LogUnavailable:
                await asyncio.sleep(_POLL_S)
                continue
            try:
                lost = asyncio.Event()
                connection.add_termination_listener(lambda _, lost=lost: lost.set())
                await connection.add_listener(LOG_CHANNEL, lambda *heard: self._hear(int(heard[3])))
                self._hear(await connection.fetchval(_END))  # what grew before PostgreSQL was listened to
                self._is_listening = True
                await lost.wait()
            except UNANSWERED_ERRORS:
                await asyncio.sleep(_POLL_S)
            finally:
                self._is_listening = False
                connection.terminate()

    async def _select(
        self, connection: Connection, offset: int, limit: int, matching: EventFilter
    ) -> Sequence[asyncpg.Record]:
        if matching == EVERY_EVENT:
            return await connection.fetch(_READ, offset, offset + limit, _READ_STORED_BYTES)
        if any("\0" in text for text in (matching.stream, matching.event_type, matching.actor) if text is not None):
            return []  # PostgreSQL knows no such text
        conditions = ['"offset" >= $1']
        parameters: list[Any] = [offset]
        if matching.stream is not None:
            stream = await self._read_names.streams.known(connection, matching.stream)
            if stream is None:
                return []
            parameters.append(stream)
            conditions.append(f"stream = ${len(parameters)}")
        for sql, value in (
            ("type IN (SELECT number FROM tracklog.event_types WHERE type = ?)", matching.event_type),
            ('actor IN (SELECT number FROM tracklog.actors WHERE "user" = ?)', matching.actor),
            ("time_us >= ?::numeric", matching.since_us),
            ("time_us < ?::numeric", matching.until_us),
        ):
            if value is not None:
                parameters.append(value)
                conditions.append(sql.replace("?", f"${len(parameters)}"))
        found = f'SELECT "offset" FROM tracklog.events WHERE {" AND ".join(conditions)}'
        if matching.stream is not None:
            # Else PostgreSQL, which cannot know how sparse a stream is, may go through all events in order.
            found = f'WITH found AS MATERIALIZED ({found}) SELECT "offset" FROM found'
        first = f'{found} ORDER BY "offset" LIMIT ${len(parameters) + 1}'
        offsets = [row[0] for row in await connection.fetch(first, *parameters, limit)]
        bounded = _READ.replace('"offset" >= $1 AND "offset" < $2', '"offset" = ANY($1)').replace("$3", "$2")
        return await connection.fetch(bounded, offsets, _READ_STORED_BYTES)

    async def _recorded(self, connection: Connection, rows: Sequence[asyncpg.Record]) -> list[RecordedEvent]:
        types = await self._read_names.types.values(connection, {row[2] for row in rows})
        streams = await self._read_names.streams.values(connection, {row[3] for row in rows})
        actors = await self._read_names.actors.values(connection, {row[5] for row in rows})
        found: list[RecordedEvent] = []
        size = 0
        for offset, event_id, type_number, stream, time_us, actor, request_id, payload, stored in rows:
            event_type, version = types.get(type_number, ("", 0))
            who = actors.get(actor)
            found.append(
                stored_event(
                    offset,
                    event_id.bytes,
                    event_type,
                    version,
                    streams.get(stream),
                    time_us,
                    None if who is None else who.user,
                    "" if who is None else who.address,
                    "" if who is None else who.user_agent,
                    request_id,
                    payload,
                    stored,
                )
            )
            size += len(found[-1].payload)
            if size > _READ_BYTES:
                break
        return found

    async def _one_by_one(
        self, connection: Connection, offset: int, limit: int, matching: EventFilter
    ) -> list[RecordedEvent]:
        """As `read`, where tables are damaged: what cannot be read is told by its offset, and the others are read."""
        end: int = await connection.fetchval(_END)
        found: list[RecordedEvent] = []
        size = 0
        while offset < end and len(found) < limit and size <= _READ_BYTES:
            event = await self._one(connection, offset)
            if matching.matches(event):
                found.append(event)
                size += len(event.payload)
            offset += 1
        return found

    def _are_missing(self, rows: Sequence[asyncpg.Record], offset: int) -> bool:
        """Whether events are gone: of those read without a filter from `offset` on, each is the next."""
        if not rows:
            return offset < self._heard_end
        return any(row[0] != expected for expected, row in enumerate(rows, offset))

    async def _one(self, connection: Connection, offset: int) -> RecordedEvent:
        try:
            found = await self._recorded(
                connection, await connection.fetch(_READ, offset, offset + 1, _READ_STORED_BYTES)
            )
        except _DAMAGE as error:
            return damaged_event(PARTITION, offset, f"PostgreSQL cannot read it: {said(error)}")
        return found[0] if found else damaged_event(PARTITION, offset, "it is not in the table, and later ones are")


class PostgresqlEventLog(PostgresqlEventLogReader, EventLog):
    """One of the log's writers: one connection, one append statement under way, for all that gathered before it.

    While PostgreSQL is known to be away every append is refused at once, and a task tries to reach it again.
    """

    def __init__(self, dsn: str, connection: Connection) -> None:
        super().__init__(dsn)
        self._connection: Connection | None = connection
        self._away: str | None = None
        self._is_unreplicated = False
        self._names = _KeptNames()
        self._compressor = zstandard.ZstdCompressor(level=1)
        self._gathering: list[WaitingAppend] = []
        self._gathered = asyncio.Event()
        self._waiting_bytes = 0
        self._trusted_until_s = 0.0
        self._is_closing = False
        self._returning: asyncio.Task[None] | None = None
        self._writer = asyncio.create_task(self._write())

    @classmethod
    async def open(cls, dsn: str) -> "PostgresqlEventLog":
        """The log whose tables are there. Raises LogUnavailable."""
        return cls(dsn, await _connect_to_append(dsn))

    async def append(self, events: Sequence[EventData]) -> list[Position]:
        if self._away is not None:
            raise LogUnavailable(self._away)
        encoded = [codec.encode(event.payload) for event in events]
        size = sum(map(len, encoded))
        if size > MAX_EVENT_BYTES:
            raise EventTooLarge(
                f"The request makes {size} bytes of events; at most {MAX_EVENT_BYTES} fit in one append."
            )
        if self._waiting_bytes + size > MAX_WAITING_BYTES and self._waiting_bytes:
            raise LogOverloaded(f"{self._waiting_bytes} bytes already wait for the event log; try again.")
        self._waiting_bytes += size
        append = WaitingAppend(events, encoded, size, asyncio.get_running_loop().create_future())
        self._gathering.append(append)
        self._gathered.set()
        return await append.done

    async def check_appendable(self) -> None:
        """By a commit that moves the log's end to where it is; none of it is asked for again for a while."""
        now_s = asyncio.get_running_loop().time()
        if now_s < self._trusted_until_s:
            return
        async with self._asking.borrow() as connection:
            await connection.execute(_TOUCH_END)
        self._trusted_until_s = now_s + _TRUSTED_S

    async def close(self) -> None:
        self._is_closing = True
        self._gathered.set()
        await self._writer
        if self._returning is not None:
            self._returning.cancel()
            await asyncio.wait([self._returning])
        if self._connection is not None:
            self._connection.terminate()
        await super().close()

    async def _write(self) -> None:
        """The writer: commits what gathered until told to stop."""
        while not self._is_closing or self._gathering:
            await self._gathered.wait()
            self._gathered.clear()
            while self._gathering:
                await self._commit(self._take())

    def _take(self) -> list[WaitingAppend]:
        """The next appends that fit in one commit, at least one."""
        events = size = 0
        for count, append in enumerate(self._gathering):
            events += len(append.events)
            size += append.size
            if count and (events > _MAX_COMMIT_EVENTS or size > _MAX_COMMIT_BYTES):
                break
        else:
            count = len(self._gathering)
        batch, self._gathering = self._gathering[:count], self._gathering[count:]
        return batch

    async def _commit(self, batch: list[WaitingAppend]) -> None:
        """Put a batch in the log and answer it. What cannot be written is refused without those it came with."""
        try:
            connection = await self._connected()
            first = await self._insert(connection, batch)
        except (ValueError, asyncpg.DataError) as error:
            if len(batch) > 1:
                for append in batch:
                    await self._commit([append])
            else:
                self._settle(batch, LogUnavailable(f"The event log could not write this request: {said(error)}"))
        except Exception as error:  # the writer must live, and whoever waits must hear of it
            self._settle(batch, error)
        else:
            self._settle(batch, first)

    async def _connected(self) -> Connection:
        """The connection; once lost it is tried once here, then in the background. Raises LogUnavailable."""
        if self._away is not None:
            raise LogUnavailable(self._away)
        if self._connection is None or self._connection.is_closed():
            try:
                self._connection = await _connect_to_append(self._dsn)
            except LogUnavailable as error:
                self._away = error.message
                self._returning = asyncio.create_task(self._return())
                raise
        if self._connection is not self._names.connection:
            self._names.belong_to(self._connection)
            self._connection.add_log_listener(self._warned)
        return self._connection

    def _warned(self, _: object, message: asyncpg.PostgresLogMessage) -> None:
        """Of a commit whose wait for a synchronous replica was cancelled, PostgreSQL says so by a warning alone."""
        if message.server_source_function == _WAIT_FOR_REPLICA:
            self._is_unreplicated = True

    async def _return(self) -> None:
        """Try to reach PostgreSQL until it is there again."""
        while self._away is not None:
            await asyncio.sleep(_RETRY_S)
            try:
                self._connection = await _connect_to_append(self._dsn)
            except LogUnavailable as error:
                self._away = error.message
            else:
                self._away = None

    async def _insert(self, connection: Connection, batch: list[WaitingAppend]) -> int:
        """The first offset of a batch that is durable now.

        Raises LogUnavailable when nothing of it is there, OutcomeUnknown when nobody can say, and ValueError or
        asyncpg.DataError for an event that PostgreSQL does not take.
        """
        try:
            async with asyncio.timeout(_UNKNOWN_AFTER_S):
                columns = await self._columns(connection, batch)
        except CONNECTION_ERRORS as error:
            connection.terminate()
            raise LogUnavailable(f"PostgreSQL was lost before the event log was written: {said(error)}") from error
        except asyncpg.PostgresError as error:
            self._names = _KeptNames()  # the tables may have been made anew under this connection
            raise _refused(connection, error) from error
        self._is_unreplicated = False
        try:
            async with asyncio.timeout(_UNKNOWN_AFTER_S):
                first = int(await connection.fetchval(_APPEND, len(columns[0]), *columns, LOG_CHANNEL))
        except CONNECTION_ERRORS as error:
            connection.terminate()
            raise OutcomeUnknown(f"PostgreSQL was lost while the event log was written: {said(error)}") from error
        except asyncpg.PostgresError as error:
            self._names = _KeptNames()  # the tables may have been made anew under this connection
            raise _refused(connection, error) from error
        if self._is_unreplicated:
            raise OutcomeUnknown("Somebody cancelled the wait for a synchronous replica, which may lack the events.")
        return first

    async def _columns(self, connection: Connection, batch: list[WaitingAppend]) -> list[list[Any]]:
        """A batch as the columns of `_APPEND`."""
        events = [event for append in batch for event in append.events]
        streams = await self._names.streams.numbers(connection, {event.stream for event in events})
        actors = await self._names.actors.numbers(connection, {event.actor for event in events})
        kinds = [(event.payload.event_type, event.payload.event_version) for event in events]
        types = await self._names.types.numbers(connection, set(kinds))
        payloads = [self._stored(payload) for append in batch for payload in append.encoded]
        return [
            [streams[event.stream] for event in events],
            [event.time_us for event in events],
            [actors[event.actor] for event in events],
            [types[kind] for kind in kinds],
            [UUID(event.id) for event in events],
            [event.request_id for event in events],
            payloads,
            [_checksum(event, payload) for event, payload in zip(events, payloads, strict=True)],
        ]

    def _stored(self, payload: bytes) -> bytes:
        return self._compressor.compress(payload) if len(payload) >= _COMPRESS_FROM_BYTES else payload

    def _settle(self, batch: list[WaitingAppend], outcome: "int | Exception") -> None:
        """Answer a batch: `outcome` is its first offset, or why it is not in the log."""
        for append in batch:
            self._waiting_bytes -= append.size
        if isinstance(outcome, Exception):
            self._trusted_until_s = 0.0
            refuse(batch, outcome)
            return
        offset = confirm(batch, outcome)
        self._hear(offset)


def _checksum(event: EventData, payload: bytes) -> int:
    """Of an event that has no offset yet; the statement that gives it one mixes it in."""
    kind = event.payload
    return checksum(
        0,
        event.id,
        kind.event_type,
        kind.event_version,
        event.stream,
        event.time_us,
        event.actor,
        event.request_id,
        payload,
    )


async def _connect_to_append(dsn: str) -> Connection:
    timeout_ms = f"{_APPEND_TIMEOUT_S * 1000:.0f}"
    return await connect(dsn, {"statement_timeout": timeout_ms, "client_min_messages": "warning"})


def _refused(connection: Connection, error: asyncpg.PostgresError) -> Exception:
    """What an error means that PostgreSQL answered a statement with: it has undone the statement.

    Unless it ended the session: then it may have done so after the commit.
    """
    if isinstance(error, asyncpg.DataError):
        return error
    if error.severity_en != "ERROR":
        connection.terminate()
        return OutcomeUnknown(f"PostgreSQL ended the session while the event log was written: {said(error)}")
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        connection.terminate()  # a replica now; the URL may name another host to find
    return LogUnavailable(f"The event log cannot take events now: {said(error)}")
