"""The same in a topic: its record batches are sent again, with other runs, requests and times in their bytes.

What is changed keeps its length, so that a batch need not be parsed: it is unpacked, texts in it are replaced, and its
header has the new times and checksum.
"""

import asyncio
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
from aiokafka.codec import zstd_decode, zstd_encode
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.util import calc_crc32c

from bench.repeated_in_postgresql import RepeatedIndex
from event_log.kafka.cluster import KafkaCluster
from event_log.kafka.settings import KafkaSettings
from event_log.port import EventLogReader

RUNS_BEGIN: Final = "0" * 24
"""Of the ids of runs in the original; in a copy they begin with its number."""

REQUESTS_BEGIN: Final = "request-0000"

_HEADER: Final = struct.Struct(">qiibIhiqqqhii")  # of a record batch, up to its records
_LENGTH_FROM: Final = 12
_CHECKED_FROM: Final = 21
_ZSTD: Final = 4
_SECOND: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?=\.\d{6}Z)")
_FETCH_BYTES: Final = 8 * 1024 * 1024


def renamed(stream: str, copy: int) -> str:
    """The stream of a run in a copy; experiments are the same in all."""
    return stream.replace(RUNS_BEGIN, f"{copy:024x}")


def request_in(request_id: str, copy: int) -> str:
    return request_id.replace(REQUESTS_BEGIN, f"request-{copy:04d}")


@dataclass(frozen=True, slots=True)
class _Batch:
    header: tuple[Any, ...]
    records: bytes
    seconds: frozenset[bytes]  # that are in it

    def copied(self, copy: int, seconds: int) -> bytes:
        """As it is sent: the broker gives it its offset. It has no producer who might send it again."""
        records = self.records.replace(RUNS_BEGIN.encode(), b"%024x" % copy)
        records = records.replace(REQUESTS_BEGIN.encode(), b"request-%04d" % copy)
        # The latest first, which no later one is replaced by.
        for text in sorted(self.seconds, reverse=True):
            then = datetime.fromisoformat(text.decode()) + timedelta(seconds=seconds * copy)
            records = records.replace(text + b".", then.isoformat().encode() + b".")
        _, _, _, magic, _, attributes, last, first_ms, max_ms, _, _, _, number = self.header
        shift_ms = seconds * copy * 1000
        packed = records if attributes & 7 == 0 else zstd_encode(records)
        head = (attributes, last, first_ms + shift_ms, max_ms + shift_ms, -1, -1, -1, number)
        checked = _HEADER.pack(0, 0, 0, 0, 0, *head)[_CHECKED_FROM:] + packed
        length = _CHECKED_FROM - _LENGTH_FROM + len(checked)
        return struct.pack(">qiibI", 0, length, -1, magic, calc_crc32c(checked)) + checked


def _batches(answer: bytes) -> Iterator[_Batch]:
    place = 0
    while place + _HEADER.size <= len(answer):
        header = _HEADER.unpack_from(answer, place)
        end = place + _LENGTH_FROM + header[1]
        if end > len(answer):
            return
        records = answer[place + _HEADER.size : end]
        if header[5] & 7 == _ZSTD:
            records = zstd_decode(records)
        yield _Batch(header, records, frozenset(_SECOND.findall(records)))
        place = end


async def _original(cluster: KafkaCluster, partition: int, end: int) -> list[_Batch]:
    found: list[_Batch] = []
    offset = 0
    while offset < end:
        asked = [(cluster.topic, [(partition, offset, _FETCH_BYTES)])]
        leader = cluster.leader_of(partition)
        assert leader is not None
        response = await cluster.ask(leader, "copy", FetchRequest(0, 1, _FETCH_BYTES, 0, asked), 30)
        ((_, ((*_, messages),)),) = response.topics
        found += _batches(bytes(messages))
        offset = found[-1].header[0] + found[-1].header[6] + 1
    return found


async def _send(cluster: KafkaCluster, partition: int, batches: Sequence[_Batch], copy: int, seconds: int) -> None:
    leader = cluster.leader_of(partition)
    assert leader is not None
    for batch in batches:
        asked = [(cluster.topic, [(partition, batch.copied(copy, seconds))])]
        response = await cluster.ask(leader, f"copy-{partition}", ProduceRequest(None, -1, 30_000, asked), 60)
        ((_, ((_, code, *_),)),) = response.topics
        assert code == 0, code


async def repeat_in_kafka(
    settings: KafkaSettings, log: EventLogReader, dsn: str, copies: int, ends: Mapping[int, int]
) -> None:
    """Add `copies` copies of what a topic holds, up to `ends`, which are whole blocks, and of its index in `dsn`."""
    cluster = KafkaCluster(settings)
    connection = await asyncpg.connect(dsn)
    try:
        await cluster.refresh()
        requests: dict[int, list[str]] = {partition: [] for partition in ends}
        streams: set[str] = set()
        for partition, end in ends.items():
            while (offset := len(requests[partition])) < end:
                for event in await log.read(partition, offset, limit=min(5000, end - offset)):
                    requests[partition].append(event.request_id)
                    streams.add(event.stream)
        index = RepeatedIndex(connection, ends, sorted(streams))
        await index.begin()
        seconds = index.us // 1_000_000 + 1
        index.us = seconds * 1_000_000
        original = {partition: await _original(cluster, partition, end) for partition, end in ends.items()}
        for copy in range(1, copies + 1):
            await asyncio.gather(*(_send(cluster, one, batches, copy, seconds) for one, batches in original.items()))
            async with connection.transaction():
                await index.add(copy, renamed, lambda one, offset, copy: request_in(requests[one][offset], copy))
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
        await cluster.close()
