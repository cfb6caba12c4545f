"""The same in PostgreSQL: a log there, and an index, which may be that of a log in Kafka."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import asyncpg

from bench.repeated_history import shifted_times
from read_model.history.segment import BLOCK_EVENTS, TimesOfBlock, request_hash, requests_by_bucket
from read_model.history.terms import stream_term

Renamed = Callable[[str, int], str]
"""The stream, or the request, that one of the original is in a copy, by the number of the copy."""

_STREAMS: Final = """
INSERT INTO tracklog.streams (number, name) OVERRIDING SYSTEM VALUE SELECT * FROM unnest($1::bigint[], $2::text[])
"""
_EVENTS: Final = """
INSERT INTO tracklog.events ("offset", stream, time_us, actor, type, id, request_id, payload, checksum)
SELECT "offset" + $1::bigint, stream + $2::bigint, time_us + $3::bigint, actor, type, id,
  'request-' || ("offset" + $1::bigint), payload, NULL
FROM tracklog.events WHERE "offset" < $4
"""
_POSTINGS: Final = """
INSERT INTO tracklog_history.postings
SELECT coalesce(copied.term, o.term), o."partition", o.block + o.blocks * $1::bigint, o.event_count, o.first_position,
  o.last_position, o.is_inverted, o.positions
FROM original o LEFT JOIN copied ON copied.original = o.term
"""


class RepeatedIndex:
    """An index whose partitions are whole blocks, in which they are repeated."""

    def __init__(
        self, connection: "asyncpg.Connection[asyncpg.Record]", ends: Mapping[int, int], streams: Sequence[str]
    ) -> None:
        if any(end % BLOCK_EVENTS for end in ends.values()):
            raise ValueError(f"{dict(ends)} are not whole blocks of {BLOCK_EVENTS}")
        self._connection = connection
        self._ends = ends
        self._streams = streams
        self._times: dict[tuple[int, int], array[int]] = {}
        self.us = 0
        """How much later a copy is than the one before."""

    async def begin(self) -> None:
        fetch, execute = self._connection.fetch, self._connection.execute
        for row in await fetch('SELECT "partition", block, times FROM tracklog_history.blocks'):
            self._times[row[0], row[1]] = TimesOfBlock(row[2]).all()
        self.us = max(map(max, self._times.values())) - min(map(min, self._times.values())) + 1
        await execute("SET synchronous_commit = off")
        await execute("CREATE TEMP TABLE copied (original bigint PRIMARY KEY, term bigint NOT NULL)")
        await execute(
            "CREATE TEMP TABLE original AS SELECT p.*, c.next_offset / $1 AS blocks FROM tracklog_history.postings p"
            ' JOIN tracklog_history.checkpoints c ON c."partition" = p."partition"'.replace("$1", str(BLOCK_EVENTS))
        )

    async def add(self, copy: int, renamed: Renamed, request: Callable[[int, int, int], str]) -> None:
        """A copy; `request` is that of an event by its partition, its offset in the original, and the copy."""
        add = self._connection.copy_records_to_table
        await self._connection.execute("TRUNCATE copied")
        await add(
            "copied", records={stream_term(one): stream_term(renamed(one, copy)) for one in self._streams}.items()
        )
        await self._connection.execute(_POSTINGS, copy)
        blocks, requests = [], []
        for (partition, block), times in self._times.items():
            number = block + self._ends[partition] // BLOCK_EVENTS * copy
            blocks.append((partition, number, *shifted_times(times, self.us * copy)))
            first = block * BLOCK_EVENTS
            offsets = range(first, first + BLOCK_EVENTS)
            hashes = array("I", [request_hash(request(partition, one, copy)) for one in offsets])
            requests += [(bucket, partition, number, pairs) for bucket, pairs in requests_by_bucket(hashes)]
        await add("blocks", schema_name="tracklog_history", records=blocks)
        await add("requests", schema_name="tracklog_history", records=requests)
        for partition, end in self._ends.items():
            await self._connection.execute(
                'UPDATE tracklog_history.checkpoints SET next_offset = $1 WHERE "partition" = $2',
                end * (copy + 1),
                partition,
            )


async def repeat_in_postgresql(dsn: str, copies: int, renamed: Renamed) -> None:
    """Add `copies` copies of what the log in a database and its index hold, which are whole blocks."""
    connection = await asyncpg.connect(dsn)
    try:
        events = await connection.fetchval("SELECT next_offset FROM tracklog.log_end")
        streams = await connection.fetch("SELECT number, name FROM tracklog.streams ORDER BY number")
        index = RepeatedIndex(connection, {0: events}, [row[1] for row in streams])
        await index.begin()
        await connection.execute("DROP INDEX IF EXISTS tracklog.events_by_stream")  # these pages ask for nothing by it
        for copy in range(1, copies + 1):
            async with connection.transaction():
                last = streams[-1][0] * copy
                numbers, names = [row[0] + last for row in streams], [renamed(row[1], copy) for row in streams]
                await connection.execute(_STREAMS, numbers, names)
                await connection.execute(_EVENTS, events * copy, last, index.us * copy, events)
                await index.add(copy, renamed, lambda _, offset, copy: f"request-{offset + events * copy}")
                await connection.execute("UPDATE tracklog.log_end SET next_offset = $1", events * (copy + 1))
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
