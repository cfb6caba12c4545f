"""The events of a stream as the history index finds them, for a log that has no index of streams itself."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from event_log.port import EventLogReader
from event_log.streams import SearchingStreamReader, StreamReader
from read_model.history.port import HistoryIndex, PostingsAsked
from read_model.history.segment import BLOCK_EVENTS, OpenBlock, positions_of
from read_model.history.terms import stream_term, type_term
from schemas.envelope import Positions, RecordedEvent
from schemas.errors import TemporarilyUnavailable
from schemas.events import ordering_unit_of

WAIT_S: Final = 5.0
"""For the index to have all that is asked for. While it is made anew, the log itself is searched."""

_BLOCKS_AT_ONCE: Final = 128
_EVENTS_AT_ONCE: Final = 500


def stream_reader(log: EventLogReader, index: HistoryIndex) -> StreamReader:
    """What finds the events of a stream of `log` at the least cost."""
    return SearchingStreamReader(log) if log.finds_streams else IndexedStreamReader(log, index)


class IndexedStreamReader(StreamReader):
    """Asks the index where the events are, and the log for these alone."""

    def __init__(self, log: EventLogReader, index: HistoryIndex) -> None:
        self._log = log
        self._index = index
        self._searching = SearchingStreamReader(log)

    async def events_of(self, stream: str, until: Positions) -> AsyncIterator[Sequence[RecordedEvent]]:
        partition = self._log.partition_of(ordering_unit_of(stream))
        if not await self._has(partition, until):
            async for events in self._searching.events_of(stream, until):
                yield events
            return
        async for events in self._found(partition, stream_term(stream), until):
            # A term is a hash of the stream's name, which another stream may share.
            yield [event for event in events if event.stream == stream]

    async def events_of_type(
        self, event_type: str, ordering_unit: str, until: Positions
    ) -> AsyncIterator[Sequence[RecordedEvent]]:
        partition = self._log.partition_of(ordering_unit)
        if not await self._has(partition, until):
            async for events in self._searching.events_of_type(event_type, ordering_unit, until):
                yield events
            return
        async for events in self._found(partition, type_term(event_type), until):
            yield [event for event in events if event.type == event_type]

    async def _found(self, partition: int, term: int, until: Positions) -> AsyncIterator[Sequence[RecordedEvent]]:
        offsets = [offset for offset in await self._offsets(partition, term) if offset < until.get(partition, 0)]
        while offsets:
            wanted = offsets[:_EVENTS_AT_ONCE]
            read = await self._log.read_at(partition, wanted)
            if not read:
                return
            yield read
            offsets = [offset for offset in offsets if offset > read[-1].offset]

    async def _has(self, partition: int, until: Positions) -> bool:
        try:
            return await self._index.wait_until({partition: until.get(partition, 0)}, WAIT_S)
        except TemporarilyUnavailable:
            return False

    async def _offsets(self, partition: int, term: int) -> list[int]:
        """Where events of the term are, ascending."""
        open_block = (await self._index.open_blocks()).get(partition, OpenBlock(0, ()))
        offsets: list[int] = []
        block = 0
        while block < open_block.number:
            asked = PostingsAsked(partition, [term], block)
            [found] = await self._index.postings([asked], newest_first=False, limit=_BLOCKS_AT_ONCE)
            for one in found:
                if one.block < open_block.number:
                    offsets += (one.block * BLOCK_EVENTS + position for position in positions_of(one.postings))
            if len(found) < _BLOCKS_AT_ONCE:
                break
            block = found[-1].block + 1
        return offsets + [open_block.number * BLOCK_EVENTS + position for position in open_block.positions(term)]
