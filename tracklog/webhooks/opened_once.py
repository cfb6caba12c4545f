"""A delivery store that is opened when it is first asked for: a server without webhooks pays nothing for it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracklog.webhooks.delivery_store import DeliveryStore

OpenStore = Callable[[], Awaitable["DeliveryStore"]]
"""Raises TemporarilyUnavailable when the store cannot be reached."""


class OpenedOnce:
    """Shared by whoever needs the store in a process."""

    def __init__(self, open_store: OpenStore) -> None:
        self._open_store = open_store
        self._opening = asyncio.Lock()
        self._store: DeliveryStore | None = None

    async def store(self) -> "DeliveryStore":
        """The open store. Raises TemporarilyUnavailable."""
        async with self._opening:
            if self._store is None:
                self._store = await self._open_store()
            return self._store

    async def close(self) -> None:
        """Let go of the store, if it was opened."""
        if self._store is not None:
            await self._store.close()
            self._store = None
