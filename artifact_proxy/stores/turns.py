"""Turns at what a store has only a few of: connections, room in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from artifact_proxy.stores.blob_store import StoreUnavailable


class Turns:
    """At most `at_once` have a turn; others wait for up to `wait_s`, and then get StoreUnavailable with `message`."""

    def __init__(self, at_once: int, wait_s: float, message: str) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._wait_s = wait_s
        self._message = message

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError as error:
            raise StoreUnavailable(self._message) from error
        try:
            yield
        finally:
            self._free.release()
