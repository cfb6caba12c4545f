"""The past of single things: the events of their streams, folded in memory when somebody asks."""

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import accumulate, groupby
from operator import attrgetter
from typing import Final, TypeAlias

from event_log.gathered import Gathered
from event_log.port import EventLogReader
from event_log.streams import StreamReader
from projector.sqlite_memory import AT_ONCE, FoldInMemory
from query_api.past.port import PastReadModels, Step
from query_api.port import ReadModel
from query_api.sqlite.in_memory import InMemoryReadModel
from schemas.envelope import Positions, RecordedEvent
from schemas.errors import DeadlineExceeded, InvalidParameterValue, RequestLimitExceeded
from schemas.moments import positions_text

MAX_EVENTS: Final = 20_000
"""Of all the streams of one thing: half a second of work, between which others have their turns."""
MAX_BYTES: Final = 32 * 2**20
"""Of their payloads."""
MAX_AT_ONCE: Final = 4
"""Who is the fifth is told to come again."""
MAX_STEPS: Final = 500
"""For which two documents are compared each: half a second of work."""
BOUND_S: Final = 15.0
"""Within the time of a request, so that the client hears why."""

_KEPT_OUT: Final = """
SELECT "offset" FROM refusals WHERE partition = $1 AND "offset" = ANY($2)
UNION ALL SELECT "offset" FROM set_aside WHERE partition = $1 AND "offset" = ANY($2)
"""

_DATASETS: Final = "SELECT experiment_id, name, digest, first_us, first_event_id FROM datasets"
_DATASET: Final = """
SELECT source_type, source, schema, profile, first_us, first_event_id FROM datasets
WHERE experiment_id = $1 AND name = $2 AND digest = $3
"""
_DESCRIBE: Final = """
UPDATE datasets SET source_type = ?, source = ?, schema = ?, profile = ?, first_us = ?, first_event_id = ?
WHERE experiment_id = ? AND name = ? AND digest = ?
"""


OfPartitions: TypeAlias = Mapping[int, Sequence[RecordedEvent]]
"""Events in their order, by partition."""


