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
QUIET_S: Final = 1.0
"""A moment's wait is no news."""

T = TypeVar("T")


async def once_available(
    attempt: Callable[[], Awaitable[T]], stopping: asyncio.Event, *, pause_s: float = PAUSE_S
) -> T:
    """What `attempt` returns, as soon as it does not raise a Retryable error; it is made again after `pause_s`.

    Raises ToldToStop when `stopping` is set before, and whatever else `attempt` raises.
    """
    loop = asyncio.get_running_loop()
    said_s = loop.time() - SAID_EVERY_S + QUIET_S
    while not stopping.is_set():
        try:
            return await attempt()
        except Retryable as error:
            if loop.time() - said_s >= SAID_EVERY_S:
                logger.warning("waiting to start: %s", error.message)
                said_s = loop.time()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await stopping.wait()
    raise ToldToStop
