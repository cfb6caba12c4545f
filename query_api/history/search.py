"""One page of the history: candidates of all partitions in one order, and their events from the log."""

import asyncio
import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple, Protocol

import msgspec

from event_log.port import EventLogReader
from query_api.history.candidates import Budget, Candidates
from query_api.history.index_questions import IndexQuestions
from query_api.history.wanted import Wanted
from read_model.history.port import HistoryIndex
from read_model.history.segment import EventTimes, OpenBlock
from schemas.asked_together import AskedTogether
from schemas.envelope import RecordedEvent
from schemas.errors import InvalidParameterValue
from schemas.messages.bounds import shown
from schemas.messages.history import NEWEST, OLDEST
from schemas.mlflow import LARGEST_INT64

MAX_PAGE_BYTES: Final = 8 * 1024 * 1024
"""A page ends early after this many bytes of payload."""

MAX_LOOKED_AT: Final = 2000
"""A page ends early after so many events that were read and were not wanted: some 20 ms."""

PAGE_BLOCKS: Final = 512
"""A page ends early after so many blocks."""

REMEMBERED_BLOCKS: Final = 64
"""Whose times are kept, the ones used last: 128 KiB each and what is stored of it, if all were asked for."""

_READ_AT_ONCE: Final = 256


class Page(NamedTuple):
    """Events in their order, and where the next page goes on; `is_last` where there is none now."""

    events: list[RecordedEvent]
    cursor: str
    is_last: bool


_Offset = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_INT64)]


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ends: in each partition the offset to go on from, or, newest first, the one to go on before."""

    order: str
    offsets: dict[int, _Offset]

    def text(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode()

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Raises InvalidParameterValue."""
        try:
            return _cursor_decoder.decode(base64.b64decode(text, altchars=b"-_", validate=True))
        except (binascii.Error, ValueError, msgspec.DecodeError) as error:
            raise InvalidParameterValue(f"Invalid cursor: {shown(text)}") from error


_cursor_decoder: Final = msgspec.json.Decoder(Cursor)


@dataclass(slots=True)
class _Merged:
    """The candidates of all partitions, by time. In each partition they stay in the order of the log."""

    partitions: list[Candidates]
    newest_first: bool

    async def take(self, limit: int) -> list[tuple[int, int]]:
        """The next partitions and offsets, at most `limit`; fewer when the budget of the page is spent."""
        taken: list[tuple[int, int]] = []
        while len(taken) < limit:
            waiting = [one for one in self.partitions if not one.found and not one.is_at_end]
            if waiting:
                if len(waiting) == 1:  # a task for each block would cost more than the look
                    await waiting[0].look()
                else:
                    await asyncio.gather(*(one.look() for one in waiting))
                if any(not one.found and not one.is_at_end for one in waiting):
                    break  # what comes first is not known
            ready = [one for one in self.partitions if one.found]
            if not ready:
                break
            first = (max if self.newest_first else min)(ready, key=lambda one: one.found[-1][0])
            others = [one.found[-1][0] for one in ready if one is not first]
            bound = None if not others else max(others) if self.newest_first else min(others)
            while first.found and len(taken) < limit:
                time_us, offset = first.found[-1]
                if bound is not None and (time_us < bound if self.newest_first else time_us > bound):
                    break
                first.found.pop()
                taken.append((first.partition, offset))
        return taken

    @property
    def is_at_end(self) -> bool:
        return all(one.is_at_end and not one.found for one in self.partitions)


class Seen(Protocol):
    """Which streams somebody may see who asks."""

    async def has(self, stream: str) -> bool:
        """Whether the events of a stream may be read."""


