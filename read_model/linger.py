"""How long a projector lets events gather before it folds them, unless a reader waits for the read model."""

import asyncio
import contextlib
from typing import Final

from schemas.envelope import Positions

LINGER_S: Final = 0.1
"""How long events may gather while nothing reads: a transaction costs as much as folding a hundred points."""

FLUSHED_S: Final = 0.05
"""How long a projector does not linger at all after a request to flush. A client that waits for one write soon waits
for the next: a request for each would cost it the way of a notification, some milliseconds."""


async def linger_until(flush: asyncio.Event) -> None:
    """Return after LINGER_S, or as soon as `flush` is set from now on."""
    flush.clear()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            await flush.wait()


class Linger:
    """Lingers between two batches; a request to flush ends that, and rules it out for a moment. By the loop's clock."""

    def __init__(self) -> None:
        self._flush = asyncio.Event()
        self._flushed_at_s = -FLUSHED_S

    async def linger(self, _checkpoint: Positions) -> None:
        """Let more events gather, unless a flush was requested a moment ago, or is requested now."""
        if asyncio.get_running_loop().time() - self._flushed_at_s >= FLUSHED_S:
            await linger_until(self._flush)

    def flush(self) -> None:
        """A reader waits for the read model."""
        self._flushed_at_s = asyncio.get_running_loop().time()
        self._flush.set()
