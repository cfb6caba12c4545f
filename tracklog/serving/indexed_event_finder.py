"""Finding the events that are to be undone by the history index, which knows them by user, request and time."""

from collections.abc import AsyncIterator
from typing import Final

from event_log.port import EventLogReader
from ingest.undo.event_finder import (
    MAX_FOUND,
    MAX_READ,
    SKEW_US,
    EventFinder,
    ScanningEventFinder,
    made_us,
    too_many,
)
from ingest.undo.selection import Selection
from query_api.history.search import History
from query_api.history.wanted import Source, Wanted
from read_model.history.port import HistoryIndex
from read_model.history.terms import actor_term
from schemas.envelope import RecordedEvent
from schemas.errors import TemporarilyUnavailable

WAIT_S: Final = 5.0
"""For the index to have all that was acknowledged. While it is made anew, the log itself is searched."""

_PAGE: Final = 256
_NEAR_US: Final = (2_000, 1_000_000, SKEW_US)
"""An event is looked for so near to the time in its id, then farther: it is stamped with both at once."""


class IndexedEventFinder(EventFinder):
    """Asks the index where the events are, and the log for these alone."""

    def __init__(self, log: EventLogReader, index: HistoryIndex) -> None:
        self._log = log
        self._index = index
        self._history = History(log, index)
        self._scanning = ScanningEventFinder(log)

    async def find(self, selection: Selection) -> list[RecordedEvent]:
        if selection.position is not None or not await self._has_all():
            return await self._scanning.find(selection)
        if selection.event_id is not None:
            return await self._by_id(selection.event_id)
        wanted = Wanted(
            conditions=[[Source(actor_term(selection.actor))]] if selection.actor else [],
            request_id=selection.request_id or None,
            since_us=selection.since_us,
            until_us=selection.until_us,
        )
        found: list[RecordedEvent] = []
        async for event in self._all(wanted):
            if selection.actor and event.actor.user != selection.actor:
                continue  # a term is a hash of the name, which another may share
            found.append(event)
            if len(found) > MAX_FOUND:
                raise too_many()
        return sorted(found, key=lambda event: (event.partition, event.offset))

    async def _has_all(self) -> bool:
        try:
            return await self._index.wait_until(await self._log.end(), WAIT_S)
        except TemporarilyUnavailable:
            return False

    async def _by_id(self, event_id: bytes) -> list[RecordedEvent]:
        made, number = made_us(event_id), 0
        for near_us in _NEAR_US:
            async for event in self._all(Wanted(since_us=made - near_us, until_us=made + near_us)):
                if event.id == event_id:
                    return [event]
                number += 1
                if number > MAX_READ:
                    return []
        return []

    async def _all(self, wanted: Wanted) -> AsyncIterator[RecordedEvent]:
        cursor, is_last = "", False
        while not is_last:
            page = await self._history.page(wanted, newest_first=False, limit=_PAGE, cursor=cursor)
            for event in page.events:
                yield event
            cursor, is_last = page.cursor, page.is_last
