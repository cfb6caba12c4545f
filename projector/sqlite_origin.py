"""Which log a read model in SQLite is folded from, and how far."""

import sqlite3
from pathlib import Path

from projector.last_folded import LastFolded
from read_model.belonging import LOG_ID
from schemas.envelope import Position, Positions


def origin(path: Path) -> tuple[str | None, Positions]:
    """The id of the log that a read model of this code's schema is folded from, and how far it is folded."""
    connection = sqlite3.connect(path)
    try:
        row = connection.execute("SELECT value FROM facts WHERE name = ?", (LOG_ID,)).fetchone()
        checkpoints = dict(connection.execute("SELECT partition, next_offset FROM checkpoints"))
    finally:
        connection.close()
    return row and row[0], checkpoints


def last_folded(path: Path) -> LastFolded:
    """The last event of each partition that a read model of this code's schema holds."""
    connection = sqlite3.connect(path)
    try:
        found = connection.execute(
            "SELECT partition, next_offset - 1, last_event_id FROM checkpoints WHERE last_event_id IS NOT NULL"
        ).fetchall()
    finally:
        connection.close()
    return {Position(partition, offset): event_id for partition, offset, event_id in found}
