"""The event log in one SQLite file: one partition, one writing process, group commit, fsynced before the answer."""

import asyncio
import json
import sqlite3
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, Final, Self, TypeVar

from event_log.forgetting import Forgetting
from event_log.group_commit import GroupCommit, WaitingAppend, WaitingBytes
from event_log.port import EVERY_EVENT, EventFilter, EventLog, LogReplaced, LogUnavailable, OutcomeUnknown
from event_log.single_partition import READ_BYTES, TRUSTED_S, SinglePartitionReader, positions
from event_log.sqlite.forgetting import carried_out
from event_log.sqlite.log_file import (
    FORMAT_WITH_IDENTITY,
    check_is_log,
    create,
    file_at,
    format_of,
    identity_in,
    replaced_message,
    reporting_damage,
    take_lock,
    upgrade,
    uri_path,
)
from event_log.sqlite.writer import SqliteWriter
from event_log.stored_event import stored_event
from event_log.stored_payload import MAX_EVENT_BYTES, EncodedEvent, encoded
from schemas.damaged_event import MISSING, damaged_event
from schemas.envelope import PARTITION, EventData, Position, Positions, RecordedEvent
from schemas.sqlite_errors import is_damage

T = TypeVar("T")


_WAKE_AFTER_APPENDS: Final = 8
"""So many are reported to the writer before the event loop's turn ends: the disk then works while the loop goes on, and
clients that were answered together do not stay in step and leave one of the two idle."""
_POLL_S: Final = 0.1
"""How often a reader that is not woken looks for growth."""
_SELECT: Final = """
SELECT e."offset", e.id, e.type, e.version, s.name, e.time_us, a.user, a.address, a.user_agent, e.request_id, e.payload,
  {checksum}
FROM events e LEFT JOIN streams s ON s.number = e.stream LEFT JOIN actors a ON a.number = e.actor
WHERE e."offset"
"""


