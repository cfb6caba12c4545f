"""The event log in one SQLite file: one partition, one writing process, group commit, fsynced before the answer."""

import asyncio
import fcntl
import logging
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, Final, Self, TypeVar

import zstandard

from event_log.checksum import checksum
from event_log.group_append import WaitingAppend, confirm, refuse
from event_log.port import (
    EVERY_EVENT,
    DamagedLog,
    EventFilter,
    EventLog,
    EventLogReader,
    EventTooLarge,
    ForeignLog,
    LogInUse,
    LogOverloaded,
    LogReplaced,
    LogUnavailable,
    OutcomeUnknown,
)
from event_log.stored_event import MAX_EVENT_BYTES, stored_event
from schemas import codec
from schemas.damaged_event import damaged_event
from schemas.envelope import PARTITION, Actor, EventData, Position, Positions, RecordedEvent
from schemas.sqlite_errors import is_damage

logger = logging.getLogger(__name__)

T = TypeVar("T")
K = TypeVar("K")

APPLICATION_ID: Final = 0x54524C47
"""'TRLG', in the header of every log file: how a log is told from any other SQLite file without opening it."""

FORMAT_VERSION: Final = 2
"""2 brought the log's identity, and a checksum for each event. A log of format 1 is upgraded when it is opened to
write; the events it has by then keep none."""

_FORMAT_WITH_IDENTITY: Final = 2

MAX_WAITING_BYTES: Final = 32 * 1024 * 1024
"""Appends beyond this are refused until the disk has caught up, so that overload costs a 429, not memory."""

_MAX_COMMIT_EVENTS: Final = 4096
_HAND_OVER_APPENDS: Final = 8
"""So many are handed to the writer before the event loop's turn ends: the disk then works while the loop goes on, and
clients that were answered together do not stay in step and leave one of the two idle."""
_COMPRESS_FROM_BYTES: Final = 512
"""Below this a zstd frame saves little and costs more than the write."""
_READ_BYTES: Final = 4 * 1024 * 1024
_POLL_S: Final = 0.1
"""How often a reader in another process looks at SQLite's change counter when nobody wakes it."""
_TRUSTED_S: Final = 5.0
"""For so long after a commit the log is taken to be able to make another: whoever asks often costs no write each time.
"""
_INTERNED: Final = 20_000
"""Streams, and actors, whose number is remembered: some 10 MB of each when all are as long as they may be."""

_SCHEMA: Final = """
CREATE TABLE streams (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE actors (
  number INTEGER PRIMARY KEY, user TEXT NOT NULL, address TEXT NOT NULL, user_agent TEXT NOT NULL,
  UNIQUE (user, address, user_agent)
);
CREATE TABLE events (
  "offset" INTEGER PRIMARY KEY, id BLOB NOT NULL, type TEXT NOT NULL, version INTEGER NOT NULL,
  stream INTEGER NOT NULL, time_us INTEGER NOT NULL, actor INTEGER NOT NULL, request_id TEXT NOT NULL,
  payload BLOB NOT NULL, checksum INTEGER
);
CREATE INDEX events_by_stream ON events (stream);
"""
_IDENTITY_SCHEMA: Final = "CREATE TABLE log_identity (id BLOB NOT NULL, created_us INTEGER NOT NULL)"

_INSERT: Final = "INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?,?)"
_SELECT: Final = """
SELECT e."offset", e.id, e.type, e.version, s.name, e.time_us, a.user, a.address, a.user_agent, e.request_id, e.payload,
  {checksum}
FROM events e LEFT JOIN streams s ON s.number = e.stream LEFT JOIN actors a ON a.number = e.actor
WHERE e."offset"
"""


def check_is_log(path: Path) -> bool:
    """Whether `path` holds a log (True) or nothing yet (False). Reads the file's header and touches nothing.

    Raises ForeignLog when it holds anything else.
    """
    try:
        header = _head(path)
    except FileNotFoundError:
        return False
    if not header:
        return False
    application_id = int.from_bytes(header[68:72], "big")
    if not header.startswith(b"SQLite format 3\0") or application_id != APPLICATION_ID:
        raise ForeignLog(f"{path} is not a Tracklog event log; it was left untouched. Name another file.")
    version = int.from_bytes(header[60:64], "big")
    if version > FORMAT_VERSION:
        raise ForeignLog(
            f"{path} was written by a newer Tracklog (log format {version}, this one knows {FORMAT_VERSION})."
        )
    return True


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(100)


