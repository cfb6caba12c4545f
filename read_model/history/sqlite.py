"""The history index in an SQLite file beside an embedded log."""

import asyncio
import contextlib
import json
import os
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from read_model.history import statements
from read_model.history.open_blocks import KeptSegments
from read_model.history.port import (
    FORMAT_VERSION,
    Blocks,
    HistoryIndex,
    HistoryIndexWriter,
    IndexCommit,
    IndexDamaged,
    IndexedPartition,
    IndexFenced,
    IndexUnavailable,
    PostingsAsked,
    TermPosting,
)
from read_model.history.segment import OpenBlock, PostingList, TimesOfBlock, decode_segment, encode_segment
from read_model.sqlite_statements import in_sqlite
from schemas.envelope import Positions
from schemas.errors import TemporarilyUnavailable
from schemas.sqlite_errors import is_damage

T = TypeVar("T")

_TABLES: Final = """
CREATE TABLE origin (log_id TEXT NOT NULL);
CREATE TABLE checkpoints ("partition" INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL, last_event_id BLOB NOT NULL);
CREATE TABLE owners (stream INTEGER PRIMARY KEY, owner INTEGER NOT NULL);
CREATE TABLE segments (
  "partition" INTEGER NOT NULL, first_offset INTEGER NOT NULL, content BLOB NOT NULL,
  PRIMARY KEY ("partition", first_offset)
);
CREATE TABLE blocks (
  "partition" INTEGER NOT NULL, block INTEGER NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL,
  times BLOB NOT NULL, PRIMARY KEY ("partition", block)
);
CREATE TABLE postings (
  term INTEGER NOT NULL, "partition" INTEGER NOT NULL, block INTEGER NOT NULL, event_count INTEGER NOT NULL,
  first_position INTEGER NOT NULL, last_position INTEGER NOT NULL, is_inverted INTEGER NOT NULL,
  positions BLOB NOT NULL, PRIMARY KEY (term, "partition", block)
) WITHOUT ROWID;
CREATE TABLE requests (
  bucket INTEGER NOT NULL, "partition" INTEGER NOT NULL, block INTEGER NOT NULL, pairs BLOB NOT NULL,
  PRIMARY KEY (bucket, "partition", block)
) WITHOUT ROWID;
"""
_TIMES_OF_BLOCKS: Final = """
CREATE INDEX IF NOT EXISTS times_of_blocks ON blocks ("partition", block, first_us, last_us)
"""
"""Without the times of their events, which take a page each: the blocks of a time are looked for among all of them."""

_BUSY_S: Final = 5.0


def _sql(statement: str) -> str:
    return in_sqlite(statement.replace("{prefix}", ""))


_CHECKPOINTS: Final = _sql(statements.CHECKPOINTS)
_SEGMENTS: Final = _sql(
    statements.SEGMENTS.replace("{of_which}", "").replace(
        "{kept}", """(SELECT key AS "partition", value AS next_offset FROM json_each($1)) kept"""
    )
)
_POSTINGS: Final = {
    newest: _sql(statements.ordered(statements.POSTINGS, newest_first=newest)) for newest in (True, False)
}
_BETWEEN: Final = _sql(statements.BETWEEN)
_TIMES: Final = _sql(statements.TIMES)
_REQUESTS: Final = _sql(statements.REQUESTS.replace("{place}", "instr(pairs, $5)"))


