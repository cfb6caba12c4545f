"""The read model in an SQLite file, read by a few threads with a connection each, and by the event loop itself.

Statements run in threads because SQLite lets go of the interpreter while it searches. A lookup by key takes less time
than the way to a thread and back (25 against 40 microseconds measured), so it runs on the event loop, bounded by a
number of SQLite's instructions; one that turns out to be larger is stopped and sent to a thread.
"""

import asyncio
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final
from urllib.parse import quote

from query_api import bounds
from query_api.dialect import Dialect
from query_api.documents import KeyedDocument
from query_api.port import MAX_PAGE_BYTES, FirstRows, ReadModel, Row, is_storable_key
from query_api.sqlite.dialect import SQLITE
from query_api.sqlite.text_match import register_functions
from schemas.errors import DeadlineExceeded, InvalidParameterValue, TemporarilyUnavailable
from schemas.sqlite_errors import is_damage, is_passing, name_of

_THREADS: Final = 3
_CACHE_KIB: Final = 4096
"""Of each connection. A commit of the projector empties it, so more would only be memory; and no mmap, because each
connection's mapping counts as memory of this process and saved nothing while the file is written to."""
_LOOKUP_CACHE_KIB: Final = 2048
_INSTRUCTIONS_PER_CHECK: Final = 20_000
"""How often a running statement checks its bound, and half of what a lookup may take at most: about a millisecond,
and more than a run with 500 metrics, params and tags together needs."""
_STATEMENTS_KEPT_PREPARED: Final = 256
_BUSY_S: Final = 5.0

OnDamage = Callable[[str, str], None]
"""Called with the file's name and what is wrong with it, in the thread that found it; the request is answered 503."""

Functions = Callable[[sqlite3.Connection], None]
"""Gives a new connection the SQL functions that the statements use."""

MAX_ANSWER_BYTES: Final = 256 * 2**20
"""Of one value a statement builds, such as a run; a larger one is refused before memory runs out."""

_Call = Callable[[sqlite3.Connection], Any]


