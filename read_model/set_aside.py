"""The events that a read model could not fold, as an operator sees them."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from read_model.sqlite_link import current

_SELECT: Final = 'SELECT partition, "offset", stream, event_type, reason FROM set_aside ORDER BY 1, 2'


@dataclass(frozen=True, slots=True)
class SetAsideEvent:
    """An event that waits for code that can fold it, or for an earlier one of its stream."""

    partition: int
    offset: int
    stream: str
    type: str
    reason: str


def set_aside_in_sqlite(log: Path) -> list[SetAsideEvent]:
    """What the read model of the log at `log` has set aside, in the order of the log; nothing where there is none."""
    read_model = current(log)
    if read_model is None:
        return []
    with closing(sqlite3.connect(f"file:{read_model}?mode=ro", uri=True)) as connection:
        return [SetAsideEvent(*row) for row in connection.execute(_SELECT)]


async def set_aside_in_postgresql(dsn: str) -> list[SetAsideEvent]:
    """What the live read model in the database `dsn` has set aside, in the order of the log.

    Raises TemporarilyUnavailable.
    """
    from read_model.postgresql_connections import open_read_model  # with a library that SQLite does not need

    async with open_read_model(dsn) as connections, connections.acquire() as connection:
        return [SetAsideEvent(*row) for row in await connection.fetch(_SELECT)]