class History:
    """The events of `log` that `index` finds. One page is asked for at a time, or many.

    Between them is kept when the events of some blocks were, and nothing else.
    """

    def __init__(self, log: EventLogReader, index: HistoryIndex) -> None:
        self._log = log
        self._index = index
        self._times: dict[tuple[int, int], EventTimes] = {}
        self._unknown_times: AskedTogether[tuple[int, int], EventTimes] = AskedTogether(self._ask_times)
        self._ends: dict[int, int] = {}

    async def _times_of(self, partition: int, block: int) -> EventTimes:
        """A closed block never changes, and pages of several partitions ask for one of each, most for the newest."""
        found = self._times.pop((partition, block), None)
        if found is None:
            found = await self._unknown_times.ask((partition, block))
            while len(self._times) >= REMEMBERED_BLOCKS:
                del self._times[next(iter(self._times))]
        self._times[partition, block] = found
        return found

    async def _ask_times(self, blocks: Sequence[tuple[int, int]]) -> Sequence[EventTimes]:
        return await self._index.times(blocks)

    async def page(
        self, wanted: Wanted, *, newest_first: bool, limit: int, cursor: str = "", seen: "Seen | None" = None
    ) -> Page:
        """At most `limit` events that are wanted, and seen. The cursor of a page leads to the next.

        A page ends early, with fewer events or none, where there is more to look at than one page may cost. Oldest
        first the cursor of the last page finds what is appended later.
        Raises InvalidParameterValue, TemporarilyUnavailable, LogUnavailable.
        """
        merged = await self._merged(wanted, newest_first, cursor)
        events: list[RecordedEvent] = []
        looked_at, size = 0, 0
        resume = {one.partition: one.at for one in merged.partitions}
        is_cut = False
        while len(events) < limit and looked_at < MAX_LOOKED_AT and size <= MAX_PAGE_BYTES and not is_cut:
            # At first as if all were wanted, and where that is not so, more at once.
            is_sure = looked_at == 0 or not (wanted.is_checked or seen)
            places = await merged.take(min(limit - len(events), _READ_AT_ONCE) if is_sure else _READ_AT_ONCE)
            if not places:
                break
            read = await self._read(places)
            for partition, offset in places:
                event = read.get((partition, offset))
                if len(events) >= limit or size > MAX_PAGE_BYTES or (event is None and read.is_cut):
                    is_cut = True
                    break
                resume[partition] = offset if newest_first else offset + 1
                looked_at += 1
                if event is not None and wanted.matches(event) and (seen is None or await seen.has(event.stream)):
                    events.append(event)
                    size += len(event.payload)
        if not is_cut:
            resume = {one.partition: one.resume_at for one in merged.partitions}
        is_last = not is_cut and merged.is_at_end
        return Page(events, Cursor(NEWEST if newest_first else OLDEST, resume).text(), is_last)

    async def _merged(self, wanted: Wanted, newest_first: bool, cursor: str) -> _Merged:
        blocks = await self._index.open_blocks()
        ends = {partition: block.end for partition, block in blocks.items()}
        if any(ends.get(partition, 0) < end for partition, end in self._ends.items()):
            self._times.clear()  # it is made anew, perhaps of a log that was put back
        self._ends = ends
        partitions = sorted(await self._log.partitions())
        begin = self._begin(cursor, newest_first)
        budget = Budget(PAGE_BLOCKS)
        questions = IndexQuestions(self._index, wanted, self._times_of, newest_first=newest_first)
        candidates = []
        for partition in partitions:
            block = blocks.get(partition, OpenBlock(0, ()))
            if newest_first:
                at = min(begin.get(partition, block.end), block.end) if cursor else block.end
            else:
                at = begin.get(partition, 0)
            candidates.append(
                Candidates(questions, partition, wanted, block, at, budget, with_times=len(partitions) > 1)
            )
        return _Merged(candidates, newest_first)

    @staticmethod
    def _begin(cursor: str, newest_first: bool) -> Mapping[int, int]:
        if not cursor:
            return {}
        parsed = Cursor.parse(cursor)
        if parsed.order != (NEWEST if newest_first else OLDEST):
            raise InvalidParameterValue(f"The cursor is of the order {parsed.order!r}: ask for the same order.")
        return parsed.offsets

    async def _read(self, places: Sequence[tuple[int, int]]) -> "_Read":
        by_partition: dict[int, list[int]] = {}
        for partition, offset in places:
            by_partition.setdefault(partition, []).append(offset)
        parts = await asyncio.gather(
            *(self._log.read_at(partition, sorted(offsets)) for partition, offsets in by_partition.items())
        )
        found = _Read({(event.partition, event.offset): event for events in parts for event in events})
        for offsets, events in zip(by_partition.values(), parts, strict=True):
            if events and events[-1].offset < max(offsets):
                found.is_cut = True
        return found


class _Read(dict[tuple[int, int], RecordedEvent]):
    """Events by their places. `is_cut`: some were not read, because all together are large."""

    is_cut = False
