"""One event: who, from where, what it changed, and itself as it is stored."""

from collections.abc import Sequence
from typing import Final

import orjson
from aiohttp import web

from event_log.port import EventLogReader
from query_api.history.request import wanted_of
from query_api.history_page.entries import Change, Entry, place_parts
from query_api.history_page.pages import EVENT, page_text
from query_api.history_page.subject import thing_of
from query_api.past.diff import compared
from query_api.reads import Reads
from read_model.history.terms import stream_term
from schemas.envelope import RecordedEvent
from schemas.errors import InvalidParameterValue, RequestLimitExceeded, ResourceDoesNotExist, TemporarilyUnavailable
from schemas.event_json import event_json
from schemas.messages.bounds import shown
from schemas.messages.history import HistoryFilter, ReadOneEvent
from schemas.rest.access import ASKING

EVENT_PATH: Final = "/event"

MAX_SHOWN_BYTES: Final = 256 * 1024
"""Of an event itself; one may hold thousands of points."""


class EventPage:
    def __init__(self, log: EventLogReader, reads: Reads) -> None:
        self._log = log
        self._read_model = reads.read_model
        self._past = reads.past

    async def show(self, request: web.Request, asked: ReadOneEvent, root: str) -> str:
        event = await self._event(asked)
        changes, unknown = await self._changes(request, event)
        entry = Entry.of(event)
        return page_text(
            EVENT,
            root=root,
            title=entry.summary,
            entry=entry,
            changes=changes,
            unknown=unknown,
            stream=asked.stream,
            data=_indented(event),
        )

    async def _event(self, asked: ReadOneEvent) -> RecordedEvent:
        """Of another stream than the one whose history may be read, there is none."""
        partition, offset = place_parts(asked.at)
        if partition in await self._log.partitions():
            found = await self._log.read_at(partition, [offset])
            if found and (not asked.stream or await self._is_in(asked.stream, found[0])):
                return found[0]
        there = f" in the history of {shown(asked.stream)}" if asked.stream else ""
        raise ResourceDoesNotExist(f"There is no event at {shown(asked.at)}{there}.")

    async def _is_in(self, stream: str, event: RecordedEvent) -> bool:
        """Whether an event is in the history of a stream; in that of a registered model are its former names too."""
        wanted = await wanted_of(HistoryFilter(stream=stream), self._read_model)
        term = stream_term(event.stream)
        return all(
            any(source.term == term and source.has(event.offset) for source in any_of) for any_of in wanted.conditions
        )

    async def _changes(self, request: web.Request, event: RecordedEvent) -> tuple[Sequence[Change], str]:
        """What is different once the event had happened; and why that is not known, where it is not."""
        wanted = thing_of(event.stream)
        if self._past is None or wanted is None:
            return (), ""
        try:
            before = {**await self._past.positions(str(event.time_us // 1000)), event.partition: event.offset}
            after = {**before, event.partition: event.offset + 1}
            await self._past.caught_up(request)
            found = await compared(self._past, wanted, before, after, is_administrator=request.get(ASKING) is None)
        except (InvalidParameterValue, RequestLimitExceeded, TemporarilyUnavailable, ResourceDoesNotExist) as error:
            return (), error.message
        return [Change.of(one) for one in found], "" if found else "Nothing: it was refused, or was so already."


def _indented(event: RecordedEvent) -> str:
    text = orjson.dumps(orjson.loads(event_json(event)), option=orjson.OPT_INDENT_2)
    return text[:MAX_SHOWN_BYTES].decode(errors="ignore") + ("\n…" if len(text) > MAX_SHOWN_BYTES else "")
