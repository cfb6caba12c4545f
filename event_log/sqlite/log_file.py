"""The file of an SQLite event log: how it is recognized, created, upgraded, and kept to one writer."""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Final

from event_log.port import DamagedLog, ForeignLog, LogInUse
from schemas.durable_rename import rename_durably
from schemas.sqlite_errors import is_damage

APPLICATION_ID: Final = 0x54524C47
"""'TRLG', in the header of every log file: how a log is recognized among SQLite files without opening it."""

FORMAT_VERSION: Final = 2
"""2 brought the log's identity, and a checksum for each event. A log of format 1 is upgraded when it is opened to
write; the events it has by then keep none."""

FORMAT_WITH_IDENTITY: Final = 2

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


def create(path: Path, identity: bytes | None = None) -> None:
    """Create a log, with an id of its own or the given one. It appears whole or not at all, and from the first moment
    its header tells what it is."""
    temporary = path.with_name(path.name + ".creating")
    temporary.unlink(missing_ok=True)
    connection = sqlite3.connect(temporary, isolation_level=None)
    with closing(connection):
        connection.executescript(f"BEGIN; {_SCHEMA}")  # one wait for the disk, not one for each statement
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
        _give_identity(connection, identity or os.urandom(16))
        connection.execute("COMMIT")
    rename_durably(temporary, path)


def upgrade(path: Path) -> None:
    """Bring a log of an older format to this one, at once or not at all."""
    connection = sqlite3.connect(path, isolation_level=None)
    with closing(connection):
        if format_of(connection) == FORMAT_VERSION:
            return
        connection.execute("BEGIN IMMEDIATE")
        identity = identity_in(connection)
        _give_identity(connection, identity if any(identity) else os.urandom(16))
        connection.execute("ALTER TABLE events ADD COLUMN checksum INTEGER")
        connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
        connection.execute("COMMIT")
        # The version is read from the head of the file itself.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _give_identity(connection: sqlite3.Connection, identity: bytes) -> None:
    connection.execute(_IDENTITY_SCHEMA)
    connection.execute("INSERT INTO log_identity VALUES (?,?)", (identity, time.time_ns() // 1000))


def format_of(connection: sqlite3.Connection) -> int:
    """The format version of an open log."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def identity_in(connection: sqlite3.Connection) -> bytes:
    """The 16 bytes of a log's id. A log created in format 1 has that of its first event."""
    if format_of(connection) >= FORMAT_WITH_IDENTITY:
        found = connection.execute("SELECT id FROM log_identity").fetchone()
    else:
        found = connection.execute('SELECT id FROM events WHERE "offset" = 0').fetchone()
    return bytes(found[0]) if found else bytes(16)


def take_lock(path: Path) -> IO[str]:
    """A lock on the log against other writers, held until it is closed. Raises LogInUse."""
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


@contextmanager
def reporting_damage(path: Path) -> Iterator[None]:
    """Raise DamagedLog, with what to do, where SQLite finds the file at `path` to be damaged."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        raise DamagedLog(
            f"The event log {path} is damaged, and cannot be opened: {error}. Put a backup in its place; what is left"
            f" in the file can be saved by `sqlite3 {path} .recover`."
        ) from error


def file_at(path: Path) -> tuple[int, int] | None:
    """The identity of the file at `path`; None when there is none."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def replaced_message(path: Path) -> str:
    """The error text for when `file_at` is no longer the file that was opened."""
    return (
        f"The event log {path} was removed or replaced while the server had it open. Nothing is taken any more: stop"
        " the server before a backup is put back, and start it afterwards."
    )


def uri_path(path: Path) -> str:
    """A path as SQLite's URI file names spell it."""
    return str(path.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
