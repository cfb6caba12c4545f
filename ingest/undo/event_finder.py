"""Finding the events that are to be undone: a port, and its adapter that reads the log itself."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from event_log.port import EventFilter, EventLogReader
from ingest.undo.selection import Selection
from schemas.envelope import RecordedEvent
from schemas.errors import InvalidParameterValue

MAX_FOUND: Final = 1000
"""Of events that are undone at once."""

MAX_READ: Final = 200_000
"""Of events that are read for one selection, in each partition: some seconds."""

_PAGE: Final = 1000
SKEW_US: Final = 60_000_000
"""So much may the clocks of those who write one partition differ: an event is looked for around its time."""


def made_us(event_id: bytes) -> int:
    """When an event was made, in microseconds since the Unix epoch, as its id tells: a UUID of version 7."""
    return int.from_bytes(event_id[:6], "big") * 1000


def too_many() -> InvalidParameterValue:
    return InvalidParameterValue(f"These are more than {MAX_FOUND} events; undo them in parts, by 'since' and 'until'.")


class EventFinder(ABC):
    """Finds events in the history."""

    @abstractmethod
    async def find(self, selection: Selection) -> list[RecordedEvent]:
        """The events of a selection that names no stream, in the order of the log, one partition after the other.

        Raises InvalidParameterValue where these are more than MAX_FOUND, or cannot be looked for in so large a part of
        the log; LogUnavailable.
        """


class ScanningEventFinder(EventFinder):
    """Reads the part of the log in which the events may be. Where that is, it finds by the times of events."""

    def __init__(self, log: EventLogReader) -> None:
        self._log = log

    async def find(self, selection: Selection) -> list[RecordedEvent]:
        if selection.position is not None:
            return await self._at(selection.position.partition, selection.position.offset)
        if selection.event_id is not None:
            made = made_us(selection.event_id)
            selection = replace(selection, since_us=made - SKEW_US, until_us=made + SKEW_US)
        matching = EventFilter(actor=selection.actor or None, since_us=selection.since_us, until_us=selection.until_us)
        found: list[RecordedEvent] = []
        for partition, end in sorted((await self._log.end()).items()):
            async for event in self._read(partition, end, matching):
                if selection.event_id is not None and event.id != selection.event_id:
                    continue
                if selection.request_id and event.request_id != selection.request_id:
                    continue
                found.append(event)
                if len(found) > MAX_FOUND:
                    raise too_many()
        return found

    async def _at(self, partition: int, offset: int) -> list[RecordedEvent]:
        if offset >= (await self._log.end()).get(partition, 0):
            return []
        found = await self._log.read(partition, offset, limit=1)
        return [one for one in found if one.offset == offset]

    async def _read(self, partition: int, end: int, matching: EventFilter) -> AsyncIterator[RecordedEvent]:
        begin = 0
        if matching.since_us is not None:
            begin = await self._first_after(partition, end, matching.since_us - SKEW_US)
        if matching.until_us is not None:
            end = await self._first_after(partition, end, matching.until_us + SKEW_US)
        if end - begin > MAX_READ:
            if matching.since_us is not None:
                raise InvalidParameterValue(
                    f"The log has {end - begin} events in that time, and {MAX_READ} are read at most: narrow it by"
                    " 'since' and 'until'."
                )
            begin = end - MAX_READ  # of a request that was given no time, the last
        while found := await self._log.read(
            partition, begin, limit=_PAGE, matching=replace(matching, before_offset=end)
        ):
            for event in found:
                yield event
            begin = found[-1].offset + 1

    async def _first_after(self, partition: int, end: int, time_us: int) -> int:
        """The offset from which on events are later than `time_us`, as far as their times grow."""
        low, high = 0, end
        while low < high:
            middle = (low + high) // 2
            at_middle = await self._log.read(partition, middle, limit=1)
            if at_middle and at_middle[0].time_us < time_us:
                low = middle + 1
            else:
                high = middle
        return low
