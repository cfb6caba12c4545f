"""The live tail of the history: what is new in the index, read once for all who listen.

A listener has a position in each partition, and is told of every wanted event after it, once and in the order of the
log. While it is where the tail is, it is handed what that has read; while it is behind, it reads pages of the history.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from event_log.port import EventLogReader
from query_api.history.candidates import Budget, Candidates
from query_api.history.formats import entry_json
from query_api.history.index_questions import IndexQuestions
from query_api.history.search import PAGE_BLOCKS, Cursor, History
from query_api.history.wanted import Wanted
from read_model.history.port import HistoryIndex
from read_model.history.segment import EventTimes, OpenBlock
from schemas.envelope import RecordedEvent
from schemas.errors import Retryable
from schemas.messages.history import OLDEST

MAX_LISTENERS: Final = 2000
MAX_OF_ADDRESS: Final = 100

LOOK_S: Final = 0.1
"""How often it is looked whether the index has grown, by one for all."""

MAX_WAITING: Final = 512
"""Events that a listener was not sent yet. One with more falls behind, and reads pages again."""

MAX_READ_TOGETHER: Final = 2000
"""What is new at one look. Of more, every listener reads its own in pages."""

PAGE: Final = 200


class TooManyListeners(Retryable):
    """As many listen as may."""

    error_code = "TEMPORARILY_UNAVAILABLE"
    status = 503
    retry_after_s = 10


class Told(NamedTuple):
    """An event as a listener is told of it, its stream, and the cursor after it."""

    cursor: str
    entry: bytes
    stream: str


@dataclass(slots=True, eq=False)
class _Listener:
    wanted: Wanted
    key: str
    at: dict[int, int]
    waiting: list[Told] = field(default_factory=list)
    is_behind: bool = True
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, event: RecordedEvent, entry: bytes) -> None:
        if event.offset < self.at.get(event.partition, 0):
            return
        self.at[event.partition] = event.offset + 1
        self.waiting.append(Told(Cursor(OLDEST, self.at).text(), entry, event.stream))

    def fall_behind(self) -> None:
        self.is_behind = True
        self.woken.set()


class LiveTail:
    """Tells listeners what comes. It reads for as long as somebody listens."""

    def __init__(self, log: EventLogReader, index: HistoryIndex) -> None:
        self._log = log
        self._index = index
        self._history = History(log, index)
        self._listeners: set[_Listener] = set()
        self._of_address: dict[str, int] = {}
        self._at: dict[int, int] = {}
        self._reading: asyncio.Task[None] | None = None

    async def here(self) -> str:
        """The cursor of what comes from now on."""
        return Cursor(OLDEST, dict(await self._index.checkpoints())).text()

    async def listen(self, wanted: Wanted, key: str, cursor: str, address: str) -> AsyncGenerator[list[Told], None]:
        """What is wanted after `cursor`, as it comes, without end. Wants with one `key` are the same.

        Empty lists come while there is nothing, so that whoever sends them can see to its listener.
        Raises TooManyListeners, InvalidParameterValue; TemporarilyUnavailable and LogUnavailable at any time.
        """
        if len(self._listeners) >= MAX_LISTENERS or self._of_address.get(address, 0) >= MAX_OF_ADDRESS:
            raise TooManyListeners("As many listen to the history as may; try again later.")
        listener = _Listener(wanted, key, dict(Cursor.parse(cursor).offsets))
        self._listeners.add(listener)
        self._of_address[address] = self._of_address.get(address, 0) + 1
        if self._reading is None or self._reading.done():
            self._at = {}
            self._reading = asyncio.create_task(self._read())
        try:
            while True:
                if listener.is_behind:
                    async for told in self._pages(listener):
                        yield told
                    continue
                waiting, listener.waiting = listener.waiting, []
                yield waiting
                if not listener.waiting:
                    listener.woken.clear()
                    await _woken(listener.woken, SEE_S)
        finally:
            self._listeners.discard(listener)
            left = self._of_address[address] - 1
            if left:
                self._of_address[address] = left
            else:
                del self._of_address[address]
            if not self._listeners:
                self._reading.cancel()

    async def _pages(self, listener: _Listener) -> AsyncGenerator[list[Told], None]:
        """What a listener has missed; it is with the tail then."""
        told, listener.waiting = listener.waiting, []
        yield told
        while True:
            page = await self._history.page(
                listener.wanted, newest_first=False, limit=PAGE, cursor=Cursor(OLDEST, listener.at).text()
            )
            for event in page.events:
                listener.tell(event, entry_json(event))
            listener.at.update(Cursor.parse(page.cursor).offsets)
            told, listener.waiting = listener.waiting, []
            if page.is_last:
                # In one step with the last look: what the tail reads from now on it is told.
                listener.is_behind = any(listener.at.get(number, 0) < at for number, at in self._at.items())
            yield told
            if page.is_last and not listener.is_behind:
                return
            if page.is_last:
                await asyncio.sleep(LOOK_S)

    async def _read(self) -> None:
        """Read what is new, again and again."""
        while True:
            try:
                await self._look()
            except Retryable:
                for listener in self._listeners:
                    listener.fall_behind()
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        reached = dict(await self._index.checkpoints())
        before = self._at
        if reached == before:
            return
        blocks = await self._index.open_blocks()
        reached = {number: block.end for number, block in blocks.items()}
        if not before or sum(end - before.get(number, 0) for number, end in reached.items()) > MAX_READ_TOGETHER:
            self._at = reached
            for listener in self._listeners:
                listener.fall_behind()
            return
        events: list[RecordedEvent] = []
        for number, end in reached.items():
            while (begin := before.get(number, 0)) < end:
                read = await self._log.read(number, begin, limit=end - begin)
                if not read:
                    break
                events += read
                before = {**before, number: read[-1].offset + 1}
        events.sort(key=lambda event: event.time_us)
        begin_at, self._at = (
            self._at,
            reached,
        )  # first: who comes up to the tail meanwhile compares with the end of this
        await self._tell(events, begin_at, blocks)

    async def _tell(
        self, events: list[RecordedEvent], begin_at: dict[int, int], blocks: Mapping[int, OpenBlock]
    ) -> None:
        entries: dict[tuple[int, int], bytes] = {}
        found: dict[str, set[tuple[int, int]]] = {}
        for listener in list(self._listeners):
            if listener.is_behind:
                continue
            if listener.key not in found:
                found[listener.key] = await self._found(listener.wanted, begin_at, blocks)
            places = found[listener.key]
            for event in events:
                place = (event.partition, event.offset)
                if place in places and listener.wanted.matches(event):
                    if place not in entries:
                        entries[place] = entry_json(event)
                    listener.tell(event, entries[place])
            if len(listener.waiting) > MAX_WAITING:
                del listener.waiting[MAX_WAITING:]
                listener.at = dict(Cursor.parse(listener.waiting[-1].cursor).offsets)
                listener.is_behind = True
            else:
                for number, block in blocks.items():
                    listener.at[number] = max(listener.at.get(number, 0), block.end)
            listener.woken.set()

    async def _found(
        self, wanted: Wanted, begin_at: dict[int, int], blocks: Mapping[int, OpenBlock]
    ) -> set[tuple[int, int]]:
        """The places of what is new and wanted, by the index as it was with these open blocks."""
        found: set[tuple[int, int]] = set()
        questions = IndexQuestions(self._index, wanted, self._times_of, newest_first=False)
        for number, block in blocks.items():
            begin, budget = begin_at.get(number, 0), Budget(PAGE_BLOCKS)
            candidates = Candidates(questions, number, wanted, block, begin, budget, with_times=False)
            while not candidates.is_at_end:
                await candidates.look()
                found.update((number, offset) for _, offset in candidates.found)
                candidates.found = []
        return found

    async def _times_of(self, partition: int, block: int) -> EventTimes:
        [times] = await self._index.times([(partition, block)])
        return times


SEE_S: Final = 0.5
"""So often whoever sends can see to its listener: whether it still may listen, and whether it is alive."""


async def _woken(event: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return
