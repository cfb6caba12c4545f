"""Starting while what a process needs is not there yet: it waits, says so, and stops waiting when told to."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from schemas.errors import Retryable
from tracklog.serving import ToldToStop

logger = logging.getLogger(__name__)

PAUSE_S: Final = 0.5
SAID_EVERY_S: Final = 10.0

T = TypeVar("T")


async def once_available(attempt: Callable[[], Awaitable[T]], stopping: asyncio.Event) -> T:
    """What `attempt` returns, as soon as it does not raise a Retryable error.

    Raises ToldToStop when `stopping` is set before, and whatever else `attempt` raises.
    """
    loop = asyncio.get_running_loop()
    said_s = -SAID_EVERY_S
    while not stopping.is_set():
        try:
            return await attempt()
        except Retryable as error:
            if loop.time() - said_s >= SAID_EVERY_S:
                logger.warning("waiting to start: %s", error.message)
                said_s = loop.time()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PAUSE_S):
                await stopping.wait()
    raise ToldToStop
