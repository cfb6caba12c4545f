"""Events that were read from a log and chosen, as a log to read: what folds a log folds them too."""

import asyncio
from bisect import bisect_left
from collections.abc import Mapping, Sequence

from event_log.port import EVERY_EVENT, EventFilter, EventLogReader
from schemas.envelope import Positions, RecordedEvent


class Gathered(EventLogReader):
    """Holds some events of each partition, in order; there are gaps between their offsets.

    `at_once` is the most that one `read` answers.
    """

    def __init__(self, log: EventLogReader, events: Mapping[int, Sequence[RecordedEvent]], at_once: int) -> None:
        self._log = log
        self._events = events
        self._at_once = at_once

    async def partitions(self) -> Sequence[int]:
        return sorted(self._events)

    def partition_of(self, ordering_unit: str) -> int:
        return self._log.partition_of(ordering_unit)

    async def identity(self) -> str:
        return await self._log.identity()

    async def end(self) -> Positions:
        return {partition: events[-1].offset + 1 if events else 0 for partition, events in self._events.items()}

    async def read(
        self, partition: int, offset: int, *, limit: int, matching: EventFilter = EVERY_EVENT
    ) -> list[RecordedEvent]:
        events = self._events[partition]
        first = bisect_left(events, offset, key=_offset)
        if matching != EVERY_EVENT:
            return [event for event in events[first:] if matching.matches(event)][: min(limit, self._at_once)]
        return list(events[first : first + min(limit, self._at_once)])

    async def wait_for_more(self, end: Positions, timeout_s: float) -> None:
        await asyncio.sleep(timeout_s)  # no more is to come

    async def close(self) -> None:
        pass


def _offset(event: RecordedEvent) -> int:
    return event.offset