class SqliteEventLogReader(SinglePartitionReader):
    """Reads a log file that this or another process writes.

    `executor` None runs reads on the calling thread, for a process that does nothing else meanwhile.
    Once `wake` was called, it has to be called whenever the log may have grown; until then growth is noticed
    within 0.1 s.
    """

    def __init__(self, path: Path, executor: Executor | None = None) -> None:
        self._connection = sqlite3.connect(
            f"file:{uri_path(path)}?mode=ro", uri=True, check_same_thread=False, isolation_level=None
        )
        self._path = path
        self._file = file_at(path)
        self._reading = threading.Lock()
        self._executor = executor
        with reporting_damage(path):
            has_checksums = format_of(self._connection) >= FORMAT_WITH_IDENTITY
        self._select_events = _SELECT.format(checksum="e.checksum" if has_checksums else "NULL")
        self._select_listed = (
            f'{self._select_events} IN (SELECT value FROM json_each(?)) ORDER BY e."offset"'  # in one go: half the time
        )
        self._grown = asyncio.Event()
        self._is_woken = False

    def wake(self) -> None:
        """Tell waiting readers that the log may have grown."""
        self._is_woken = True
        self._grown.set()

    async def identity(self) -> str:
        return await self._run(self._select_identity)

    async def end(self) -> Positions:
        return {PARTITION: await self._run(self._select_end)}

    async def read_at(self, partition: int, offsets: Sequence[int]) -> list[RecordedEvent]:
        return await self._run(lambda: self._select_at(offsets)) if partition == PARTITION else []

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

    async def _read(self, offset: int, limit: int, matching: EventFilter) -> list[RecordedEvent]:
        return await self._run(lambda: self._select(offset, limit, matching))

    async def _run(self, call: Callable[[], T]) -> T:
        try:
            if self._executor is None:
                return call()
            return await asyncio.get_running_loop().run_in_executor(self._executor, call)
        except sqlite3.DatabaseError as error:
            raise LogUnavailable(f"The event log {self._path} cannot be read: {error}") from error

    def _select_identity(self) -> str:
        if file_at(self._path) != self._file:
            raise LogReplaced(replaced_message(self._path))
        with self._reading:
            return str(uuid.UUID(bytes=identity_in(self._connection)))

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

    def _select_at(self, offsets: Sequence[int]) -> list[RecordedEvent]:
        end = self._select_end()
        there = [offset for offset in offsets if offset < end]
        found: list[RecordedEvent] = []
        size = 0
        with self._reading:
            try:
                for row in self._connection.execute(self._select_listed, (json.dumps(there),)):
                    if row[0] != there[len(found)]:
                        break
                    found.append(stored_event(*row))
                    size += len(found[-1].payload)
                    if size > READ_BYTES:
                        return found
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
        return found if len(found) == len(there) else self._at_one_by_one(there)

    def _at_one_by_one(self, offsets: Sequence[int]) -> list[RecordedEvent]:
        """As `read_at`, where the file is damaged."""
        found: list[RecordedEvent] = []
        size = 0
        for offset in offsets:
            if found and size > READ_BYTES:
                break
            with self._reading:
                found.append(self._one_event(offset))
            size += len(found[-1].payload)
        return found

    def _one_event(self, offset: int) -> RecordedEvent:
        try:
            row = self._connection.execute(f"{self._select_events} = ?", (offset,)).fetchone()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            row = None
        return self._one(offset) if row is None else stored_event(*row)

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
            if size > READ_BYTES:
                break
        return found

    def _one_by_one(self, offset: int, limit: int, matching: EventFilter) -> list[RecordedEvent]:
        """As `read`, where the file is damaged: an event that cannot be read is damaged, and hides no other."""
        end = self._select_end()
        found: list[RecordedEvent] = []
        size = 0
        while offset < end and len(found) < limit and size <= READ_BYTES:
            with self._reading:
                event = self._one(offset)
            if matching.matches(event):
                found.append(event)
                size += len(event.payload)
            offset += 1
        return found

    def _one(self, offset: int) -> RecordedEvent:
        # Broken UTF-8 would end the statement: texts are decoded here, strictly where there is no checksum to find it.
        self._connection.text_factory = bytes
        try:
            row = self._connection.execute(f"{self._select_events} = ?", (offset,)).fetchone()
            if row is None:
                return damaged_event(PARTITION, offset, MISSING)
            errors = "strict" if row[-1] is None else "replace"
            texts = {index: row[index].decode("utf-8", errors) for index in _TEXTS if row[index] is not None}
            return stored_event(*(texts.get(index, value) for index, value in enumerate(row)))
        except (UnicodeDecodeError, AttributeError) as error:
            return damaged_event(PARTITION, offset, f"its text is no UTF-8: {error}")
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
        (' AND e."offset" < ?', matching.before_offset),
    )
    wanted = [(sql, value) for sql, value in conditions if value is not None]
    return "".join(sql for sql, _ in wanted), [value for _, value in wanted]


