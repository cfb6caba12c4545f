"""The connection that writes an SQLite event log: one transaction for each batch of appends."""

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from event_log.checksum import checksum, checksum_of_copy
from event_log.group_commit import WaitingAppend
from event_log.port import LogReplaced, LogUnavailable, OutcomeUnknown
from event_log.sqlite.forgetting import forgetting, note_carried_out
from event_log.sqlite.log_file import FORMAT_VERSION, file_at, replaced_message
from event_log.stored_payload import EncodedEvent, stored
from schemas.envelope import Actor, EventData, RecordedEvent

logger = logging.getLogger(__name__)

K = TypeVar("K")

_INTERNED: Final = 20_000
"""Streams, and actors, whose number is remembered: some 10 MB of each when all are as long as they may be."""

_INSERT: Final = "INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?,?)"


class SqliteWriter:
    """The writing connection, used by the writer thread alone once it runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file = file_at(path)
        run = self._connection.execute
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run("PRAGMA wal_autocheckpoint = 2000")
        run("PRAGMA journal_size_limit = 33554432")
        run("PRAGMA secure_delete = ON")  # the log deletes nothing but what is to be forgotten
        self.next_offset = int(run('SELECT coalesce(max("offset") + 1, 0) FROM events').fetchone()[0])
        self._streams: dict[str, int] = {}
        self._actors: dict[Actor, int] = {}
        self._broken: Exception | None = None
        self._replaced: str | None = None

    def commit(self, batch: Sequence[WaitingAppend[EncodedEvent]]) -> "int | Exception":
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
                for event, payload in append.events:
                    rows.append(self._row(offset, event, payload))
                    offset += 1
            if rows:
                self._connection.executemany(_INSERT, rows)
            else:
                run(f"PRAGMA user_version = {FORMAT_VERSION}")  # writes a page though the value stays the same
            run("COMMIT")
        except Exception as error:  # the thread must live on, and every waiting append must be answered
            return self._failed(error)
        self.next_offset = offset
        if file_at(self._path) != self._file:
            # What was written is in a file that no process will open again, or was there when the file was taken away.
            self._replaced = replaced_message(self._path)
            return OutcomeUnknown(self._replaced)
        return first

    def add(self, events: Sequence[RecordedEvent]) -> None:
        """Put events of another log at the offsets that they have there, all or none, durable when this returns.

        Raises ValueError where the first is not the next of this log, or one is missing; sqlite3.Error.
        """
        rows: list[tuple[Any, ...]] = []
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for expected, event in enumerate(events, self.next_offset):
                if event.offset != expected:
                    raise ValueError(f"event {expected} is missing: the next is {event.offset}")
                payload = stored(event.payload)
                rows.append(
                    (
                        event.offset,
                        event.id,
                        event.type,
                        event.version,
                        self._streams.get(event.stream) or self._stream(event.stream),
                        event.time_us,
                        self._actors.get(event.actor) or self._actor(event.actor),
                        event.request_id,
                        payload,
                        checksum_of_copy(event, payload),
                    )
                )
            self._connection.executemany(_INSERT, rows)
            self._connection.execute("COMMIT")
        except BaseException:
            self._streams.clear()
            self._actors.clear()
            self._connection.execute("ROLLBACK")
            raise
        self.next_offset += len(rows)

    def forgetting(self, streams: Sequence[str], refused: Sequence[int]) -> Iterator[int]:
        """Forget events, a transaction a step. Raises as `event_log.sqlite.forgetting` does."""
        return forgetting(self._connection, streams, refused)

    def note_carried_out(self, offset: int) -> None:
        """Say up to which offset erasures are carried out. Raises sqlite3.Error."""
        note_carried_out(self._connection, offset)

    def close(self) -> None:
        """Close the connection."""
        # Other processes may read on, and then SQLite would leave the write-ahead log as large as it ever was.
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    def _row(self, offset: int, event: EventData, payload: bytes) -> tuple[Any, ...]:
        payload = stored(payload)
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
        # After a failed fsync it is unknown what reached the disk, and the next fsync cannot be trusted.
        self._broken = error
        return OutcomeUnknown(f"The event log failed while it was being flushed: {error}")


def _intern(numbers: dict[K, int], key: K, number: int) -> int:
    if len(numbers) >= _INTERNED:
        numbers.clear()
    numbers[key] = number
    return number