def _file_at(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


class SqliteHistoryIndex(HistoryIndex):
    """Reads the index at `path`, whichever file that is. `flush` asks its writer not to linger."""

    def __init__(self, path: Path, flush: Callable[[], None] = lambda: None) -> None:
        self._path = path
        self._flush = flush
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._kept = KeptSegments()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="history-index")

    async def checkpoints(self) -> Positions:
        return await self._run(lambda connection: dict(connection.execute(_CHECKPOINTS).fetchall()))

    async def open_blocks(self) -> Mapping[int, OpenBlock]:
        def read(connection: sqlite3.Connection) -> Mapping[int, OpenBlock]:
            rows = connection.execute(_SEGMENTS, (json.dumps(self._kept.ends),))
            blocks, self._kept = self._kept.with_rows(rows)
            return blocks

        return await self._run(read)

    async def postings(
        self, asked: Sequence[PostingsAsked], *, newest_first: bool, limit: int
    ) -> Sequence[Sequence[TermPosting]]:
        def read(connection: sqlite3.Connection) -> Sequence[Sequence[TermPosting]]:
            return [
                [
                    TermPosting(row[0], PostingList(*row[1:]))
                    for term in one.terms
                    for row in connection.execute(_POSTINGS[newest_first], (term, one.partition, one.block, limit))
                ]
                for one in asked
            ]

        return await self._run(read)

    async def requests(
        self, asked: Sequence[Blocks], bucket: int, mark: bytes
    ) -> Sequence[Sequence[tuple[int, bytes]]]:
        return await self._run(
            lambda connection: [connection.execute(_REQUESTS, (*one, bucket, mark)).fetchall() for one in asked]
        )

    async def blocks_between(self, since_us: int | None, until_us: int | None) -> Mapping[int, tuple[int, int]]:
        since = statements.EARLIEST_US if since_us is None else since_us
        until = statements.LATEST_US if until_us is None else until_us
        rows = await self._run(lambda connection: connection.execute(_BETWEEN, (since, until)).fetchall())
        return {partition: (first, last) for partition, first, last in rows}

    async def times(self, asked: Sequence[tuple[int, int]]) -> Sequence[TimesOfBlock]:
        def read(connection: sqlite3.Connection) -> Sequence[TimesOfBlock]:
            found = [connection.execute(_TIMES, one).fetchone() for one in asked]
            if None in found:
                raise TemporarilyUnavailable("The history index is being made anew.")
            return [TimesOfBlock(one[0]) for one in found]

        return await self._run(read)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._let_go)
        self._thread.shutdown()

    def request_flush(self) -> None:
        self._flush()

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(self._opened()))
        except (sqlite3.Error, ValueError) as error:
            self._let_go()
            raise TemporarilyUnavailable(f"The history index cannot be read now: {error}") from error

    def _opened(self) -> sqlite3.Connection:
        """The connection to the file that is at the path now: the index may have been thrown away and made anew."""
        file = _file_at(self._path)
        if file is None:
            self._let_go()
            raise TemporarilyUnavailable("There is no history index yet; it is made from the log.")
        if self._connection is None or file != self._file:
            self._let_go()
            self._connection = sqlite3.connect(
                f"{self._path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False, timeout=_BUSY_S
            )
            self._file = file
            self._kept = KeptSegments()
        return self._connection

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class SqliteHistoryIndexWriter(HistoryIndexWriter):
    """Writes the index at `path`, in a thread of its own beside the event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="history-index")

    async def open(self, log_id: str) -> None:
        await self._run(lambda: self._open(log_id))

    async def partition(self, partition: int) -> IndexedPartition:
        def read() -> IndexedPartition:
            connection = self._connected()
            found = connection.execute(_sql(statements.PARTITION), (partition,)).fetchone()
            if found is None:
                return IndexedPartition(0, b"", ())
            rows = connection.execute(_sql(statements.PARTITION_SEGMENTS), (partition,)).fetchall()
            return IndexedPartition(found[0], found[1], [decode_segment(content) for (content,) in rows])

        return await self._run(read)

    async def owners(self, streams: Collection[int]) -> Mapping[int, int]:
        listed = json.dumps(list(streams))
        return dict(await self._run(lambda: self._connected().execute(_sql(statements.OWNERS), (listed,)).fetchall()))

    async def commit(self, commit: IndexCommit) -> None:
        await self._run(lambda: self._commit(commit))

    async def check(self) -> None:
        await self._run(self._connected)

    async def discard(self) -> None:
        def remove() -> None:
            self._let_go()
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{self._path}{suffix}")

        await self._run(remove)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._let_go)
        self._thread.shutdown()

    # --- in the thread ------------------------------------------------------------------------------------------------

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except ValueError as error:
            raise IndexDamaged(str(error)) from error
        except sqlite3.IntegrityError as error:
            raise IndexDamaged(f"the history index {self._path} is not what was written: {error}") from error
        except sqlite3.Error as error:
            if is_damage(error):
                raise IndexDamaged(f"the history index {self._path} is damaged: {error}") from error
            raise IndexUnavailable(f"The history index {self._path} cannot be written: {error}.") from error
        except OSError as error:
            raise IndexUnavailable(f"The history index {self._path} cannot be written: {error}.") from error

    def _open(self, log_id: str) -> None:
        self._let_go()
        self._path.touch(0o600)
        self._connection = connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=_BUSY_S
        )
        self._file = _file_at(self._path)
        connection.execute("PRAGMA journal_mode = WAL")
        # What a crash of the machine takes is indexed again: rows and checkpoints are lost together.
        connection.execute("PRAGMA synchronous = NORMAL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.executescript(f"BEGIN;{_TABLES}PRAGMA user_version = {FORMAT_VERSION};COMMIT")
            connection.execute("INSERT INTO origin VALUES (?)", (log_id,))
        elif version != FORMAT_VERSION:
            raise ValueError(f"the history index has format {version}, and {FORMAT_VERSION} is used here")
        connection.execute(_TIMES_OF_BLOCKS)
        found = connection.execute("SELECT log_id FROM origin").fetchone()
        if found is None or found[0] != log_id:
            raise ValueError(f"the history index is of the log {found and found[0]}, and this is the log {log_id}")

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None or _file_at(self._path) != self._file:
            raise ValueError("the history index was removed")
        return self._connection

    def _commit(self, commit: IndexCommit) -> None:
        connection = self._connected()
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._write(connection, commit)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _write(self, connection: sqlite3.Connection, commit: IndexCommit) -> None:
        number = commit.partition
        if commit.expected == 0:
            connection.execute(_sql(statements.BEGIN), (number, b""))
        moved = connection.execute(
            _sql(statements.MOVE), (commit.end, commit.last_event_id, number, commit.expected)
        ).rowcount
        if moved != 1:
            raise IndexFenced(f"the checkpoint of partition {number} of the history index is not {commit.expected}")
        for block in commit.blocks:
            connection.execute(
                _sql(statements.ADD_BLOCK), (number, block.number, block.first_us, block.last_us, block.times)
            )
            connection.executemany(
                _sql(statements.ADD_POSTING), [(number, block.number, *one) for one in block.postings]
            )
            connection.executemany(
                _sql(statements.ADD_REQUESTS), [(number, block.number, *one) for one in block.requests]
            )
        if commit.blocks:
            connection.execute(_sql(statements.DROP_SEGMENTS), (number, commit.open_block_begin))
        for segment in commit.segments:
            connection.execute(_sql(statements.PUT_SEGMENT), (number, segment.first_offset, encode_segment(segment)))
        connection.executemany(_sql(statements.ADD_OWNER), list(commit.owners.items()))

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
