"""A log file that is a copy of another log: with its id, and its events at their offsets."""

import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Self

from event_log.port import ForeignLog, LogUnavailable
from event_log.sqlite.log_file import check_is_log, create, identity_in, reporting_damage, take_lock, upgrade, uri_path
from event_log.sqlite.writer import SqliteWriter
from schemas.durable_rename import rename_durably
from schemas.envelope import RecordedEvent


class SqliteCopy:
    """Takes events, a batch at a time, each durable when `add` returns: what was broken off can be gone on with."""

    def __init__(self, path: Path, lock: IO[str]) -> None:
        self.path = path
        self._lock = lock
        self._writer = SqliteWriter(path)

    @classmethod
    def open(cls, path: Path, identity: str) -> Self:
        """The copy at `path` of the log with this id, made where there is none.

        Raises ForeignLog where `path` is something else or a copy of another log, LogInUse where a server has it open.
        """
        is_log = check_is_log(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = take_lock(path)
        try:
            with reporting_damage(path):
                if is_log:
                    upgrade(path)
                    found = identity_of(path)
                    if found != identity:
                        raise ForeignLog(f"{path} is a copy of the log {found}, and not of {identity}.")
                else:
                    create(path, uuid.UUID(identity).bytes)
                return cls(path, lock)
        except BaseException:
            lock.close()
            raise

    @property
    def end(self) -> int:
        """The offset of the next event that it takes."""
        return self._writer.next_offset

    async def add(self, events: Sequence[RecordedEvent]) -> None:
        """The next events of the log. Raises LogUnavailable where they cannot be written, such as on a full disk."""
        try:
            self._writer.add(events)
        except sqlite3.Error as error:
            raise LogUnavailable(f"The copy {self.path} cannot be written: {error}") from error

    def forget(self, streams: Sequence[str], refused: Sequence[int]) -> int:
        """Forget what the log that is copied has forgotten since; how many events it was. Raises LogUnavailable."""
        try:
            return sum(self._writer.forgetting(streams, refused))
        except sqlite3.Error as error:
            raise LogUnavailable(f"The copy {self.path} could not forget: {error}") from error

    def close(self) -> None:
        """Finish, and let others open it. It is one file then, to be carried away, unless somebody reads it now."""
        self._writer.close()
        with closing(sqlite3.connect(self.path)) as connection, suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = DELETE")
        self._lock.close()
        self.path.with_name(self.path.name + ".lock").unlink(missing_ok=True)


@contextmanager
def filling_sqlite_log(path: Path, identity: str) -> Iterator[SqliteCopy]:
    """A log to be filled that is at `path` when the context is left, whole, and nowhere before.

    Raises ForeignLog where there is a log or something else already, LogInUse.
    """
    if check_is_log(path):
        raise ForeignLog(f"There is a log at {path} already; it was left untouched. Move it away first.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(take_lock(path)):
        unfinished = path.with_name(path.name + ".restoring")
        for left in (unfinished, *_beside(unfinished)):
            left.unlink(missing_ok=True)
        copy = SqliteCopy.open(unfinished, identity)
        try:
            yield copy
        finally:
            copy.close()
        for left in (*_beside(unfinished), *_beside(path)):
            left.unlink(missing_ok=True)  # of a log that was here before they would spoil this one
        rename_durably(unfinished, path)


def _beside(path: Path) -> list[Path]:
    """What SQLite keeps beside a file."""
    return [path.with_name(path.name + ending) for ending in ("-wal", "-shm")]


def identity_of(path: Path) -> str:
    """The id of the log in a file. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"file:{uri_path(path)}?mode=ro", uri=True)) as connection:
        return str(uuid.UUID(bytes=identity_in(connection)))
