"""Waiting in tests for what another task, thread or process brings about."""

import asyncio
import time
from collections.abc import Callable

AT_MOST_S = 60.0
"""Only reached where something is broken: machines are busy."""


async def until(is_so: Callable[[], object], at_most_s: float = AT_MOST_S) -> None:
    """Return as soon as `is_so`, looked at again and again. Raises TimeoutError."""
    async with asyncio.timeout(at_most_s):
        while not is_so():
            await asyncio.sleep(0.002)


def wait_for_the_next_millisecond() -> None:
    """Return in another millisecond than it was called in, which is as fine as times of MLflow are."""
    began_ms = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 == began_ms:
        time.sleep(0.0005)


def wait_until(is_so: Callable[[], object], at_most_s: float = AT_MOST_S) -> None:
    """As `until`, for tests without an event loop, of what takes longer."""
    deadline = time.monotonic() + at_most_s
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)
