"""Keeping a child process running: one that dies, hangs or cannot be started is followed by another.

The more of them come to nothing, the later the next one starts.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, Self

logger = logging.getLogger(__name__)

RESTART_S: Final = 0.2
RESTART_AT_MOST_S: Final = 5.0
_STOP_S: Final = 5.0
"""How long a child may take for the batch it is in before it is killed; the log keeps what it did not fold."""

PING_S: Final = 1.0
"""How often a child is asked for a sign of life."""

HUNG_S: Final = 30.0
"""A child that gives no sign of life for so long is killed. A batch takes a fraction of a second, and a slow disk some
seconds; what takes longer is a process that was suspended, or that waits for what never comes."""

START_S: Final = 300.0
"""And a child that has not yet given its first, for so long. Where a machine is busy or its disk slow, to start Python
and import a server takes longer than any silence later, and a child that is killed for that is followed by another that
takes as long, for ever."""


class Child(Protocol):
    """A process, as far as it is ended here."""

    def kill(self) -> None: ...

    async def wait(self) -> int: ...


class Supervisor:
    """Starts one child after another, and knows why none is at work.

    `run` starts a child, calls `is_at_work` of this object once the child says that it is, and returns its exit code
    when it has ended. `reached` is how far the children have come: one that died after getting on is followed at once.
    """

    def __init__(self, name: str, run: Callable[[], Awaitable[int | None]], reached: Callable[[], object]) -> None:
        self._name = name
        self._run = run
        self._reached = reached
        self._trouble: str | None = f"The {name} starts."

    @property
    def trouble(self) -> str | None:
        """Why no child is at work, in a sentence; None while one is."""
        return self._trouble

    def is_at_work(self) -> None:
        """The child has reported that it is at work."""
        self._trouble = None

    async def keep_running(self, restart_s: float = RESTART_S) -> None:
        """Run until cancelled. Nothing that keeps a child from starting ends this."""
        pause_s = restart_s
        while True:
            before = self._reached()
            why = await self._ended()
            pause_s = restart_s if self._reached() != before else min(2 * pause_s, RESTART_AT_MOST_S)
            self._trouble = f"The {self._name} {why}; another is started in {pause_s:.1f} s."
            logger.error("%s", self._trouble)
            await asyncio.sleep(pause_s)

    async def _ended(self) -> str:
        """How the next child ended."""
        self._trouble = self._trouble or f"The {self._name} starts."
        try:
            returncode = await self._run()
        except OSError as error:  # no process, memory or descriptor to be had, or the program is gone
            return f"could not be started ({error.strerror or error})"
        except Exception as error:
            logger.exception("looking after the %s failed", self._name)
            return f"could not be looked after ({error!r})"
        return how_it_ended(returncode)


def how_it_ended(returncode: int | None) -> str:
    """An exit code in words."""
    if returncode is not None and returncode < 0:
        return f"was ended by signal {-returncode}"
    return f"ended with exit code {returncode}"


class Pulse:
    """Whether a child still gives signs of life, counted in looks.

    Not in time: a machine that was suspended has let much time pass, in which no child could have been heard.
    """

    @classmethod
    def of(cls, hung_s: float, ping_s: float = PING_S) -> Self:
        """Of a child that starts, is looked after every `ping_s`, and may be silent for `hung_s` once it was heard."""
        return cls(round(hung_s / ping_s), round(max(hung_s, START_S) / ping_s))

    def __init__(self, most_silent_looks: int, most_before_the_first: int) -> None:
        self._most_later = most_silent_looks
        self._most = most_before_the_first
        self.silent = 0
        """How many looks there were since it was heard."""

    def heard(self) -> None:
        """The child gave a sign of life."""
        self.silent = 0
        self._most = self._most_later

    def is_lost(self) -> bool:
        """Look once more: whether the child has been silent for as many looks as it may be."""
        if self.silent == self._most:
            return True
        self.silent += 1
        return False


async def kill_when_silent(
    child: Child,
    pulse: Pulse,
    name: str,
    *,
    ping_s: float = PING_S,
    look: Callable[[], None] = lambda: None,
) -> None:
    """Look after a child every `ping_s` by calling `look`, and kill it when it gives no sign of life any more."""
    while not pulse.is_lost():
        look()
        await asyncio.sleep(ping_s)
    logger.error("the %s gave no sign of life for %g s; it is killed", name, pulse.silent * ping_s)
    child.kill()


async def ended(child: Child) -> None:
    """Wait for a child that was told to leave, and kill one that does not."""
    try:
        async with asyncio.timeout(_STOP_S):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()
