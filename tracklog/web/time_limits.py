"""Ending requests that run longer than their route allows, at the price of two dictionary operations a request."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Final

from tracklog.background import in_background

SWEEP_S: Final = 0.25
"""How late a limit may strike. A timer of its own for every request would cost more than the whole check."""


class TimeLimits:
    """The requests under way, by task, each with the loop time at which it must have ended."""

    def __init__(self) -> None:
        self._deadlines: dict[asyncio.Task[object], float] = {}
        self._struck: set[asyncio.Task[object]] = set()

    def start(self, task: "asyncio.Task[object]", deadline: float) -> None:
        """Have `task` cancelled when it still runs at `deadline`."""
        self._deadlines[task] = deadline

    def stop(self, task: "asyncio.Task[object]") -> None:
        """`task` is done with its request. Must follow every start."""
        self._deadlines.pop(task, None)
        self._struck.discard(task)

    def has_struck(self, task: "asyncio.Task[object]") -> bool:
        """Whether it was a limit that cancelled `task`."""
        return task in self._struck

    def running(self) -> AbstractAsyncContextManager[None]:
        """Enforce the limits as long as the context lasts."""
        return in_background(self._sweep())

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            now = loop.time()
            for task in [task for task, deadline in self._deadlines.items() if deadline <= now]:
                del self._deadlines[task]
                self._struck.add(task)
                task.cancel()
