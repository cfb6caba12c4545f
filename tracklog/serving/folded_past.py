"""The past of single things: the events of their streams, folded in memory when somebody asks."""

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from operator import attrgetter
from typing import Final

from event_log.gathered import Gathered
from event_log.port import EventLogReader
from event_log.streams import StreamReader
from projector.sqlite_memory import AT_ONCE, folded_in_memory
from query_api.past.port import PastReadModels
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


class FoldedPast(PastReadModels):
    """Reads the events from `log`, and asks the live read model what the fold of the whole log decided about them."""

    def __init__(self, log: EventLogReader, streams: StreamReader, live: ReadModel) -> None:
        self._log = log
        self._streams = streams
        self._live = live
        self._under_way = 0

    @asynccontextmanager
    async def of_streams(self, streams: Sequence[str], positions: Positions) -> AsyncIterator[ReadModel]:
        if self._under_way >= MAX_AT_ONCE:
            raise RequestLimitExceeded(f"{MAX_AT_ONCE} moments of the past are being folded; try again.")
        self._under_way += 1
        try:
            try:
                async with asyncio.timeout(BOUND_S):
                    connection = await self._folded(streams, positions)
            except TimeoutError as error:
                raise DeadlineExceeded(
                    f"The events of {streams[0]} could not be folded within {BOUND_S:g} s;"
                    f" `tracklog server --as-of {positions_text(positions)}` has no such bound."
                ) from error
            then = InMemoryReadModel(connection)
            try:
                yield then
            finally:
                await then.close()
        finally:
            self._under_way -= 1

    async def _folded(self, streams: Sequence[str], positions: Positions) -> sqlite3.Connection:
        gathered = await self._gathered(streams, positions)
        kept = {partition: await self._kept(partition, events) for partition, events in gathered.items()}
        connection = await folded_in_memory(Gathered(self._log, kept, AT_ONCE))
        try:
            await self._describe_datasets(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    async def _gathered(self, streams: Sequence[str], positions: Positions) -> Mapping[int, list[RecordedEvent]]:
        """The events of the streams up to the positions, by partition and in order. Raises InvalidParameterValue."""
        found: defaultdict[int, list[RecordedEvent]] = defaultdict(list)
        count = size = 0
        for stream in streams:
            async for events in self._streams.events_of(stream, positions):
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
