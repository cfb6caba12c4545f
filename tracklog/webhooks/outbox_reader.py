"""What a sender reads of the read model: the webhooks, and the outbox."""

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from read_model import sqlite_link
from read_model.connections import ReadModelConnections
from read_model.sqlite_statements import in_sqlite
from schemas.errors import TemporarilyUnavailable

BUSY_TIMEOUT_S: Final = 5.0

Statement = tuple[Any, ...]
"""SQL and its parameters."""

_WEBHOOKS: Final = """
SELECT webhook_id, url, events, status, secret_id, since, pauses, last_updated_timestamp_ms FROM webhooks
"""
_CHECKPOINTS: Final = "SELECT partition, next_offset FROM checkpoints"
_ROWS: Final = """
SELECT "partition", "offset", event, stream, time_us, data FROM outbox
WHERE "partition" = $1 AND "offset" >= $2 ORDER BY "offset" LIMIT $3
"""


Pause = tuple[tuple[int, ...], tuple[int, ...] | None]


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook as a sender needs it. `since` holds the first offset that it is told of, by partition.

    `pauses` are from where to where it was disabled, by partition too; None while it is.
    """

    webhook_id: str
    url: str
    events: frozenset[str]
    status: str
    secret_id: str
    since: tuple[int, ...]
    pauses: tuple[Pause, ...]
    last_updated_ms: int

    @property
    def is_active(self) -> bool:
        return self.status == "ACTIVE"

    def first_offset(self, partition: int) -> int:
        """Of what it is told of in a partition. One that the log got since it was made is told of from its begin."""
        return _of(self.since, partition)

    def is_told(self, partition: int, offset: int) -> bool:
        """Whether it was not disabled when this came. A partition that came meanwhile is told of from its begin."""
        return not any(
            _of(begin, partition) <= offset and (end is None or offset < _of(end, partition))
            for begin, end in self.pauses
        )


def _of(offsets: Sequence[int], partition: int) -> int:
    """The offset in a partition, in one that the log did not have the first."""
    return offsets[partition] if partition < len(offsets) else 0


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """What `projector.outbox` wrote of an event."""

    partition: int
    offset: int
    event: str
    stream: str
    time_us: int
    data: str


class OutboxReader(ABC):
    """Raises TemporarilyUnavailable when the read model cannot be reached."""

    async def webhooks(self) -> tuple[dict[int, int], list[Subscription]]:
        """Up to where each partition is folded, of those of which anything is; and the webhooks there are then.

        Both are of one generation of the read model, the webhooks at least as new as the checkpoints: of one that is
        folded anew the checkpoints say that webhooks may be missing.
        """
        checkpoints, webhooks = await self._fetch((_CHECKPOINTS,), (_WEBHOOKS,))
        return {row[0]: row[1] for row in checkpoints}, [_subscription(*row) for row in webhooks]

    async def rows(self, partition: int, offset: int, limit: int) -> list[OutboxRow]:
        """At most `limit` rows of a partition from `offset` on, in their order."""
        (rows,) = await self._fetch((_ROWS, partition, offset, limit))
        return [OutboxRow(*row) for row in rows]

    @abstractmethod
    async def _fetch(self, *statements: Statement) -> list[Sequence[Sequence[Any]]]:
        """The rows of each, one after another in one generation of the read model."""


def _subscription(
    webhook_id: str, url: str, events: str, status: str, secret_id: str, since: str, pauses: str, updated_ms: int
) -> Subscription:
    return Subscription(
        webhook_id,
        url,
        frozenset(orjson.loads(events)),
        status,
        secret_id,
        tuple(orjson.loads(since)),
        tuple((tuple(begin), end and tuple(end)) for begin, end in orjson.loads(pauses)),
        updated_ms,
    )


class SqliteOutboxReader(OutboxReader):
    """Of the embedded log at `log`, whichever generation of its read model is live."""

    def __init__(self, log: Path) -> None:
        self._log = log

    async def _fetch(self, *statements: Statement) -> list[Sequence[Sequence[Any]]]:
        return await asyncio.to_thread(self._rows, statements)

    def _rows(self, statements: Sequence[Statement]) -> list[Sequence[Sequence[Any]]]:
        file = sqlite_link.current(self._log)
        if file is None:
            raise TemporarilyUnavailable("There is no read model yet.")
        try:
            # Opened anew each time, which is cheap: a rebuild puts another file in its place.
            with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)) as connection:
                return [
                    connection.execute(in_sqlite(statement), parameters).fetchall()
                    for statement, *parameters in statements
                ]
        except sqlite3.OperationalError as error:
            raise TemporarilyUnavailable("The read model cannot be read now.") from error


class PostgresqlOutboxReader(OutboxReader):
    def __init__(self, connections: ReadModelConnections) -> None:
        self._connections = connections

    async def _fetch(self, *statements: Statement) -> list[Sequence[Sequence[Any]]]:
        async with self._connections.acquire() as connection:
            return [
                [tuple(row) for row in await connection.fetch(statement, *parameters)]
                for statement, *parameters in statements
            ]
