"""Writes the read model in an SQLite file: transactions, checkpoints, and what comes between them and an error."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Final
from urllib.parse import quote

from projector.bookkeeping import kept_back
from projector.changes import Change, DeleteBy, Reading, Row
from projector.port import (
    CheckpointMove,
    DamagedReadModel,
    Fenced,
    ReadModelUnavailable,
    ReadModelWriter,
    Refusal,
    SetAside,
    SetAsidePosition,
    Superseded,
    Unwritable,
)
from projector.sqlite_tables import SqliteTables
from schemas import sqlite_errors
from schemas.envelope import Positions

_UNWRITABLE: Final = (sqlite3.IntegrityError, sqlite3.DataError, UnicodeEncodeError, OverflowError)
"""Raised for values that SQLite cannot keep: lone surrogates, integers past 64 bits, texts past 1 GB."""


_WAIT_MS: Final = 5000
_CUT_WAIT_MS: Final = 100
"""For readers: what is written meanwhile waits."""

_FAULTS: Final = (sqlite3.Error, *_UNWRITABLE)


def _port_error(error: Exception) -> Exception:
    """One of _FAULTS as the error of the port that it means, or itself if it means none."""
    if isinstance(error, _UNWRITABLE):
        return Unwritable(f"SQLite refuses it: {error!r}")
    if isinstance(error, sqlite3.Error):
        if sqlite_errors.is_damage(error):
            return DamagedReadModel(str(error))
        if sqlite_errors.is_passing(error):
            return ReadModelUnavailable(f"The read model cannot be written now: {error}.")
    return error


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """Turn what SQLite raises into the errors of the port."""
    try:
        yield
    except _FAULTS as error:
        raise _port_error(error) from error


def _opened(path: Path) -> sqlite3.Connection:
    with _errors():
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            _prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def _prepare(connection: sqlite3.Connection) -> None:
    run = connection.execute
    run("PRAGMA journal_mode = WAL")
    # Rows and checkpoint are lost together and folded again from the log, so a commit need not reach the disk.
    # NORMAL, not OFF: the file must not be torn by a power cut.
    run("PRAGMA synchronous = NORMAL")
    run("PRAGMA wal_autocheckpoint = 4000")
    run("PRAGMA journal_size_limit = 67108864")
    run("PRAGMA cache_size = -16384")
    # What is erased is overwritten, and so is what other values took the place of: nothing of either is found in the
    # file when the rows are gone.
    run("PRAGMA secure_delete = ON")


class SqliteReadModelWriter(ReadModelWriter):
    """Writes one read-model file. Statements run on the calling thread: its process does nothing else meanwhile.

    `place` is a file, or a connection that is open already, to a database of this code's tables in memory.
    `is_current` tells whether the file still is the read model. It is called while the file's write lock is held, which
    is also held while another file is put in its place.
    """

    def __init__(self, place: Path | sqlite3.Connection, is_current: Callable[[], bool] = lambda: True) -> None:
        self._is_current = is_current
        self._connection = place if isinstance(place, sqlite3.Connection) else _opened(place)
        self._tables = SqliteTables(self._connection)
        self._has_removed = False

    async def checkpoints(self, partitions: Set[int]) -> Positions:
        with _errors():
            found = dict(self._connection.execute("SELECT partition, next_offset FROM checkpoints"))
        return {partition: found.get(partition, 0) for partition in partitions}

    async def set_aside_positions(self, partitions: Set[int]) -> list[SetAsidePosition]:
        with _errors():
            found = self._connection.execute('SELECT partition, "offset", stream FROM set_aside ORDER BY 1, 2')
            return [SetAsidePosition(*row) for row in found if row[0] in partitions]

    async def refusals_since(self, partition: int, offset: int) -> list[Refusal]:
        with _errors():
            found = self._connection.execute(
                'SELECT partition, "offset", error_code, message, stream FROM refusals'
                ' WHERE partition = ? AND "offset" >= ?',
                (partition, offset),
            )
            return [Refusal(*row) for row in found]

    async def check(self, checkpoints: Positions) -> None:
        with _errors():
            if not self._is_current():
                raise Superseded("another read model took this one's place")
            if await self.checkpoints(set(checkpoints)) != checkpoints:
                raise Fenced("the checkpoints are no longer where this worker left them")
            self._cut_after_erasures()

    def try_to_write(self) -> None:
        """Commit a page as it was: whether there is room on the disk is not known until then.

        Raises ReadModelUnavailable, DamagedReadModel.
        """
        with _errors():
            self._connection.execute("PRAGMA user_version = 0")

    async def close(self) -> None:
        self._connection.close()

    async def read(self, reading: Reading) -> Sequence[Row]:
        try:  # not by `_errors`, which takes a tenth of the time of a short read
            return self._tables.read(reading)
        except _FAULTS as error:
            raise _port_error(error) from error

    async def commit(
        self,
        changes: Sequence[Change],
        refusals: Sequence[Refusal],
        set_aside: Sequence[SetAside],
        checkpoints: Mapping[int, CheckpointMove],
        resumed: Sequence[tuple[int, int]] = (),
    ) -> None:
        with _errors():
            self._commit(changes, refusals, set_aside, checkpoints, resumed)

    def _commit(
        self,
        changes: Sequence[Change],
        refusals: Sequence[Refusal],
        set_aside: Sequence[SetAside],
        checkpoints: Mapping[int, CheckpointMove],
        resumed: Sequence[tuple[int, int]],
    ) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._move_checkpoints(checkpoints)
            for change in (*changes, *kept_back(refusals, set_aside, resumed)):
                self._tables.apply(change)
            self._connection.execute("COMMIT")
            self._has_removed = self._has_removed or any(isinstance(one, DeleteBy) for one in changes)
            self._cut_after_erasures()
        except BaseException:
            self._tables.forget_numbers()
            with contextlib.suppress(sqlite3.Error):  # the error that brought us here is the one to raise
                self._connection.execute("ROLLBACK")
            raise

    def _cut_after_erasures(self) -> None:
        """Leave nothing of rows that went with their owner in the file beside the tables, once nobody reads it."""
        if not self._has_removed:
            return
        self._connection.execute(f"PRAGMA busy_timeout = {_CUT_WAIT_MS}")
        self._has_removed = bool(self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
        self._connection.execute(f"PRAGMA busy_timeout = {_WAIT_MS}")

    def _move_checkpoints(self, checkpoints: Mapping[int, CheckpointMove]) -> None:
        run = self._connection.execute
        if not self._is_current():
            raise Superseded("another read model took this one's place")
        for partition, (expected, new, last_event_id) in checkpoints.items():
            run("INSERT OR IGNORE INTO checkpoints (partition, next_offset) VALUES (?, 0)", (partition,))
            moved = run(
                "UPDATE checkpoints SET next_offset = ?, last_event_id = ? WHERE partition = ? AND next_offset = ?",
                (new, last_event_id, partition, expected),
            )
            if moved.rowcount != 1:
                raise Fenced(f"the checkpoint of partition {partition} is no longer {expected}")