class FoldedPast(PastReadModels):
    """Reads the events from `log`, and asks the live read model what the fold of the whole log decided about them."""

    def __init__(self, log: EventLogReader, streams: StreamReader, live: ReadModel) -> None:
        self._log = log
        self._streams = streams
        self._live = live
        self._under_way = 0
        self._reading = asyncio.Lock()  # a reader of Kafka is at one place of a partition at a time

    @asynccontextmanager
    async def of_streams(self, streams: Sequence[str], positions: Positions) -> AsyncIterator[ReadModel]:
        async with self._folding(streams, positions) as (kept, fold), _bounded(streams, positions):
            await fold.fold_until(_end_of(kept))
            await self._describe_datasets(fold.connection)
            yield InMemoryReadModel(fold.connection)

    async def streams_begun_by(self, event_type: str, ordering_unit: str, positions: Positions) -> list[str]:
        streams: dict[str, None] = {}
        async with _bounded((event_type,), positions), self._reading:
            async for events in self._streams.events_of_type(event_type, ordering_unit, positions):
                streams |= dict.fromkeys(event.stream for event in events)
        return list(streams)

    @asynccontextmanager
    async def steps(
        self, streams: Sequence[str], begin: Positions, end: Positions
    ) -> AsyncIterator[AsyncIterator[Step]]:
        async with self._folding(streams, end) as (kept, fold), _bounded(streams, end):
            yield self._steps(kept, fold, begin)

    async def _steps(self, kept: OfPartitions, fold: FoldInMemory, begin: Positions) -> AsyncIterator[Step]:
        read_model = InMemoryReadModel(fold.connection)
        await fold.fold_until(begin)
        await self._describe_datasets(fold.connection)
        yield Step((), read_model)
        for events in groups(kept, begin):
            await fold.fold_until({events[-1].partition: events[-1].offset + 1})
            await self._describe_datasets(fold.connection)
            yield Step(events, read_model)

    @asynccontextmanager
    async def _folding(
        self, streams: Sequence[str], positions: Positions
    ) -> AsyncIterator[tuple[OfPartitions, FoldInMemory]]:
        """The events of the streams that changed something, and a fold of them that has not begun."""
        if self._under_way >= MAX_AT_ONCE:
            raise RequestLimitExceeded(f"{MAX_AT_ONCE} moments of the past are being folded; try again.")
        self._under_way += 1
        try:
            async with _bounded(streams, positions):
                async with self._reading:
                    gathered = await self._gathered(streams, positions)
                kept = {partition: await self._kept(partition, events) for partition, events in gathered.items()}
            fold = FoldInMemory(Gathered(self._log, kept, AT_ONCE))
            try:
                yield kept, await fold.start()
            finally:
                fold.connection.close()
        finally:
            self._under_way -= 1

    async def _gathered(self, streams: Sequence[str], positions: Positions) -> Mapping[int, list[RecordedEvent]]:
        """The events of the streams up to the positions, by partition and in order. Raises InvalidParameterValue."""
        found: defaultdict[int, list[RecordedEvent]] = defaultdict(list)
        count = size = 0
        for stream in streams:
            async for events in self._streams.events_of(stream, positions):
                if events:
                    found[events[0].partition] += events
                count += len(events)
                size += sum(len(event.payload) for event in events)
                if count > MAX_EVENTS or size > MAX_BYTES:
                    raise InvalidParameterValue(
                        f"{streams[0]} comes of more than {MAX_EVENTS} events or {MAX_BYTES} bytes, too many to fold"
                        f" for one request; `tracklog server --as-of {positions_text(positions)}` has no such bound."
                    )
                await asyncio.sleep(0)
        for of_partition in found.values():
            of_partition.sort(key=attrgetter("offset"))
        return found

    async def _kept(self, partition: int, events: Sequence[RecordedEvent]) -> list[RecordedEvent]:
        """Those that changed something. Others were refused for what is in streams that are not read here."""
        live = self._live
        offsets = live.dialect.listed([event.offset for event in events])
        rows = await live.fetch(live.dialect.statement(_KEPT_OUT), (partition, offsets))
        kept_out = {row[0] for row in rows}
        return [event for event in events if event.offset not in kept_out] if kept_out else list(events)

    async def _describe_datasets(self, connection: sqlite3.Connection) -> None:
        """A dataset is described as the first run of its experiment did, which may be another than is folded here.

        What was before an event that is in the state, by time, is taken to be in the state too.
        """
        statement = self._live.dialect.statement(_DATASET)
        for *key, first_us, first_event_id in connection.execute(_DATASETS).fetchall():
            for row in await self._live.fetch(statement, key):
                if tuple(row[-2:]) < (first_us, first_event_id):
                    connection.execute(_DESCRIBE, (*row, *key))


def _end_of(kept: OfPartitions) -> Positions:
    return {partition: events[-1].offset + 1 for partition, events in kept.items() if events}


def groups(kept: OfPartitions, begin: Positions) -> Iterator[Sequence[RecordedEvent]]:
    """The events from `begin` on, by time as far as the order in each partition allows; a few of a kind together.

    How many may be together is such that there are hardly more than MAX_STEPS groups.
    """
    in_time = [
        (time_us, event)
        for partition, events in kept.items()
        for event, time_us in zip(events, accumulate((one.time_us for one in events), max), strict=True)
        if event.offset >= begin.get(partition, 0)
    ]
    in_time.sort(key=lambda one: (one[0], one[1].partition, one[1].offset))
    together = -(-len(in_time) // MAX_STEPS)
    for _, alike in groupby((event for _, event in in_time), key=_kind_of):
        events = list(alike)
        yield from (events[first : first + together] for first in range(0, len(events), together))


def _kind_of(event: RecordedEvent) -> tuple[str, str, str]:
    return event.stream, event.type, event.actor.user


@asynccontextmanager
async def _bounded(streams: Sequence[str], positions: Positions) -> AsyncIterator[None]:
    """Raises DeadlineExceeded when the block takes longer than BOUND_S."""
    try:
        async with asyncio.timeout(BOUND_S):
            yield
    except TimeoutError as error:
        raise DeadlineExceeded(
            f"The events of {streams[0]} could not be folded within {BOUND_S:g} s;"
            f" `tracklog server --as-of {positions_text(positions)}` has no such bound."
        ) from error