class SqliteReadModel(ReadModel):
    """Reads the file that `path` leads to at the time of each statement; `path` may be a symbolic link that moves.

    Must be made in a running event loop, and used in that one alone.
    """

    def __init__(
        self, path: Path, functions: Functions = register_functions, on_damage: OnDamage = lambda _file, _why: None
    ) -> None:
        self._path = path
        self._functions = functions
        self._on_damage = on_damage
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._waiting = 0
        self._settled: deque[_Job] = deque()
        self._is_settling = False
        self._on_loop = self._new_connection(_LOOKUP_CACHE_KIB)
        self._threads = [
            threading.Thread(target=self._work, name=f"read-model-{number}", daemon=True) for number in range(_THREADS)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def dialect(self) -> Dialect:
        return SQLITE

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        rows: list[Row] = await self._run(lambda connection: connection.execute(sql, parameters).fetchall())
        return rows

    async def fetch_short(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row] | None:
        rows: list[Row] | None = await self._run(lambda connection: short_values(connection, sql, parameters))
        return rows

    async def fetch_first(self, sql: str, parameters: Sequence[Any] = ()) -> FirstRows:
        first: FirstRows = await self._run(lambda connection: first_rows(connection.execute(sql, parameters)))
        return first

    async def lookup(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        rows = self._on_loop.lookup(sql, parameters)
        return await self.fetch(sql, parameters) if rows is None else rows

    async def document(self, wanted: KeyedDocument, key: str | int) -> bytes | None:
        if not is_storable_key(key):
            return None
        statement = SQLITE.documents.by_key(wanted)
        rows = self._on_loop.lookup(statement, (key,))
        if rows is None:
            rows = await self.fetch(statement, (key,))
        return rows[0][0] if rows else None

    def report_damage(self, why: str) -> None:
        self._on_damage(os.path.basename(os.path.realpath(self._path)), why)

    async def close(self) -> None:
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        self._on_loop.close()

    def _new_connection(self, cache_kib: int) -> "_Connection":
        return _Connection(self._path, self._functions, cache_kib, self._on_damage)

    async def _run(self, call: _Call) -> Any:
        """What `call` returns, run in a thread on its connection."""
        bounds.check_waiting(self._waiting)
        job = _Job(call, self._loop.create_future())
        self._waiting += 1
        self._jobs.put(job)
        try:
            return await job.outcome
        except asyncio.CancelledError:
            job.deadline_s = 0.0  # no caller waits any more: a running statement stops at its next check
            raise

    def _work(self) -> None:
        """In a thread: runs jobs until there is None, and hands all that are done to the event loop in one call."""
        own = self._new_connection(_CACHE_KIB)
        while (job := self._jobs.get()) is not None:
            job.run(own)
            self._settled.append(job)
            # Set before the loop empties the queue and after this thread filled it: no job is left behind.
            if not self._is_settling:
                self._is_settling = True
                self._loop.call_soon_threadsafe(self._settle)
        own.close()

    def _settle(self) -> None:
        self._is_settling = False
        while self._settled:
            self._waiting -= 1
            self._settled.popleft().settle()


class _Job:
    """A call on its way to a thread and back."""

    __slots__ = ("call", "deadline_s", "error", "outcome", "result")

    def __init__(self, call: _Call, outcome: "asyncio.Future[Any]") -> None:
        self.call = call
        self.outcome = outcome
        self.deadline_s = time.monotonic() + bounds.STATEMENT_BOUND_S
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self, connection: "_Connection") -> None:
        """In a thread: an error belongs to the caller, not to the thread."""
        try:
            self.result = connection.run(self)
        except BaseException as error:
            self.error = error

    def is_overdue(self) -> bool:
        return time.monotonic() > self.deadline_s

    def settle(self) -> None:
        """On the event loop: hand over the result, unless the caller has gone."""
        if self.outcome.done():
            return
        if self.error is None:
            self.outcome.set_result(self.result)
        else:
            self.outcome.set_exception(self.error)


class _Connection:
    """A read-only connection to the file that a path leads to, opened when first used and again when that changes.

    Used by one thread at a time.
    """

    def __init__(self, path: Path, functions: Functions, cache_kib: int, on_damage: OnDamage) -> None:
        self._path = path
        self._functions = functions
        self._cache_kib = cache_kib
        self._on_damage = on_damage
        self._name = ""
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._job: _Job | None = None
        self._checks_of_lookup = 0

    def run(self, job: _Job) -> Any:
        """The result of the job's call.

        Raises DeadlineExceeded or TemporarilyUnavailable.
        """
        if job.is_overdue():
            raise DeadlineExceeded(f"The read model was not free to answer within {bounds.STATEMENT_BOUND_S:g} s.")
        self._job = job
        try:
            return job.call(self._current())
        except sqlite3.Error as error:
            raise self._error_answer(error) from error
        finally:
            self._job = None

    def lookup(self, sql: str, parameters: Sequence[Any]) -> list[Row] | None:
        """The rows, or None when finding them takes longer than a lookup may.

        Raises TemporarilyUnavailable.
        """
        self._checks_of_lookup = 0
        try:
            return self._current().execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            if name_of(error) == "SQLITE_INTERRUPT":
                return None
            raise self._error_answer(error) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _current(self) -> sqlite3.Connection:
        try:
            status = os.stat(self._path)
        except FileNotFoundError as error:
            raise TemporarilyUnavailable("The read model is not there yet; try again.") from error
        # Two files differ in this for as long as either is open, whatever their names.
        file = (status.st_dev, status.st_ino)
        if self._connection is None or file != self._file:
            self.close()
            file_path = os.path.realpath(self._path)
            self._name = os.path.basename(file_path)
            self._connection = _open(file_path, self._cache_kib)
            self._functions(self._connection)
            self._connection.set_progress_handler(self._should_stop, _INSTRUCTIONS_PER_CHECK)
            self._file = file
        return self._connection

    def _error_answer(self, error: sqlite3.Error) -> Exception:
        """The error as clients may see it; a mistake in a statement stays what it is."""
        if is_damage(error):
            self._on_damage(self._name, str(error))
            return TemporarilyUnavailable(f"The read model is damaged, and is folded from the log anew: {error}.")
        name = name_of(error)
        if name == "SQLITE_INTERRUPT":
            return bounds.too_slow()
        if name == "SQLITE_TOOBIG":
            return InvalidParameterValue(
                f"The answer would have more than {MAX_ANSWER_BYTES} bytes; ask for fewer results."
            )
        if is_passing(error):
            return TemporarilyUnavailable(f"The read model cannot be read now: {error}")
        return error

    def _should_stop(self) -> bool:
        """Asked by SQLite in the middle of a statement."""
        if self._job is not None:
            return self._job.is_overdue()
        # SQLite goes on counting instructions where the last execution of the same statement ended, so the first
        # check may come at once.
        self._checks_of_lookup += 1
        return self._checks_of_lookup > 1


def short_values(connection: sqlite3.Connection, sql: str, parameters: Sequence[Any]) -> list[Row] | None:
    """The rows of a statement, None when a value has more than MAX_PAGE_BYTES. SQLite stops making it there."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_PAGE_BYTES)
    try:
        return connection.execute(sql, parameters).fetchall()
    except sqlite3.Error as error:
        if name_of(error) == "SQLITE_TOOBIG":
            return None
        raise
    finally:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_ANSWER_BYTES)


def first_rows(cursor: sqlite3.Cursor) -> FirstRows:
    """As ReadModel.fetch_first says. SQLite makes each row when it is asked for."""
    rows: list[Row] = []
    size = 0
    for row in cursor:
        size += len(row[0])
        if rows and size > MAX_PAGE_BYTES:
            cursor.close()
            return FirstRows(rows, are_all=False)
        rows.append(row)
    return FirstRows(rows, are_all=True)


def _open(path: str, cache_kib: int) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(path)}?mode=ro",
        uri=True,
        check_same_thread=False,
        isolation_level=None,
        cached_statements=_STATEMENTS_KEPT_PREPARED,
        timeout=_BUSY_S,
    )
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_ANSWER_BYTES)
    connection.execute("PRAGMA query_only = 1")
    connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    return connection
