"""The event log in PostgreSQL: one partition, any number of appending processes, offsets without gaps.

Why the offsets have no gaps: the table `log_end` has one row, the offset of the next event. An append moves it
and inserts its events in one statement, which is a transaction of its own. Moving it locks the row until the
transaction ends, so appends commit one after another, in the order of their offsets; one that rolls back puts the row
back to where it was, and the next takes the same offsets. A sequence would do neither: it is not rolled back, and the
owner of the lower offsets may commit after a reader has passed them.

One statement, so that no client can stall, or die, while it holds the row: the server has all it needs to finish.
What the row costs, one commit at a time, is shared: appends that arrive while a commit is flushed go together into the
next one (`event_log.group_commit`), and several processes take turns.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

import asyncpg
from asyncpg.pgproto.pgproto import UUID

from event_log.checksum import checksum
from event_log.group_commit import GroupCommit, WaitingAppend, WaitingBytes
from event_log.port import EVERY_EVENT, EventFilter, EventLog, LogUnavailable, OutcomeUnknown
from event_log.postgresql.connection import Connection, SteadyConnection, connect
from event_log.postgresql.control_schema import ensure_control_schema
from event_log.postgresql.interned import InternedOfLog
from event_log.single_partition import READ_BYTES, TRUSTED_S, SinglePartitionReader, positions
from event_log.stored_event import stored_event
from event_log.stored_payload import MAX_EVENT_BYTES, EncodedEvent, encoded, stored
from schemas.damaged_event import MISSING, damaged_event
from schemas.envelope import PARTITION, EventData, Position, Positions, RecordedEvent
from schemas.postgresql import LOG_CHANNEL
from schemas.postgresql_errors import CONNECTION_ERRORS, UNANSWERED_ERRORS, describe_error

logger = logging.getLogger(__name__)

_READ_STORED_BYTES: Final = 2 * 1024 * 1024
"""Of payloads as they are stored, in one answer of PostgreSQL."""

_APPEND_TIMEOUT_S: Final = 4.0
"""An append that still waits for its turn after this long is undone by PostgreSQL, and may be repeated."""
_UNKNOWN_AFTER_S: Final = 6.0
"""After so long without an answer the outcome of an append is unknown."""
_READ_TIMEOUT_S: Final = 30.0
_END_TIMEOUT_S: Final = 2.0

_RETRY_S: Final = 0.25
"""Between attempts to connect while PostgreSQL is away."""
_POLL_S: Final = 0.5
"""How often a waiting reader asks for the end while it gets no notifications."""
_POLL_WHILE_LISTENING_S: Final = 5.0
"""How often it asks all the same while it does: a connection may be broken without either side knowing."""

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
"""Where in PostgreSQL the warning arises that a commit may not be on the replica; the warning's text is translated."""

_IDENTITY: Final = "SELECT id FROM tracklog.log_identity"
_DAMAGE: Final = (
    asyncpg.DataCorruptedError,
    asyncpg.IndexCorruptedError,
    asyncpg.InternalServerError,  # as of a value whose parts are not where they were put
    asyncpg.CharacterNotInRepertoireError,
    UnicodeDecodeError,
)
"""The errors of a page, a value or a text that is not what was written."""

_TOUCH_END: Final = "UPDATE tracklog.log_end SET next_offset = next_offset WHERE partition = 0"

_END: Final = "SELECT next_offset FROM tracklog.log_end WHERE partition = 0"

_COLUMNS: Final = '"offset", id, type, stream, time_us, actor, request_id, payload, checksum'
_READ: Final = f"""
SELECT {_COLUMNS} FROM (
  SELECT {_COLUMNS}, sum(octet_length(payload)) OVER (ORDER BY "offset") - octet_length(payload) AS bytes_before
  FROM tracklog.events WHERE "offset" >= $1 AND "offset" < $2
) AS bounded WHERE bytes_before < $3 ORDER BY "offset"
"""

_READ_AT: Final = _READ.replace('"offset" >= $1 AND "offset" < $2', '"offset" = ANY($1)').replace("$3", "$2")
_DAMAGED_AT_ONCE: Final = 100
"""Of a table that is damaged, events are read one by one: so many in an answer."""


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