class SqliteEventLogReader(EventLogReader):
    """Reads a log file that this or another process writes.

    `executor` None runs reads on the calling thread, for a process that does nothing else meanwhile.
    `wake` is called by whoever knows that the log has grown; without it changes are noticed within 0.1 s.
    """

    def __init__(self, path: Path, executor: Executor | None = None) -> None:
        self._connection = sqlite3.connect(
            f"file:{_uri_path(path)}?mode=ro", uri=True, check_same_thread=False, isolation_level=None
        )
        self._path = path
        self._file = _file_at(path)
        self._reading = threading.Lock()
        self._executor = executor
        with _damage(path):
            has_checksums = _format_of(self._connection) >= _FORMAT_WITH_IDENTITY
        self._select_events = _SELECT.format(checksum="e.checksum" if has_checksums else "NULL")
        self._grown = asyncio.Event()
        self._is_woken = False

    def wake(self) -> None:
        """Tell waiting readers that the log may have grown."""
        self._is_woken = True
        self._grown.set()

    async def identity(self) -> str:
        return await self._run(self._select_identity)

    async def partitions(self) -> Sequence[int]:
        return (PARTITION,)

    def partition_of(self, ordering_unit: str) -> int:
        return PARTITION

    async def end(self) -> Positions:
        return {PARTITION: await self._run(self._select_end)}

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
        return await self._run(lambda: self._select(offset, limit, matching))

    async def wait_for_more(self, end: Positions, timeout_s: float) -> None:
        deadline = asyncio.get_running_loop().time() + timeout_s
        while (left_s := deadline - asyncio.get_running_loop().time()) > 0:
            self._grown.clear()  # before the look, so that growth after it is not missed
            if (await self.end())[PARTITION] > end[PARTITION]:
                return
            try:
                async with asyncio.timeout(left_s if self._is_woken else min(_POLL_S, left_s)):
                    await self._grown.wait()
            except TimeoutError:
                continue

    async def close(self) -> None:
        with self._reading:
            self._connection.close()

    async def _run(self, call: Callable[[], T]) -> T:
        try:
            if self._executor is None:
                return call()
            return await asyncio.get_running_loop().run_in_executor(self._executor, call)
        except sqlite3.DatabaseError as error:
            raise LogUnavailable(f"The event log {self._path} cannot be read: {error}") from error

    def _select_identity(self) -> str:
        if _file_at(self._path) != self._file:
            raise LogReplaced(_replaced(self._path))
        with self._reading:
            return str(uuid.UUID(bytes=_identity_in(self._connection)))

    def _select_end(self) -> int:
        with self._reading:
            return int(self._connection.execute('SELECT coalesce(max("offset") + 1, 0) FROM events').fetchone()[0])

    def _select(self, offset: int, limit: int, matching: EventFilter) -> list[RecordedEvent]:
        with self._reading:
            try:
                found = self._in_one_statement(offset, limit, matching)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                found = None
        return found if found is not None else self._one_by_one(offset, limit, matching)

    def _in_one_statement(self, offset: int, limit: int, matching: EventFilter) -> list[RecordedEvent] | None:
        """Events as `read` answers them; None when one is not there, which no filter explains."""
        sql, parameters = _filtered(matching)
        expected = offset if matching == EVERY_EVENT else None
        found: list[RecordedEvent] = []
        size = 0
        for row in self._connection.execute(
            f'{self._select_events} >= ?{sql} ORDER BY e."offset" LIMIT ?', (offset, *parameters, limit)
        ):
            if expected is not None:
                if row[0] != expected:
                    return None
                expected += 1
            found.append(stored_event(*row))
            size += len(found[-1].payload)
            if size > _READ_BYTES:
                break
        return found

    def _one_by_one(self, offset: int, limit: int, matching: EventFilter) -> list[RecordedEvent]:
        """As `read`, where the file is damaged: what cannot be read is told by its offset, and the others are read."""
        end = self._select_end()
        found: list[RecordedEvent] = []
        size = 0
        while offset < end and len(found) < limit and size <= _READ_BYTES:
            with self._reading:
                event = self._one(offset)
            if matching.matches(event):
                found.append(event)
                size += len(event.payload)
            offset += 1
        return found

    def _one(self, offset: int) -> RecordedEvent:
        # A text that is none would end the statement: it is decoded here, strictly where no checksum would tell.
        self._connection.text_factory = bytes
        try:
            row = self._connection.execute(f"{self._select_events} = ?", (offset,)).fetchone()
            if row is None:
                return damaged_event(PARTITION, offset, "it is not in the file, and later ones are")
            errors = "strict" if row[-1] is None else "replace"
            texts = {index: row[index].decode("utf-8", errors) for index in _TEXTS if row[index] is not None}
            return stored_event(*(texts.get(index, value) for index, value in enumerate(row)))
        except (UnicodeDecodeError, AttributeError) as error:
            return damaged_event(PARTITION, offset, f"its text is none: {error}")
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            return damaged_event(PARTITION, offset, f"SQLite cannot read it: {error}")
        finally:
            self._connection.text_factory = str


