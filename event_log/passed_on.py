"""Reads of a log passed on to another: what a wrapper does not change is the other's own, with its shortcuts."""

from collections.abc import Sequence, Set

from event_log.port import EVERY_EVENT, EventFilter, EventLogReader
from schemas.envelope import Positions, RecordedEvent


class PassedOnReads(EventLogReader):
    """Reads as `reads` does. A wrapper derives from it and overrides what it changes.

    Also what the port has a plain way of its own for is passed on: that way reads far more than the other log needs to.
    """

    def __init__(self, reads: EventLogReader) -> None:
        self._reads = reads
        self.finds_streams = reads.finds_streams

    async def partitions(self) -> Sequence[int]:
        return await self._reads.partitions()

    def partition_of(self, ordering_unit: str) -> int:
        return self._reads.partition_of(ordering_unit)

    async def identity(self) -> str:
        return await self._reads.identity()

    async def check(self) -> None:
        await self._reads.check()

    async def end(self) -> Positions:
        return await self._reads.end()

    async def read(
        self, partition: int, offset: int, *, limit: int, matching: EventFilter = EVERY_EVENT
    ) -> list[RecordedEvent]:
        return await self._reads.read(partition, offset, limit=limit, matching=matching)

    async def read_at(self, partition: int, offsets: Sequence[int]) -> list[RecordedEvent]:
        return await self._reads.read_at(partition, offsets)

    async def not_later(self, partitions: Set[int], time_us: int) -> Positions:
        return await self._reads.not_later(partitions, time_us)

    async def wait_for_more(self, end: Positions, timeout_s: float) -> None:
        await self._reads.wait_for_more(end, timeout_s)

    async def close(self) -> None:
        await self._reads.close()
