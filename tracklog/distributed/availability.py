"""Starting while what a process needs is not there yet: it waits for a while, logs that, and stops when told to."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from event_log.port import LogAccessRefused
from schemas.errors import Retryable
from tracklog.serving.services import CannotStart, ToldToStop

logger = logging.getLogger(__name__)

PAUSE_S: Final = 0.5
LOGGED_EVERY_S: Final = 10.0
QUIET_S: Final = 1.0
"""A moment's wait is no news."""

AWAY_S: Final = 300.0
"""What does not answer for so long is more likely named wrongly than about to come; a service manager starts
this process again."""

REFUSED_S: Final = 10.0
"""What answers and refuses is only waited for while it may still be being set up, as a new database's users are."""

T = TypeVar("T")


async def once_available(
    attempt: Callable[[], Awaitable[T]],
    stopping: asyncio.Event,
    *,
    pause_s: float = PAUSE_S,
    clock: Callable[[], float] | None = None,
) -> T:
    """What `attempt` returns, as soon as it does not raise a Retryable error; it is made again after `pause_s`.

    Raises CannotStart with its reason after AWAY_S, or REFUSED_S of nothing but LogAccessRefused; ToldToStop when
    `stopping` is set before; and whatever else `attempt` raises. `clock` tells seconds.
    """
    now_s = clock or asyncio.get_running_loop().time
    began_s = refused_since_s = now_s()
    logged_s = began_s - LOGGED_EVERY_S + QUIET_S
    while not stopping.is_set():
        try:
            return await attempt()
        except Retryable as error:
            tried_s = now_s()
            until_s = began_s + AWAY_S
            if isinstance(error, LogAccessRefused):
                until_s = min(until_s, refused_since_s + REFUSED_S)
            else:
                refused_since_s = tried_s
            if tried_s >= until_s:
                raise CannotStart(error.message) from error
            if tried_s - logged_s >= LOGGED_EVERY_S:
                logger.warning("waiting to start, for %.0f s more at most: %s", until_s - tried_s, error.message)
                logged_s = tried_s
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await stopping.wait()
    raise ToldToStop