class PostgresqlEventLogReader(SinglePartitionReader):
    """Reads a log that this or other processes append to, on connections of its own: one to read, one to ask for the
    end, and, once `wait_for_more` was called, one that is notified of growth.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._reading = SteadyConnection(dsn, _READ_TIMEOUT_S)
        self._asking = SteadyConnection(dsn, _END_TIMEOUT_S)
        self._read_interned = InternedOfLog()
        self._known_end = 0
        self._grown = asyncio.Event()
        self._is_listening = False
        self._listener: asyncio.Task[None] | None = None

    async def identity(self) -> str:
        async with self._asking.borrow() as connection:
            return str(await connection.fetchval(_IDENTITY))

    async def end(self) -> Positions:
        async with self._asking.borrow() as connection:
            return {PARTITION: await connection.fetchval(_END)}

    async def wait_for_more(self, end: Positions, timeout_s: float) -> None:
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        now = asyncio.get_running_loop().time
        deadline = now() + timeout_s
        while self._known_end <= end[PARTITION] and (left_s := deadline - now()) > 0:
            self._grown.clear()
            try:
                async with asyncio.timeout(min(_POLL_WHILE_LISTENING_S if self._is_listening else _POLL_S, left_s)):
                    await self._grown.wait()
            except TimeoutError:
                await self._ask_for_end()

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.wait([self._listener])
        await self._reading.close()
        await self._asking.close()

    async def _read(self, offset: int, limit: int, matching: EventFilter) -> list[RecordedEvent]:
        async with self._reading.borrow() as connection:
            self._read_interned.belong_to(connection)
            try:
                rows = await self._select(connection, offset, limit, matching)
                if matching != EVERY_EVENT or not self._are_missing(rows, offset):
                    return await self._recorded(connection, rows)
            except _DAMAGE as error:
                logger.error("the event log has a damaged part after offset %d: %s", offset, describe_error(error))
            return await self._one_by_one(connection, offset, limit, matching)

    async def read_at(self, partition: int, offsets: Sequence[int]) -> list[RecordedEvent]:
        if partition != PARTITION:
            return []
        async with self._reading.borrow() as connection:
            self._read_interned.belong_to(connection)
            try:
                rows = await connection.fetch(_READ_AT, list(offsets), _READ_STORED_BYTES)
                return await self._recorded(connection, rows)
            except _DAMAGE as error:
                logger.error("the event log has a damaged part after offset %d: %s", offsets[0], describe_error(error))
            return [await self._one(connection, offset) for offset in offsets[:_DAMAGED_AT_ONCE]]

    def _note_end(self, end: int) -> None:
        self._known_end = max(self._known_end, end)
        self._grown.set()

    def _on_notification(self, _connection: object, _pid: int, _channel: str, end: object) -> None:
        self._note_end(int(str(end)))

    async def _ask_for_end(self) -> None:
        try:
            self._note_end((await self.end())[PARTITION])
        except LogUnavailable:
            return  # the wait goes on, and `read` raises it

    async def _listen(self) -> None:
        """Get notifications of the log's growth, on a connection that is made again whenever it is lost."""
        while True:
            try:
                connection = await connect(self._dsn, {})
            except LogUnavailable:
                await asyncio.sleep(_POLL_S)
                continue
            try:
                lost = asyncio.Event()
                connection.add_termination_listener(lambda _, lost=lost: lost.set())
                await connection.add_listener(LOG_CHANNEL, self._on_notification)
                self._note_end(await connection.fetchval(_END))  # growth from before the notifications
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
            return []  # PostgreSQL stores no such text
        conditions = ['"offset" >= $1']
        parameters: list[Any] = [offset]
        if matching.stream is not None:
            stream = await self._read_interned.streams.known(connection, matching.stream)
            if stream is None:
                return []
            parameters.append(stream)
            conditions.append(f"stream = ${len(parameters)}")
        for sql, value in (
            ("type IN (SELECT number FROM tracklog.event_types WHERE type = ?)", matching.event_type),
            ('actor IN (SELECT number FROM tracklog.actors WHERE "user" = ?)', matching.actor),
            ("time_us >= ?::numeric", matching.since_us),
            ("time_us < ?::numeric", matching.until_us),
            ('"offset" < ?::bigint', matching.before_offset),
        ):
            if value is not None:
                parameters.append(value)
                conditions.append(sql.replace("?", f"${len(parameters)}"))
        found = f'SELECT "offset" FROM tracklog.events WHERE {" AND ".join(conditions)}'
        if matching.stream is not None:
            # Otherwise PostgreSQL, which does not know how sparse a stream is, may go through all events in order.
            found = f'WITH found AS MATERIALIZED ({found}) SELECT "offset" FROM found'
        first = f'{found} ORDER BY "offset" LIMIT ${len(parameters) + 1}'
        offsets = [row[0] for row in await connection.fetch(first, *parameters, limit)]
        return await connection.fetch(_READ_AT, offsets, _READ_STORED_BYTES)

    async def _recorded(self, connection: Connection, rows: Sequence[asyncpg.Record]) -> list[RecordedEvent]:
        types = await self._read_interned.types.values(connection, {row[2] for row in rows})
        streams = await self._read_interned.streams.values(connection, {row[3] for row in rows})
        actors = await self._read_interned.actors.values(connection, {row[5] for row in rows})
        found: list[RecordedEvent] = []
        size = 0
        for offset, event_id, type_number, stream, time_us, actor, request_id, payload, stored_checksum in rows:
            event_type, version = types.get(type_number, ("", 0))
            made_by = actors.get(actor)
            found.append(
                stored_event(
                    offset,
                    event_id.bytes,
                    event_type,
                    version,
                    streams.get(stream),
                    time_us,
                    None if made_by is None else made_by.user,
                    "" if made_by is None else made_by.address,
                    "" if made_by is None else made_by.user_agent,
                    request_id,
                    payload,
                    stored_checksum,
                )
            )
            size += len(found[-1].payload)
            if size > READ_BYTES:
                break
        return found

    async def _one_by_one(
        self, connection: Connection, offset: int, limit: int, matching: EventFilter
    ) -> list[RecordedEvent]:
        """As `read`, where tables are damaged: an event that cannot be read is damaged, and hides no other."""
        end: int = await connection.fetchval(_END)
        found: list[RecordedEvent] = []
        size = 0
        while offset < end and len(found) < limit and size <= READ_BYTES:
            event = await self._one(connection, offset)
            if matching.matches(event):
                found.append(event)
                size += len(event.payload)
            offset += 1
        return found

    def _are_missing(self, rows: Sequence[asyncpg.Record], offset: int) -> bool:
        """Whether events are gone from `rows`, read without a filter from `offset` on: offsets have no gaps."""
        if not rows:
            return offset < self._known_end
        return any(row[0] != expected for expected, row in enumerate(rows, offset))

    async def _one(self, connection: Connection, offset: int) -> RecordedEvent:
        try:
            found = await self._recorded(
                connection, await connection.fetch(_READ, offset, offset + 1, _READ_STORED_BYTES)
            )
        except _DAMAGE as error:
            return damaged_event(PARTITION, offset, f"PostgreSQL cannot read it: {describe_error(error)}")
        return found[0] if found else damaged_event(PARTITION, offset, MISSING)


