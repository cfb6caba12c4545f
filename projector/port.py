"""The read model as the projector sees it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

from projector.changes import Change, Reading, Row
from schemas.envelope import Positions, RecordedEvent


class Fenced(Exception):
    """Another worker moved a checkpoint: it has the partition now. Nothing was written."""


class Superseded(Exception):
    """Another read model took this one's place. Nothing was written, and nothing ever will be."""


class Unwritable(Exception):
    """The database refuses what some event of the batch asks it to keep. Nothing was written."""


class ReadModelUnavailable(Exception):
    """The database is away, or cannot be written now. A commit under way may have happened: the checkpoints show it."""


class DamagedReadModel(Exception):
    """What is stored is not what was written, or some of it is gone. The read model must be made anew from the log."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event that the fold refused, and the error that its writer is answered with."""

    partition: int
    offset: int
    error_code: str
    message: str
    stream: str


class CheckpointMove(NamedTuple):
    """Where a commit moves the checkpoint of a partition. `last_event_id` is the id of the event before `new`."""

    expected: int
    new: int
    last_event_id: bytes


@dataclass(frozen=True, slots=True)
class SetAside:
    """An event to be set aside: it could not be folded, or follows one of its stream that could not."""

    event: RecordedEvent
    reason: str


@dataclass(frozen=True, slots=True)
class SetAsidePosition:
    """Where an event is that was set aside. `stream` is only to be shown: a database may not hold it as it was."""

    partition: int
    offset: int
    stream: str


class ReadModelWriter(ABC):
    """Rows, and with them in one transaction the checkpoints they account for.

    Several writers may be at one read model, each with partitions of its own; what keeps two from writing the same
    partition is that a commit names the checkpoints it expects. Every call raises ReadModelUnavailable and
    DamagedReadModel.
    """

    @abstractmethod
    async def checkpoints(self, partitions: Set[int]) -> Positions:
        """The offset of the next event to fold, of each of `partitions`."""

    @abstractmethod
    async def set_aside_positions(self, partitions: Set[int]) -> list[SetAsidePosition]:
        """Every event of `partitions` that is set aside, in the order of partition and offset."""

    @abstractmethod
    async def refusals_since(self, partition: int, offset: int) -> list[Refusal]:
        """Refusals of events at `offset` and after."""

    def cannot_keep(self, payload: bytes) -> str | None:
        """Why no event with this payload can be kept, None where nothing speaks against it.

        It is asked of each event before it is folded. A commit, which raises Unwritable for the same reason, holds only
        what a whole batch comes to: a later event may have replaced the value that cannot be kept.
        """
        return None

    @abstractmethod
    async def read(self, reading: Reading) -> Sequence[Row]:
        """The rows that `reading` asks for, in any order. Raises Unwritable when a key cannot even be asked for."""

    @abstractmethod
    async def commit(
        self,
        changes: Sequence[Change],
        refusals: Sequence[Refusal],
        set_aside: Sequence[SetAside],
        checkpoints: Mapping[int, CheckpointMove],
        resumed: Sequence[tuple[int, int]] = (),
    ) -> None:
        """Make the changes in their order, and move each partition's checkpoint from its expected to its new value.

        `resumed` are (partition, offset) of events once set aside that are folded now. All of it happens, or none.
        Raises Fenced, Superseded or Unwritable.
        """

    @abstractmethod
    async def check(self, checkpoints: Positions) -> None:
        """Find out, for a worker with nothing to commit, whether it could. `checkpoints` are those it knows.

        Raises Fenced and Superseded, too.
        """

    @abstractmethod
    async def close(self) -> None:
        """Close the connection."""
