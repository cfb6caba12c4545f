"""The read model as the projector sees it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from projector.working_set import Needs, WorkingSet
from schemas.envelope import RecordedEvent


class Fenced(Exception):
    """Another worker moved the checkpoint, or another read model took this one's place. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event the fold did not let happen, and the error its writer is owed."""

    partition: int
    offset: int
    error_code: str
    message: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """An event that could not be folded, or that follows one of its stream that could not."""

    event: RecordedEvent
    reason: str


class ReadModelWriter(ABC):
    """Rows, and with them in one transaction the checkpoint they account for."""

    @abstractmethod
    async def checkpoint(self, partition: int) -> int:
        """The offset of the next event to fold."""

    @abstractmethod
    async def set_aside_streams(self) -> set[str]:
        """The streams whose events are set aside until they can be folded."""

    @abstractmethod
    async def set_aside_offsets(self) -> list[tuple[int, int]]:
        """(partition, offset) of every event set aside, in that order."""

    @abstractmethod
    async def refusals_since(self, partition: int, offset: int) -> list[Refusal]:
        """Refusals of events at `offset` and after."""

    @abstractmethod
    async def load(self, needs: Needs) -> WorkingSet:
        """The present state of everything `needs` names."""

    @abstractmethod
    async def commit(
        self,
        working_set: WorkingSet,
        refusals: Sequence[Refusal],
        set_aside: Sequence[SetAside],
        checkpoints: Mapping[int, tuple[int, int]],
        resumed: Sequence[tuple[int, int]] = (),
    ) -> None:
        """Write what the fold changed, and move each partition's checkpoint from its expected to its new value.

        `resumed` are events once set aside that are folded now. All of it happens, or none.
        Raises Fenced.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of everything."""
