"""The history index as its one writer and its readers see it.

It says at which offsets the events of a term are (`read_model.history.terms`), and nothing of what they hold: they are
read from the log. Like the read model it has a checkpoint for each partition; everything before it is in the index. It
can be thrown away at any time, and is then made anew from the log.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from read_model.history.segment import (
    BLOCK_EVENTS,
    ClosedBlock,
    EventTimes,
    OpenBlock,
    PostingList,
    Segment,
    block_of,
)
from schemas.envelope import Positions

FORMAT_VERSION: Final = 3
"""An index of another one is made anew."""

_LOOK_S: Final = 0.005
"""A reader that waits looks so often at first, then less and less. Few read the history, and never for long."""
_SELDOM_S: Final = 0.05


class IndexFenced(Exception):
    """Another writer moved the checkpoint of the partition. Nothing was written."""


class IndexUnavailable(Exception):
    """The index cannot be written now."""


class IndexDamaged(Exception):
    """What is stored is not what was written, or of another log: the index has to be made anew."""


class PostingsAsked(NamedTuple):
    """A question for the posting lists of some terms in a partition, from a block on."""

    partition: int
    terms: Sequence[int]
    block: int


class Blocks(NamedTuple):
    """Closed blocks of a partition, with the last."""

    partition: int
    first: int
    last: int


class TermPosting(NamedTuple):
    """A posting list, and of which block it is."""

    block: int
    postings: PostingList


class HistoryIndex(ABC):
    """The index, to read. Every method raises TemporarilyUnavailable while there is none, or it cannot be read."""

    @abstractmethod
    async def checkpoints(self) -> Positions:
        """Up to where each partition is in the index, of those of which anything is."""

    @abstractmethod
    async def open_blocks(self) -> Mapping[int, OpenBlock]:
        """The open block of each partition, whose end is the checkpoint.

        What the other methods say of blocks before it does not change any more.
        """

    @abstractmethod
    async def postings(
        self, asked: Sequence[PostingsAsked], *, newest_first: bool, limit: int
    ) -> Sequence[Sequence[TermPosting]]:
        """The posting lists of each question, in the blocks from its own on, backwards with `newest_first`.

        Of a term in a partition they are those of the `limit` nearest blocks that have any, the nearest first.
        """

    @abstractmethod
    async def requests(
        self, asked: Sequence[Blocks], bucket: int, mark: bytes
    ) -> Sequence[Sequence[tuple[int, bytes]]]:
        """What blocks have in a bucket of requests, with their numbers: of those that have a mark's bytes there."""

    @abstractmethod
    async def blocks_between(self, since_us: int | None, until_us: int | None) -> Mapping[int, tuple[int, int]]:
        """The first and the last closed block with an event that is at least at one time and before another.

        Of each partition that has such a block.
        """

    @abstractmethod
    async def times(self, asked: Sequence[tuple[int, int]]) -> Sequence[EventTimes]:
        """The times of the events of closed blocks, by partition and number."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of what is held."""

    def request_flush(self) -> None:  # noqa: B027  # who cannot ask waits for as long as the writer lingers
        """Ask the writer not to linger: a reader waits."""

    async def wait_until(self, positions: Positions, timeout_s: float) -> bool:
        """Return once the index has reached `positions`, or after `timeout_s`; whether it has."""
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        pause_s = _LOOK_S
        while True:
            reached = await self.checkpoints()
            if all(reached.get(partition, 0) >= offset for partition, offset in positions.items()):
                return True
            if asyncio.get_running_loop().time() >= deadline_s:
                return False
            self.request_flush()
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _SELDOM_S)


class IndexedPartition(NamedTuple):
    """Where a partition is: its checkpoint, the id of the event before it, and the segments of its open block."""

    checkpoint: int
    last_event_id: bytes
    segments: Sequence[Segment]


class IndexCommit(NamedTuple):
    """What a commit brings of one partition, whose checkpoint it moves from `expected` to `end`.

    `segments` of the open block take the place of those with the same first offset, `blocks` that of all their
    segments. `owners` are the experiments of new runs and logged models, by the term of their stream.
    """

    partition: int
    expected: int
    end: int
    last_event_id: bytes
    segments: Sequence[Segment]
    blocks: Sequence[ClosedBlock]
    owners: Mapping[int, int]

    @property
    def open_block_begin(self) -> int:
        return block_of(self.end) * BLOCK_EVENTS


class HistoryIndexWriter(ABC):
    """The index, to write. Every method raises IndexUnavailable and IndexDamaged."""

    @abstractmethod
    async def open(self, log_id: str) -> None:
        """Open the index of the log of this id. One of another log or format is thrown away, and made anew."""

    @abstractmethod
    async def partition(self, partition: int) -> IndexedPartition:
        """What there is of a partition, with checkpoint 0 where there is nothing."""

    @abstractmethod
    async def owners(self, streams: Collection[int]) -> Mapping[int, int]:
        """The experiments of runs and logged models, by the terms of their streams, of those that are known."""

    @abstractmethod
    async def commit(self, commit: IndexCommit) -> None:
        """All of it, or nothing. Raises IndexFenced."""

    @abstractmethod
    async def check(self) -> None:
        """Find out, for a worker with nothing to commit, whether the index is still there."""

    @abstractmethod
    async def discard(self) -> None:
        """Throw everything away: it is damaged, or of another log. `open` makes it anew."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of what is held."""
