"""The content of an upload on its way into an HTTP request to a store."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

STALL_S: Final = 30.0
"""How long a store may take nothing of an upload, or be silent after the last byte."""


class WatchedUpload:
    """`source`, and what broke it. The time limit `stall` runs while the store is waited for, not while the source is.

    Whoever sends has a time limit of its own.
    """

    def __init__(self, source: AsyncIterator[bytes], stall: asyncio.Timeout) -> None:
        self._source = source
        self._stall = stall
        self.failure: Exception | None = None
        self.taken = 0
        """How many bytes were given so far."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            self._stall.reschedule(None)
            async for chunk in self._source:
                self._stall.reschedule(stalled_at())
                self.taken += len(chunk)
                yield chunk
                self._stall.reschedule(None)
        except Exception as error:
            self.failure = error
            raise
        self._stall.reschedule(stalled_at())


def stalled_at() -> float:
    """When the store will have been silent for too long, by the event loop's clock."""
    return asyncio.get_running_loop().time() + STALL_S
