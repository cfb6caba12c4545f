"""What logs of one partition have in common."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Final

from event_log.port import EVERY_EVENT, EventFilter, EventLogReader
from schemas.envelope import PARTITION, Position, RecordedEvent

READ_BYTES: Final = 4 * 1024 * 1024
"""An answer of `read` ends when its payloads are more."""

TRUSTED_S: Final = 5.0
"""For so long after a commit the log is taken to be able to make another: frequent checks then cost no write each."""


class SinglePartitionReader(EventLogReader):
    """Reads a log whose one partition is PARTITION."""

    async def partitions(self) -> Sequence[int]:
        return (PARTITION,)

    def partition_of(self, ordering_unit: str) -> int:
        return PARTITION

    async def read(
        self,
        partition: int,
        offset: int,
        *,
        limit: int,
        matching: EventFilter = EVERY_EVENT,
    ) -> list[RecordedEvent]:
        if partition != PARTITION:
            raise ValueError(f"this log has partition {PARTITION} only, not {partition}")
        return await self._read(offset, limit, matching)

    @abstractmethod
    async def _read(self, offset: int, limit: int, matching: EventFilter) -> list[RecordedEvent]:
        """As `read`, of the one partition."""


def positions(first: int, count: int) -> list[Position]:
    """Of `count` events, side by side from offset `first` on."""
    return [Position(PARTITION, offset) for offset in range(first, first + count)]
