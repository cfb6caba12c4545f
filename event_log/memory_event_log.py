"""The event log in memory, for unit tests: the same contract, nothing durable, any number of partitions."""

import asyncio
import uuid
import zlib
from collections.abc import Sequence

from event_log.port import EVERY_EVENT, EventFilter
from event_log.sealing.port import EncodedEventLog
from schemas import codec
from schemas.damaged_event import damaged_event
from schemas.envelope import EventData, Position, Positions, RecordedEvent


class MemoryEventLog(EncodedEventLog):
    """Holds its events in lists, one a partition."""

    def __init__(self, partitions: int = 1) -> None:
        self._events: list[list[RecordedEvent]] = [[] for _ in range(partitions)]
        self._grown = asyncio.Event()
        self._id = str(uuid.uuid4())

    async def identity(self) -> str:
        return self._id

    async def partitions(self) -> Sequence[int]:
        return range(len(self._events))

    def partition_of(self, ordering_unit: str) -> int:
        return zlib.crc32(ordering_unit.encode()) % len(self._events)

    async def append(self, events: Sequence[EventData]) -> list[Position]:
        return await self.append_encoded(events, [codec.encode(event.payload) for event in events])

    async def append_encoded(self, events: Sequence[EventData], payloads: Sequence[bytes]) -> list[Position]:
        partition = self.partition_of(events[0].ordering_unit)
        stored = self._events[partition]
        places = range(len(stored), len(stored) + len(events))
        recorded = [
            _recorded(event, payload, partition, offset)
            for event, payload, offset in zip(events, payloads, places, strict=True)
        ]
        stored += recorded
        self._grown.set()
        return [Position(partition, event.offset) for event in recorded]

    async def end(self) -> Positions:
        return {partition: len(events) for partition, events in enumerate(self._events)}

    async def read(
        self,
        partition: int,
        offset: int,
        *,
        limit: int,
        matching: EventFilter = EVERY_EVENT,
    ) -> list[RecordedEvent]:
        if partition not in range(len(self._events)):
            raise ValueError(f"this log has partitions 0 to {len(self._events) - 1}, not {partition}")
        return [event for event in self._events[partition][offset:] if matching.matches(event)][:limit]

    async def wait_for_more(self, end: Positions, timeout_s: float) -> None:
        deadline = asyncio.get_running_loop().time() + timeout_s
        while all(len(self._events[partition]) <= offset for partition, offset in end.items()):
            self._grown.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._grown.wait()
            except TimeoutError:
                return

    async def close(self) -> None:
        pass

    def damage(self, position: Position) -> None:
        """Change what is stored of the event at `position`: it cannot be read any more."""
        partition, offset = position.partition, position.offset
        stream = self._events[partition][offset].stream
        self._events[partition][offset] = damaged_event(
            partition, offset, "its bytes are not those that were written", stream=stream
        )


def _recorded(event: EventData, encoded: bytes, partition: int, offset: int) -> RecordedEvent:
    payload = event.payload
    return RecordedEvent(
        partition,
        offset,
        event.id,
        payload.event_type,
        payload.event_version,
        event.stream,
        event.time_us,
        event.actor,
        event.request_id,
        encoded,
    )