_TEXTS: Final = (2, 4, 6, 7, 8, 9)
"""The columns of `_SELECT` that hold text."""


def _filtered(matching: EventFilter) -> tuple[str, list[Any]]:
    conditions = (
        (" AND s.name = ?", matching.stream),
        (" AND e.type = ?", matching.event_type),
        (" AND a.user = ?", matching.actor),
        (" AND e.time_us >= ?", matching.since_us),
        (" AND e.time_us < ?", matching.until_us),
    )
    wanted = [(sql, value) for sql, value in conditions if value is not None]
    return "".join(sql for sql, _ in wanted), [value for _, value in wanted]


class SqliteEventLog(SqliteEventLogReader, EventLog):
    """The one writer of a log file, in a thread of its own.

    While one transaction is being flushed the next requests gather, and go to the disk together: one fsync
    (about 0.2 ms) is shared by all of them, which is what makes a durable answer cheap under load.
    """

    def __init__(self, path: Path, lock: IO[str], executor: Executor) -> None:
        super().__init__(path, executor)
        self._lock = lock
        self._writer = _Writer(path)
        self._end = self._writer.next_offset
        self._gathering: list[WaitingAppend] = []
        self._waiting_bytes = 0
        self._trusted_until_s = 0.0
        self._queue: SimpleQueue[list[WaitingAppend] | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._listeners: list[Callable[[int], None]] = []
        self._thread = threading.Thread(target=self._write, name="event-log-writer")
        self._thread.start()

    @classmethod
    def open(cls, path: Path, executor: Executor) -> Self:
        """Open the log at `path`, or give birth to it. Must be called in a running event loop.

        Raises ForeignLog, or LogInUse when another process has it open for writing.
        """
        is_log = check_is_log(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _take_lock(path)
        try:
            if is_log:
                with _damage(path):
                    _upgrade(path)
            else:
                _create(path)
            with _damage(path):
                return cls(path, lock, executor)
        except BaseException:
            lock.close()
            raise

    @property
    def newest_end(self) -> int:
        """The offset after the last durable event, as `end` tells it."""
        return self._end

    def on_growth(self, listener: Callable[[int], None]) -> None:
        """Call `listener` with the new end after every commit, on the event loop's thread."""
        self._listeners.append(listener)

    async def append(self, events: Sequence[EventData]) -> list[Position]:
        encoded = [codec.encode(event.payload) for event in events]
        size = sum(map(len, encoded))
        if size > MAX_EVENT_BYTES:
            raise EventTooLarge(
                f"The request makes {size} bytes of events; at most {MAX_EVENT_BYTES} fit in one append."
            )
        if self._waiting_bytes + size > MAX_WAITING_BYTES and self._waiting_bytes:
            raise LogOverloaded(f"{self._waiting_bytes} bytes already wait for the event log; try again.")
        self._waiting_bytes += size
        done: asyncio.Future[list[Position]] = self._loop.create_future()
        if not self._gathering:
            # What one turn of the event loop brings goes to the thread in one hand-over.
            self._loop.call_soon(self._hand_over)
        self._gathering.append(WaitingAppend(events, encoded, size, done))
        if len(self._gathering) >= _HAND_OVER_APPENDS:
            self._hand_over()
        return await done

    async def end(self) -> Positions:
        return {PARTITION: self._end}

    async def check_appendable(self) -> None:
        """By a commit that changes nothing: whether there is room for one, nobody knows before it."""
        if self._loop.time() < self._trusted_until_s:
            return
        tried: asyncio.Future[list[Position]] = self._loop.create_future()
        self._queue.put([WaitingAppend((), [], 0, tried)])
        try:
            await tried
        except OutcomeUnknown as error:
            raise LogUnavailable(error.message) from error

    async def close(self) -> None:
        self._hand_over()
        await super().close()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        # Lets the callbacks of the last commits run, so that no answer is lost.
        await asyncio.sleep(0)
        self._lock.close()

    def _hand_over(self) -> None:
        if self._gathering:
            self._queue.put(self._gathering)
            self._gathering = []

    def _write(self) -> None:
        """The thread: commits what is queued until told to stop."""
        while (batch := self._next_batch()) is not None:
            outcome = self._writer.commit(batch)
            self._loop.call_soon_threadsafe(self._settle, batch, outcome)
        self._writer.close()

    def _next_batch(self) -> list[WaitingAppend] | None:
        batch = self._queue.get()
        while batch is not None and len(batch) < _MAX_COMMIT_EVENTS and not self._queue.empty():
            more = self._queue.get()
            if more is None:
                self._queue.put(None)
                break
            batch = batch + more
        return batch

    def _settle(self, batch: list[WaitingAppend], outcome: "int | Exception") -> None:
        """Answer a batch: `outcome` is its first offset, or why it is not in the log."""
        for append in batch:
            self._waiting_bytes -= append.size
        if isinstance(outcome, Exception):
            self._trusted_until_s = 0.0
            refuse(batch, outcome)
            return
        self._trusted_until_s = self._loop.time() + _TRUSTED_S
        offset = confirm(batch, outcome)
        self._end = offset
        self.wake()
        for listener in self._listeners:
            listener(offset)


class _Writer:
    """The writing connection, used by the writer thread alone once it runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file = _file_at(path)
        run = self._connection.execute
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run("PRAGMA wal_autocheckpoint = 2000")
        run("PRAGMA journal_size_limit = 33554432")
        self.next_offset = int(run('SELECT coalesce(max("offset") + 1, 0) FROM events').fetchone()[0])
        self._streams: dict[str, int] = {}
        self._actors: dict[Actor, int] = {}
        self._compressor = zstandard.ZstdCompressor(level=1)
        self._broken: Exception | None = None
        self._replaced: str | None = None

    def commit(self, batch: Sequence[WaitingAppend]) -> "int | Exception":
        """Put a batch in the log, all of it durable when this returns the first offset; or say why it is not there."""
        if self._broken is not None:
            return LogUnavailable(f"The event log stopped taking events: {self._broken}. Restart the server.")
        if self._replaced is not None:
            return LogReplaced(self._replaced)
        run = self._connection.execute
        try:
            run("BEGIN IMMEDIATE")
            first = offset = self.next_offset
            rows: list[tuple[Any, ...]] = []
            for append in batch:
                for event, payload in zip(append.events, append.encoded, strict=True):
                    rows.append(self._row(offset, event, payload))
                    offset += 1
            if rows:
                self._connection.executemany(_INSERT, rows)
            else:
                run(f"PRAGMA user_version = {FORMAT_VERSION}")  # writes a page though it says what it said
            run("COMMIT")
        except Exception as error:  # the thread must live, and whoever waits must hear of it
            return self._failed(error)
        self.next_offset = offset
        if _file_at(self._path) != self._file:
            # What was written is in a file that nobody will open again, or was when the file was taken away.
            self._replaced = _replaced(self._path)
            return OutcomeUnknown(self._replaced)
        return first

    def close(self) -> None:
        # Other processes may read on, and then SQLite would leave the write-ahead log as large as it ever was.
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    def _row(self, offset: int, event: EventData, payload: bytes) -> tuple[Any, ...]:
        if len(payload) >= _COMPRESS_FROM_BYTES:
            payload = self._compressor.compress(payload)
        kind, stream, actor, time_us = event.payload, event.stream, event.actor, event.time_us
        event_id, event_type, version, request_id = event.id, kind.event_type, kind.event_version, event.request_id
        return (
            offset,
            event_id,
            event_type,
            version,
            self._streams.get(stream) or self._stream(stream),
            time_us,
            self._actors.get(actor) or self._actor(actor),
            request_id,
            payload,
            checksum(offset, event_id, event_type, version, stream, time_us, actor, request_id, payload),
        )

    def _stream(self, name: str) -> int:
        self._connection.execute("INSERT OR IGNORE INTO streams (name) VALUES (?)", (name,))
        number = int(self._connection.execute("SELECT number FROM streams WHERE name = ?", (name,)).fetchone()[0])
        return _intern(self._streams, name, number)

    def _actor(self, actor: Actor) -> int:
        values = (actor.user, actor.address, actor.user_agent)
        self._connection.execute("INSERT OR IGNORE INTO actors (user, address, user_agent) VALUES (?,?,?)", values)
        sql = "SELECT number FROM actors WHERE user = ? AND address = ? AND user_agent = ?"
        return _intern(self._actors, actor, int(self._connection.execute(sql, values).fetchone()[0]))

    def _failed(self, error: Exception) -> Exception:
        # Numbers interned by the lost transaction are not in the file.
        self._streams.clear()
        self._actors.clear()
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as rollback_error:
            self._broken = rollback_error
        if not isinstance(error, sqlite3.Error):
            logger.error("the event log could not write a batch: %r", error, exc_info=error)
            return LogUnavailable("The event log could not write this request.")
        if error.sqlite_errorname in ("SQLITE_FULL", "SQLITE_BUSY", "SQLITE_NOMEM"):
            return LogUnavailable(f"The event log cannot take events now: {error}")
        if error.sqlite_errorname == "SQLITE_IOERR_WRITE":
            return LogUnavailable(f"The event log's disk refused a write: {error}")
        # After a failed fsync nobody can say what reached the disk, nor trust the next one.
        self._broken = error
        return OutcomeUnknown(f"The event log failed while it was being flushed: {error}")


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Say of a file that it is damaged, where SQLite does."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        raise DamagedLog(
            f"The event log {path} is damaged, and cannot be opened: {error}. Put a backup in its place; what is left"
            f" in the file can be saved by `sqlite3 {path} .recover`."
        ) from error


def _file_at(path: Path) -> tuple[int, int] | None:
    """What tells the file at `path` from every other; None when there is none."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _replaced(path: Path) -> str:
    return (
        f"The event log {path} was removed or replaced while the server had it open. Nothing is taken any more: stop"
        " the server before a backup is put back, and start it afterwards."
    )


def _intern(numbers: dict[K, int], key: K, number: int) -> int:
    if len(numbers) >= _INTERNED:
        numbers.clear()
    numbers[key] = number
    return number


def _create(path: Path) -> None:
    """Give birth to a log. It appears whole or not at all, its kind readable from the header from the first moment."""
    unborn = path.with_name(path.name + ".creating")
    unborn.unlink(missing_ok=True)
    connection = sqlite3.connect(unborn, isolation_level=None)
    with closing(connection):
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
        connection.executescript(_SCHEMA)
        _give_identity(connection, os.urandom(16))
    unborn.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _upgrade(path: Path) -> None:
    """Bring a log of an older format to this one, at once or not at all."""
    connection = sqlite3.connect(path, isolation_level=None)
    with closing(connection):
        if _format_of(connection) == FORMAT_VERSION:
            return
        connection.execute("BEGIN IMMEDIATE")
        of_first_event = _identity_in(connection)
        _give_identity(connection, of_first_event if any(of_first_event) else os.urandom(16))
        connection.execute("ALTER TABLE events ADD COLUMN checksum INTEGER")
        connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
        connection.execute("COMMIT")
        # The version is read from the head of the file itself.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _give_identity(connection: sqlite3.Connection, identity: bytes) -> None:
    connection.execute(_IDENTITY_SCHEMA)
    connection.execute("INSERT INTO log_identity VALUES (?,?)", (identity, time.time_ns() // 1000))


def _format_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _identity_in(connection: sqlite3.Connection) -> bytes:
    """The 16 bytes of a log's id. That of a log which was born in format 1 is the id of its first event."""
    if _format_of(connection) >= _FORMAT_WITH_IDENTITY:
        found = connection.execute("SELECT id FROM log_identity").fetchone()
    else:
        found = connection.execute('SELECT id FROM events WHERE "offset" = 0').fetchone()
    return bytes(found[0]) if found else bytes(16)


def _take_lock(path: Path) -> IO[str]:
    lock = path.with_name(path.name + ".lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise LogInUse(f"{path} is in use by another server (process {holder}); a log has one writer.") from error
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _uri_path(path: Path) -> str:
    """A path as SQLite's URI file names spell it."""
    return str(path.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