class PostgresqlEventLog(PostgresqlEventLogReader, EventLog):
    """One of the log's writers: one connection, and one append statement under way for all appends that waited.

    While PostgreSQL is known to be away every append is refused at once, and a task tries to reach it again.
    """

    def __init__(self, dsn: str, connection: Connection) -> None:
        super().__init__(dsn)
        self._connection: Connection | None = connection
        self._away: str | None = None
        self._is_unreplicated = False
        self._interned = InternedOfLog()
        self._appends: GroupCommit[EncodedEvent] = GroupCommit(
            WaitingBytes("the event log", max_append_bytes=MAX_EVENT_BYTES)
        )
        self._appended = asyncio.Event()
        self._trusted_until_s = 0.0
        self._is_closing = False
        self._reconnecting: asyncio.Task[None] | None = None
        self._writer = asyncio.create_task(self._write())

    @classmethod
    async def open(cls, dsn: str) -> "PostgresqlEventLog":
        """The log, whose tables must exist. Raises LogUnavailable."""
        return cls(dsn, await _connect_to_append(dsn))

    async def append(self, events: Sequence[EventData]) -> list[Position]:
        if self._away is not None:
            raise LogUnavailable(self._away)
        appended = self._appends.append(*encoded(events))
        self._appended.set()
        return positions(await appended, len(events))

    async def check_appendable(self) -> None:
        """By a commit that sets the log's end to what it is; its success counts for a while."""
        now_s = asyncio.get_running_loop().time()
        if now_s < self._trusted_until_s:
            return
        async with self._asking.borrow() as connection:
            await connection.execute(_TOUCH_END)
        self._trusted_until_s = now_s + TRUSTED_S

    async def close(self) -> None:
        self._is_closing = True
        self._appended.set()
        await self._writer
        if self._reconnecting is not None:
            self._reconnecting.cancel()
            await asyncio.wait([self._reconnecting])
        if self._connection is not None:
            self._connection.terminate()
        await super().close()

    async def _write(self) -> None:
        """The writer task: commits the waiting appends, until the log is closed and none waits any more."""
        while not self._is_closing or self._appends:
            await self._appended.wait()
            self._appended.clear()
            while batch := self._appends.take():
                await self._commit(batch)

    async def _commit(self, batch: list[WaitingAppend[EncodedEvent]]) -> None:
        """Put a batch in the log and answer it. What cannot be written is refused without those it came with."""
        try:
            connection = await self._connected()
            first = await self._insert(connection, batch)
        except (ValueError, asyncpg.DataError) as error:
            if len(batch) > 1:
                self._appends.put_back(batch, singly=True)
            else:
                self._refuse(
                    batch, LogUnavailable(f"The event log could not write this request: {describe_error(error)}")
                )
        except Exception as error:  # the writer must live on, and every waiting append must be answered
            self._refuse(batch, error)
        else:
            self._note_end(self._appends.confirm(batch, first))

    async def _connected(self) -> Connection:
        """The connection; once lost it is tried once here, then in the background. Raises LogUnavailable."""
        if self._away is not None:
            raise LogUnavailable(self._away)
        if self._connection is None or self._connection.is_closed():
            try:
                self._connection = await _connect_to_append(self._dsn)
            except LogUnavailable as error:
                self._away = error.message
                self._reconnecting = asyncio.create_task(self._reconnect())
                raise
        if self._connection is not self._interned.connection:
            self._interned.belong_to(self._connection)
            try:
                self._connection.add_log_listener(self._warned)
            except asyncpg.InterfaceError as error:  # it ended as soon as it was made
                raise LogUnavailable(
                    f"PostgreSQL was lost before the event log was written: {describe_error(error)}"
                ) from error
        return self._connection

    def _warned(self, _: object, message: asyncpg.PostgresLogMessage) -> None:
        """PostgreSQL reports by a warning alone that a commit's wait for a synchronous replica was cancelled."""
        if message.server_source_function == _WAIT_FOR_REPLICA:
            self._is_unreplicated = True

    async def _reconnect(self) -> None:
        """Try to reach PostgreSQL until it answers again."""
        while self._away is not None:
            await asyncio.sleep(_RETRY_S)
            try:
                self._connection = await _connect_to_append(self._dsn)
            except LogUnavailable as error:
                self._away = error.message
            else:
                self._away = None

    async def _insert(self, connection: Connection, batch: list[WaitingAppend[EncodedEvent]]) -> int:
        """The first offset of a batch that is durable now.

        Raises LogUnavailable when nothing of it is there, OutcomeUnknown when that cannot be known, and ValueError or
        asyncpg.DataError for an event that PostgreSQL does not take.
        """
        try:
            async with asyncio.timeout(_UNKNOWN_AFTER_S):
                columns = await self._columns(connection, batch)
        except CONNECTION_ERRORS as error:
            connection.terminate()
            raise LogUnavailable(
                f"PostgreSQL was lost before the event log was written: {describe_error(error)}"
            ) from error
        except asyncpg.PostgresError as error:
            self._interned = InternedOfLog()  # the tables may have been created again under this connection
            raise _refused(connection, error) from error
        self._is_unreplicated = False
        try:
            async with asyncio.timeout(_UNKNOWN_AFTER_S):
                first = int(await connection.fetchval(_APPEND, len(columns[0]), *columns, LOG_CHANNEL))
        except CONNECTION_ERRORS as error:
            connection.terminate()
            raise OutcomeUnknown(
                f"PostgreSQL was lost while the event log was written: {describe_error(error)}"
            ) from error
        except asyncpg.PostgresError as error:
            self._interned = InternedOfLog()  # the tables may have been created again under this connection
            raise _refused(connection, error) from error
        if self._is_unreplicated:
            raise OutcomeUnknown("The wait for a synchronous replica, which may lack the events, was cancelled.")
        return first

    async def _columns(self, connection: Connection, batch: list[WaitingAppend[EncodedEvent]]) -> list[list[Any]]:
        """A batch as the columns of `_APPEND`."""
        encoded_events = [one for append in batch for one in append.events]
        events = [event for event, _ in encoded_events]
        streams = await self._interned.streams.numbers(connection, {event.stream for event in events})
        actors = await self._interned.actors.numbers(connection, {event.actor for event in events})
        kinds = [(event.payload.event_type, event.payload.event_version) for event in events]
        types = await self._interned.types.numbers(connection, set(kinds))
        payloads = [stored(payload) for _, payload in encoded_events]
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

    def _refuse(self, batch: list[WaitingAppend[EncodedEvent]], error: Exception) -> None:
        self._trusted_until_s = 0.0
        self._appends.refuse(batch, error)


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
    """The meaning of an error with which PostgreSQL answered a statement: it has undone the statement.

    Unless it ended the session: then it may have done so after the commit.
    """
    if isinstance(error, asyncpg.DataError):
        return error
    if error.severity_en != "ERROR":
        connection.terminate()
        return OutcomeUnknown(f"PostgreSQL ended the session while the event log was written: {describe_error(error)}")
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        connection.terminate()  # a replica now; the URL may name another host to find
    return LogUnavailable(f"The event log cannot take events now: {describe_error(error)}")