class SqliteEventLog(SqliteEventLogReader, EventLog, Forgetting):
    """The one writer of a log file, in a thread of its own.

    What arrives while one transaction is being flushed goes to the disk together: one fsync (about 0.2 ms) is shared
    by all of it, which is what makes a durable answer cheap under load.
    """

    def __init__(self, path: Path, lock: IO[str], executor: Executor) -> None:
        super().__init__(path, executor)
        self._lock = lock
        self._writer = SqliteWriter(path)
        self._end = self._writer.next_offset
        self._appends: GroupCommit[EncodedEvent] = GroupCommit(
            WaitingBytes("the event log", max_append_bytes=MAX_EVENT_BYTES)
        )
        self._appends_since_wake = 0
        self._trusted_until_s = 0.0
        self._chores: deque[tuple[Iterator[int], asyncio.Future[int]]] = deque()
        self._chore_sum = 0
        self._wakes: SimpleQueue[bool] = SimpleQueue()  # False: the log is closing
        self._loop = asyncio.get_running_loop()
        self._listeners: list[Callable[[int], None]] = []
        self._thread = threading.Thread(target=self._write, name="event-log-writer")
        self._thread.start()

    @classmethod
    def open(cls, path: Path, executor: Executor) -> Self:
        """Open the log at `path`, or create it. Must be called in a running event loop.

        Raises ForeignLog, or LogInUse when another process has it open for writing.
        """
        is_log = check_is_log(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = take_lock(path)
        try:
            if is_log:
                with reporting_damage(path):
                    upgrade(path)
            else:
                create(path)
            with reporting_damage(path):
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
        appended = self._appends.append(*encoded(events))
        self._appends_since_wake += 1
        if self._appends_since_wake == 1:
            # What one turn of the event loop brings wakes the thread once.
            self._loop.call_soon(self._wake_writer)
        elif self._appends_since_wake == _WAKE_AFTER_APPENDS:
            self._wake_writer()
        return positions(await appended, len(events))

    async def end(self) -> Positions:
        return {PARTITION: self._end}

    async def check_appendable(self) -> None:
        """By a commit that changes nothing: whether there is room for one, is not known before it."""
        if self._loop.time() < self._trusted_until_s:
            return
        tried = self._appends.append((), 0)
        self._wakes.put(True)
        try:
            await tried
        except OutcomeUnknown as error:
            raise LogUnavailable(error.message) from error

    async def forget(self, streams: Sequence[str], refused: Sequence[Position] = ()) -> int:
        return await self._in_the_writer(self._writer.forgetting(streams, [one.offset for one in refused]))

    async def carried_out(self, partition: int) -> int:
        return await self._run(self._select_carried_out)

    async def note_carried_out(self, partition: int, offset: int) -> None:
        await self._in_the_writer(self._noting(offset))

    def _noting(self, offset: int) -> Iterator[int]:
        self._writer.note_carried_out(offset)
        yield 0

    def _select_carried_out(self) -> int:
        with self._reading:
            return carried_out(self._connection)

    async def _in_the_writer(self, chore: Iterator[int]) -> int:
        """Have the writer do something step by step, between appends; the sum of its steps. Raises LogUnavailable."""
        done: asyncio.Future[int] = self._loop.create_future()
        self._chores.append((chore, done))
        self._wakes.put(True)
        try:
            return await done
        except sqlite3.Error as error:
            raise LogUnavailable(f"The event log {self._path} could not forget: {error}") from error

    async def close(self) -> None:
        await super().close()
        self._wakes.put(False)
        await asyncio.to_thread(self._thread.join)
        # Lets the callbacks of the last commits run, so that no answer is lost.
        await asyncio.sleep(0)
        self._lock.close()

    def _wake_writer(self) -> None:
        if self._appends_since_wake:
            self._appends_since_wake = 0
            self._wakes.put(True)

    def _write(self) -> None:
        """The writer thread: commits the waiting appends, until the log is closed and none waits any more."""
        is_open = True
        while is_open:
            is_open = self._wakes.get()
            while batch := self._appends.take():
                outcome = self._writer.commit(batch)
                self._loop.call_soon_threadsafe(self._settle, batch, outcome)
            if is_open:
                self._do_chore()
        self._writer.close()

    def _do_chore(self) -> None:
        """A step of what is to be done beside appends; the rest when the appends that came meanwhile are done."""
        if not self._chores:
            return
        chore, done = self._chores[0]
        try:
            self._chore_sum += next(chore)
            self._wakes.put(True)
            return
        except StopIteration:
            outcome: int | Exception = self._chore_sum
        except Exception as error:  # the thread must live on
            outcome = error
        self._chores.popleft()
        self._chore_sum = 0
        self._wakes.put(True)
        self._loop.call_soon_threadsafe(_answer, done, outcome)

    def _settle(self, batch: list[WaitingAppend[EncodedEvent]], outcome: "int | Exception") -> None:
        """Answer a batch: `outcome` is its first offset, or why it is not in the log."""
        if isinstance(outcome, Exception):
            self._trusted_until_s = 0.0
            self._appends.refuse(batch, outcome)
            return
        self._trusted_until_s = self._loop.time() + TRUSTED_S
        self._end = self._appends.confirm(batch, outcome)
        self.wake()
        for listener in self._listeners:
            listener(self._end)


def _answer(done: "asyncio.Future[int]", outcome: int | Exception) -> None:
    if done.done():
        return
    if isinstance(outcome, Exception):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)
