"""The events of some streams, as the log itself finds them."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from event_log.port import EventFilter, EventLogReader
from schemas.envelope import Positions, RecordedEvent
from schemas.events import ordering_unit_of

_AT_ONCE = 500


class StreamReader(ABC):
    """Finds the events of a stream up to positions."""

    @abstractmethod
    def events_of_type(
        self, event_type: str, ordering_unit: str, until: Positions
    ) -> AsyncIterator[Sequence[RecordedEvent]]:
        """The same of all events of a type, which are all in one ordering unit."""

    @abstractmethod
    def events_of(self, stream: str, until: Positions) -> AsyncIterator[Sequence[RecordedEvent]]:
        """All events of a stream before its partition's offset in `until`, in order, some at a time.

        Raises LogUnavailable.
        """


class SearchingStreamReader(StreamReader):
    """Asks the log for them: of a log in SQL by its index of streams; a log in Kafka is read through."""

    def __init__(self, log: EventLogReader) -> None:
        self._log = log

    async def events_of(self, stream: str, until: Positions) -> AsyncIterator[Sequence[RecordedEvent]]:
        async for events in self._search(EventFilter(stream=stream), ordering_unit_of(stream), until):
            yield events

    async def events_of_type(
        self, event_type: str, ordering_unit: str, until: Positions
    ) -> AsyncIterator[Sequence[RecordedEvent]]:
        async for events in self._search(EventFilter(event_type=event_type), ordering_unit, until):
            yield events

    async def _search(
        self, wanted: EventFilter, ordering_unit: str, until: Positions
    ) -> AsyncIterator[Sequence[RecordedEvent]]:
        partition = self._log.partition_of(ordering_unit)
        wanted = replace(wanted, before_offset=until.get(partition, 0))
        offset = 0
        while events := await self._log.read(partition, offset, limit=_AT_ONCE, matching=wanted):
            yield events
            offset = events[-1].offset + 1
