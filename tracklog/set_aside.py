"""The events that a read model could not fold, as an operator sees them."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from read_model.sqlite_link import current
from tracklog.settings.store_uris import EmbeddedStores, PostgresqlDatabase, SqliteFile, Stores

_SELECT: Final = 'SELECT partition, "offset", stream, event_type, reason FROM set_aside ORDER BY 1, 2'


@dataclass(frozen=True, slots=True)
class SetAsideEvent:
    """An event that waits for code that can fold it, or for an earlier one of its stream."""

    partition: int
    offset: int
    stream: str
    type: str
    reason: str


async def set_aside_events(stores: Stores) -> list[SetAsideEvent]:
    """What the read model of `stores` has set aside, in the order of the log; nothing where there is none yet.

    Raises TemporarilyUnavailable.
    """
    if isinstance(stores, EmbeddedStores):
        return _of_file(stores.event_log)
    return await _of_database(stores.read_model)


def _of_file(log: SqliteFile) -> list[SetAsideEvent]:
    read_model = current(log.path)
    if read_model is None:
        return []
    with closing(sqlite3.connect(f"file:{read_model}?mode=ro", uri=True)) as connection:
        return [SetAsideEvent(*row) for row in connection.execute(_SELECT)]


async def _of_database(database: PostgresqlDatabase) -> list[SetAsideEvent]:
    from read_model.postgresql_connections import PostgresqlReadModelConnections

    connections = PostgresqlReadModelConnections(database.dsn)
    try:
        async with connections.acquire() as connection:
            return [SetAsideEvent(*row) for row in await connection.fetch(_SELECT)]
    finally:
        await connections.close()
