"""Which of several projectors follows the log in PostgreSQL: the one that holds an advisory lock.

The lock belongs to a session, and ends with it: when its process dies, closes it, or stalls. The last because the
holder sends a statement every PING_S, and PostgreSQL ends a session that is idle for STALLED_S.
"""

import asyncio
import contextlib
from collections.abc import Set
from typing import Final

from event_log.port import LogUnavailable, PartitionAssignment
from event_log.postgresql.connection import Connection, connect
from schemas.envelope import PARTITION
from schemas.postgresql_errors import UNANSWERED_ERRORS

PING_S: Final = 1.0
STALLED_S: Final = 5.0
"""A process that stalls for so long loses the lock to another; what it was about to commit is fenced."""
_RETRY_S: Final = 0.5

_NONE: Final[frozenset[int]] = frozenset()
_ALL: Final = frozenset({PARTITION})


class PostgresqlAssignment(PartitionAssignment):
    """One member of `group` at a time has the partition, and the others wait for it to leave."""

    def __init__(self, dsn: str, group: str) -> None:
        self._dsn = dsn
        self._lock = f"tracklog projectors {group}"
        self._partitions: Set[int] = _NONE
        self._changed = asyncio.Event()
        self._taking_part: asyncio.Task[None] | None = None

    @property
    def partitions(self) -> Set[int]:
        return self._partitions

    async def start(self) -> None:
        connection = await connect(self._dsn, _SETTINGS)
        self._taking_part = asyncio.create_task(self._take_part(connection))

    async def wait_for_change(self, known: Set[int], timeout_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._partitions == known:
                    self._changed.clear()
                    await self._changed.wait()

    async def close(self) -> None:
        if self._taking_part is not None:
            self._taking_part.cancel()
            await asyncio.wait([self._taking_part])

    async def _take_part(self, first: Connection) -> None:
        """Wait for the lock and hold it, on one connection after the other."""
        connection: Connection | None = first
        while True:
            if connection is not None:
                await self._hold(connection)
            await asyncio.sleep(_RETRY_S)
            try:
                connection = await connect(self._dsn, _SETTINGS)
            except LogUnavailable:
                connection = None

    async def _hold(self, connection: Connection) -> None:
        """Have the partition from when the lock is had until the connection ends."""
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            await connection.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", self._lock)
            self._become(_ALL)
            while not lost.is_set():
                await connection.execute("SELECT 1", timeout=STALLED_S)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PING_S):
                        await lost.wait()
        except UNANSWERED_ERRORS:
            pass  # another one may have the lock by now; `_take_part` tries again
        finally:
            self._become(_NONE)
            connection.terminate()

    def _become(self, partitions: Set[int]) -> None:
        self._partitions = partitions
        self._changed.set()


_SETTINGS: Final = {
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_session_timeout": f"{STALLED_S * 1000:.0f}",
    # A member that waits and goes away leaves the queue, too.
    "client_connection_check_interval": "1000",
}
