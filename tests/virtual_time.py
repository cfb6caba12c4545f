"""Time that passes only while nothing else is left to do: a wait takes none, and no time limit is ever late.

A test module that says `LOOP = VirtualTimeLoop` has its asynchronous tests and fixtures run so (`tests/conftest.py`).
"""

import asyncio
from collections.abc import Coroutine
from selectors import DefaultSelector, SelectorKey
from typing import Any, TypeVar

T = TypeVar("T")

Ready = list[tuple[SelectorKey, int]]


class NobodyWillCome(Exception):
    """Every task waits for something that nothing will bring about."""


class _Selector(DefaultSelector):
    """Where a loop would wait until its next timer is due, the clock is put there instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> Ready:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise NobodyWillCome
        self.now_s += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """For code that waits by the loop's clock alone: a thread or a server elsewhere would be left behind."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_s


def run_in_virtual_time(main: Coroutine[Any, Any, T]) -> T:
    """What `main` returns, run to its end on a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
