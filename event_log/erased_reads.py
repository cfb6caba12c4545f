"""Reads of a log for who copies it: without what was erased since, and with what the copy has to forget."""

from collections.abc import Sequence

from msgspec.structs import replace

from event_log.forgetting import ERASURE_TYPES
from event_log.passed_on import PassedOnReads
from event_log.port import EVERY_EVENT, EventFilter, EventLogReader
from schemas import codec
from schemas.codec import UndecodableEvent
from schemas.envelope import RecordedEvent
from schemas.events import AnyErased, Erasure, TraceDeleted
from schemas.forgotten import forgotten, is_forgotten


class WithoutErased(PassedOnReads):
    """The log as it would be if `erasures`, of which it may know nothing, had been carried out in it."""

    def __init__(self, reads: EventLogReader, erasures: Sequence[Erasure]) -> None:
        super().__init__(reads)
        self._streams = frozenset(stream for one in erasures for stream in one.streams)
        self._refused = frozenset(offset for one in erasures for offset in one.refused)

    async def read(
        self, partition: int, offset: int, *, limit: int, matching: EventFilter = EVERY_EVENT
    ) -> list[RecordedEvent]:
        found = await super().read(partition, offset, limit=limit, matching=matching)
        return [self._as_erased(event) for event in found]

    async def read_at(self, partition: int, offsets: Sequence[int]) -> list[RecordedEvent]:
        return [self._as_erased(event) for event in await super().read_at(partition, offsets)]

    def _as_erased(self, event: RecordedEvent) -> RecordedEvent:
        is_refused = event.offset in self._refused and event.stream not in self._streams
        if event.type in ERASURE_TYPES or not (is_refused or event.stream in self._streams):
            return event
        return replaced(event, refused=is_refused)


class NotingErasures(PassedOnReads):
    """Notes the erasures that pass, which are those that a copy does not know yet."""

    def __init__(self, reads: EventLogReader) -> None:
        super().__init__(reads)
        self._passed: list[RecordedEvent] = []

    async def read(
        self, partition: int, offset: int, *, limit: int, matching: EventFilter = EVERY_EVENT
    ) -> list[RecordedEvent]:
        found = await super().read(partition, offset, limit=limit, matching=matching)
        self._passed += [event for event in found if event.type in ERASURE_TYPES]
        return found

    async def carried_out(self) -> list[Erasure]:
        """Of what passed that which the log has carried out; another may have been refused. Raises LogUnavailable.

        Deletions of traces are all of them: who deletes one has seen it, and it is carried out some time later.
        """
        found: list[Erasure] = []
        for event in self._passed:
            if event.type == TraceDeleted.event_type:
                found += [one for one in (erasure_in(event),) if one is not None]
                continue
            of_stream = await self._reads.read(
                event.partition, 0, limit=1, matching=EventFilter(stream=event.stream, before_offset=event.offset)
            )
            if of_stream and is_forgotten(of_stream[0].payload) and (erasure := erasure_in(event)) is not None:
                found.append(erasure)
        return found


def erasure_in(event: RecordedEvent) -> Erasure | None:
    """What an event erases; None where it erases nothing."""
    try:
        erased = codec.decode(event)
    except UndecodableEvent:
        return None
    return erased.erasure if isinstance(erased, AnyErased) else None


def replaced(event: RecordedEvent, *, refused: bool) -> RecordedEvent:
    """An event without what it held."""
    return replace(event, payload=forgotten(event.payload, refused=refused))
