"""Which log a read model in SQLite is folded from."""

import sqlite3
from pathlib import Path

from schemas.belonging import LOG_ID
from schemas.envelope import Positions


def origin(path: Path) -> tuple[str | None, Positions]:
    """The id of the log that a read model of this code's schema is folded from, and how far it is folded."""
    connection = sqlite3.connect(path)
    try:
        row = connection.execute("SELECT value FROM facts WHERE name = ?", (LOG_ID,)).fetchone()
        checkpoints = dict(connection.execute("SELECT partition, next_offset FROM checkpoints"))
    finally:
        connection.close()
    return row and row[0], checkpoints
