"""Signed checkpoints also in a place of their own: a folder, or a bucket from which this server cannot delete.

Whoever runs the database, and even whoever has the key, cannot take back what lies there.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from artifact_proxy.artifact_path import ArtifactPath
from artifact_proxy.stores.blob_store import BlobStore
from artifact_proxy.stores.by_uri import store_at
from schemas.errors import TracklogError

logger = logging.getLogger(__name__)

EVERY_S: Final = 60.0
"""At most one object of a partition in as long: each stays for ever."""

TIMEOUT_S: Final = 10.0


class PublishedCheckpoints:
    """Puts checkpoints into a store, as `tracklog/<log id>/<partition>/<size>.checkpoint`. `clock` tells seconds."""

    def __init__(self, store: BlobStore, log_id: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._log_id = log_id
        self._clock = clock
        self._waiting: dict[int, tuple[int, str]] = {}
        self._due_s: dict[int, float] = {}
        self._is_in_trouble = False

    def add(self, partition: int, size: int, note: str) -> None:
        """The newest checkpoint of a partition."""
        self._waiting[partition] = size, note

    async def publish(self) -> None:
        """Put those that are due. What cannot be put now is tried again, or its successor is."""
        now_s = self._clock()
        for partition, (size, note) in [*self._waiting.items()]:
            if now_s < self._due_s.get(partition, now_s):
                continue
            self._due_s[partition] = now_s + EVERY_S
            names = ("tracklog", self._log_id, str(partition), f"{size}.checkpoint")
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    await self._store.put(ArtifactPath(names), _chunks(note.encode()), len(note.encode()))
            except (TracklogError, TimeoutError) as error:
                if not self._is_in_trouble:
                    logger.error("checkpoints cannot be put where they are to be kept: %s", str(error) or "no answer")
                self._is_in_trouble = True
            else:
                self._is_in_trouble = False
                del self._waiting[partition]


@asynccontextmanager
async def publishing(uri: str | None, log_id: str) -> AsyncIterator[PublishedCheckpoints | None]:
    """What publishes to the folder or bucket `uri`; None where none is named. Raises what the store raises."""
    if uri is None:
        yield None
        return
    store = store_at(uri, os.environ)
    try:
        await store.start()
        yield PublishedCheckpoints(store, log_id)
    finally:
        await store.close()


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content
