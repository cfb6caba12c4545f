"""Keeping a child process running: one that dies is followed by another, the later the more die without getting on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

logger = logging.getLogger(__name__)

_RESTART_S: Final = 0.2
_RESTART_AT_MOST_S: Final = 5.0
_STOP_S: Final = 5.0
"""How long a child may take for the batch it is in before it is killed; the log keeps what it did not fold."""


async def keep_running(name: str, run: Callable[[], Awaitable[int | None]], reached: Callable[[], object]) -> None:
    """Call `run`, which runs a child to its end and returns its exit code, again and again, until cancelled.

    `reached` is how far the children have come: one that died after getting on is followed at once.
    """
    pause_s = _RESTART_S
    while True:
        before = reached()
        returncode = await run()
        pause_s = _RESTART_S if reached() != before else min(2 * pause_s, _RESTART_AT_MOST_S)
        logger.error("the %s ended with %s; starting another in %.1f s", name, returncode, pause_s)
        await asyncio.sleep(pause_s)


async def ended(child: asyncio.subprocess.Process) -> None:
    """Wait for a child that was told to leave, and kill one that does not."""
    try:
        async with asyncio.timeout(_STOP_S):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()
