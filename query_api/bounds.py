"""What one read of a read model may take, and how many may wait for it, whatever database it is in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from schemas.errors import DeadlineExceeded, RequestLimitExceeded

STATEMENT_BOUND_S: Final = 20.0
"""Below the 30 s after which a request is given up, so that the client hears which part took too long."""

MAX_WAITING_STATEMENTS: Final = 1024
"""Statements beyond this are refused at once: at 300 searches a second they would wait for seconds."""

SNAPSHOT_WAIT_S: Final = 5.0
"""How long a reader waits for another to leave its snapshot."""


def check_waiting(statements: int) -> None:
    """Raises RequestLimitExceeded when as many statements wait as may."""
    if statements >= MAX_WAITING_STATEMENTS:
        raise RequestLimitExceeded(f"{statements} statements already wait for the read model; try again.")


def too_slow() -> DeadlineExceeded:
    """The error for a statement that took longer than STATEMENT_BOUND_S."""
    return DeadlineExceeded(f"The read model did not answer within {STATEMENT_BOUND_S:g} s; narrow the request.")


class SnapshotSlots:
    """Lets `count` snapshots be open at once."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = asyncio.Semaphore(count)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Held until it is left. Raises RequestLimitExceeded when none becomes free within SNAPSHOT_WAIT_S."""
        try:
            async with asyncio.timeout(SNAPSHOT_WAIT_S):
                await self._free.acquire()
        except TimeoutError as error:
            raise RequestLimitExceeded(f"{self._count} snapshots of the read model are in use; try again.") from error
        try:
            yield
        finally:
            self._free.release()
