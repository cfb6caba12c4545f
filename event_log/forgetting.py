"""Taking the payloads of erased streams out of a log, while it is appended to.

What goes into their places is their hashes: `schemas.forgotten`. Erasures themselves stay. How far the erasures of the
log are carried out is kept in its own database, so that a crash is followed by the rest of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

from schemas.envelope import Position
from schemas.events import EVENT_TYPES, AnyErased

ERASURE_TYPES: Final = frozenset(name for name, event in EVENT_TYPES.items() if issubclass(event, AnyErased))

AT_ONCE: Final = 200
"""Events of one transaction: appends wait no longer than that takes."""


class Forgetting(ABC):
    """Of one log. Every method raises LogUnavailable, and may be repeated after it."""

    removes_payloads: bool = True
    """Whether `forget` does anything. Records of Kafka cannot be changed, and are forgotten where they are sealed."""

    @abstractmethod
    async def forget(self, streams: Sequence[str], refused: Sequence[Position] = ()) -> int:
        """Forget every event of `streams` but erasures, and the events at `refused`; how many those were.

        When it returns, no part of the log that a reader may be given has the payloads any more. What was forgotten
        before is not counted again.
        """

    @abstractmethod
    async def carried_out(self, partition: int) -> int:
        """The offset up to which the erasures of a partition are carried out."""

    @abstractmethod
    async def note_carried_out(self, partition: int, offset: int) -> None:
        """Say up to which offset they are now. It never goes back."""
