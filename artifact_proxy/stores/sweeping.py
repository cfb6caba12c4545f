"""Removing, at the start and every hour, what uploads that were killed left in a store."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from schemas.errors import TracklogError

log = logging.getLogger(__name__)

SWEPT_EVERY_S: Final = 3600.0


class Sweeping:
    """Calls `sweep` at `start` and every `every_s` seconds after, until it is closed. A sweep that fails is logged."""

    def __init__(self, sweep: Callable[[], Awaitable[None]], every_s: float = SWEPT_EVERY_S) -> None:
        self._sweep = sweep
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None
        self.swept_once = asyncio.Event()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self._sweep()
            except TracklogError as error:
                log.warning("Abandoned uploads were not looked for: %s", error.message)
            self.swept_once.set()
            await asyncio.sleep(self._every_s)
