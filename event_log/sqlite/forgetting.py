"""Forgetting in an SQLite log: some rows a transaction, on the connection that writes the log.

With `secure_delete` SQLite overwrites with zeros what a row no longer holds, and the pages that come free. What the
write-ahead log still has of the pages as they were goes with a checkpoint that cuts it to nothing.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

from event_log.forgetting import AT_ONCE
from event_log.forgotten_rows import forgotten_rows
from event_log.port import LogUnavailable

_SELECT: Final = """
SELECT e."offset", e.id, e.type, e.version, s.name, e.time_us, a.user, a.address, a.user_agent, e.request_id, e.payload,
  e.checksum
FROM events e LEFT JOIN streams s ON s.number = e.stream LEFT JOIN actors a ON a.number = e.actor
"""
_OF_STREAM: Final = f"""{_SELECT}
WHERE e.stream = (SELECT number FROM streams WHERE name = ?) AND e."offset" > ? ORDER BY e."offset" LIMIT {AT_ONCE}
"""
_AT: Final = f'{_SELECT} WHERE e."offset" = ?'
_CUT_WAIT_MS: Final = 50
_CUTS: Final = 100
"""Nothing is appended while one waits for readers to end, so it is short, and there are many."""

_STILL_READ: Final = "A reader of the log keeps what was forgotten from being removed for good."

_CARRIED_OUT: Final = "CREATE TABLE IF NOT EXISTS carried_out (next_offset INTEGER NOT NULL)"


def forgetting(connection: sqlite3.Connection, streams: Sequence[str], refused: Sequence[int]) -> Iterator[int]:
    """Forget, a transaction a step; each tells how many events it was. Others may write between the steps.

    Raises sqlite3.Error, LogUnavailable where a reader keeps the write-ahead log from being cut.
    """
    for stream in streams:
        last = -1
        while rows := connection.execute(_OF_STREAM, (stream, last)).fetchall():
            last = rows[-1][0]
            yield _replace(connection, rows, refused=False)
    rows = [row for offset in refused for row in connection.execute(_AT, (offset,))]
    yield _replace(connection, rows, refused=True)
    for _ in range(_CUTS):
        if cut_write_ahead_log(connection, _CUT_WAIT_MS):
            return
        yield 0  # appends do not wait for whoever reads
    raise LogUnavailable(_STILL_READ)


def cut_write_ahead_log(connection: sqlite3.Connection, wait_ms: int) -> bool:
    """Leave nothing in the file beside the log; False where somebody reads what is in it for as long."""
    [before] = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute(f"PRAGMA busy_timeout = {wait_ms}")
    try:
        return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    finally:
        connection.execute(f"PRAGMA busy_timeout = {before}")


def carried_out(connection: sqlite3.Connection) -> int:
    """The offset up to which erasures are carried out. Raises sqlite3.Error."""
    try:
        found = connection.execute("SELECT max(next_offset) FROM carried_out").fetchone()[0]
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        return 0
    return int(found or 0)


def note_carried_out(connection: sqlite3.Connection, offset: int) -> None:
    """Raises sqlite3.Error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        offset = max(offset, carried_out(connection))
        connection.execute(_CARRIED_OUT)
        connection.execute("DELETE FROM carried_out")
        connection.execute("INSERT INTO carried_out VALUES (?)", (offset,))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _replace(connection: sqlite3.Connection, rows: Sequence[tuple[object, ...]], *, refused: bool) -> int:
    changed = forgotten_rows(rows, refused=refused)
    if not changed:
        return 0
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany('UPDATE events SET payload = ?2, checksum = ?3 WHERE "offset" = ?1', changed)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return len(changed)
