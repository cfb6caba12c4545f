"""The event log in a Kafka topic: any number of partitions, of writing and of reading processes.

`open_kafka_log` opens it to append and to read, `open_kafka_reader` to read only.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence, Set
from dataclasses import replace
from typing import Any, Final

from aiokafka.partitioner import murmur2

from event_log.kafka.cloud_events import CloudEventDecoder, CloudEventEncoder
from event_log.kafka.cluster import KafkaCluster
from event_log.kafka.fetcher import KafkaFetcher
from event_log.kafka.producer import KafkaProducer
from event_log.kafka.record_batches import DamagedRecord, Record
from event_log.kafka.seeker import Elsewhere, KafkaSeeker
from event_log.kafka.settings import KafkaSettings
from event_log.kafka.topic import (
    Topic,
    check_that_enough_replicas_are_in_sync,
    check_that_it_keeps_everything,
    check_topic,
    create_topic,
    find_topic,
)
from event_log.port import EVERY_EVENT, EventFilter, EventLogReader, LogGone, LogReplaced, LogUnavailable
from event_log.sealing.port import EncodedEventLog
from schemas import codec
from schemas.damaged_event import damaged_event
from schemas.envelope import EventData, Position, Positions, RecordedEvent
from schemas.events import ordering_unit_of

DEFAULT_PARTITIONS: Final = 8

_END_S: Final = 1.5
_READ_BYTES: Final = 4 * 1024 * 1024
_SCANNED_AT_ONCE: Final = 1000
"""A filter looks at so many events before others have their turn."""
_REMEMBERED_UNITS: Final = 100_000
_REMEMBERED_BYTES: Final = 64
_POSITIVE: Final = 0x7FFFFFFF


async def open_kafka_log(
    settings: KafkaSettings,
    *,
    partitions: int = DEFAULT_PARTITIONS,
    replication_factor: int = -1,
    min_insync_replicas: int | None = None,
    seals: Callable[[str], Awaitable[bool]] | None = None,
) -> "KafkaEventLog":
    """Open the log to append and to read; a topic that is not there is created with so many partitions.

    A replication factor of -1 is the brokers' default, as are the in-sync replicas of None. Of a log that has no event
    yet `seals` tells, by its id, whether its payloads are to be sealed; they are given to it sealed then.
    Raises LogUnavailable, or ForeignLog when the topic is no log.
    """
    cluster = KafkaCluster(settings)
    try:
        if not await find_topic(cluster):
            await create_topic(
                cluster,
                partitions=partitions,
                replication_factor=replication_factor,
                min_insync_replicas=min_insync_replicas,
            )
        fetcher = KafkaFetcher(cluster)
        topic = await check_topic(cluster, fetcher)
        if topic.is_new and seals is not None:
            log_id = str(cluster.topic_id)
            topic = replace(topic, birth=topic.birth._replace(keys=log_id if await seals(log_id) else None))
        return await _with_producer(cluster, fetcher, topic)
    except BaseException:
        await cluster.close()
        raise


async def open_kafka_reader(settings: KafkaSettings) -> "KafkaEventLogReader":
    """Open the log to read.

    Raises LogUnavailable, also while there is no such topic yet, or ForeignLog when the topic is no log.
    """
    cluster = KafkaCluster(settings)
    try:
        if not await find_topic(cluster):
            raise LogUnavailable(f"There is no topic {settings.topic} yet; the first process that appends creates it.")
        fetcher = KafkaFetcher(cluster)
        return KafkaEventLogReader(cluster, fetcher, await check_topic(cluster, fetcher))
    except BaseException:
        await cluster.close()
        raise


async def _with_producer(cluster: KafkaCluster, fetcher: KafkaFetcher, topic: Topic) -> "KafkaEventLog":
    producer = KafkaProducer(cluster, topic.birth.partitions, topic.max_message_bytes)
    try:
        await producer.start()
    except LogUnavailable:
        await producer.close()
        raise
    return KafkaEventLog(cluster, fetcher, topic, producer)


class KafkaEventLogReader(EventLogReader):
    """Reads a topic that this or other processes write.

    One reader may follow several partitions, and each at one offset: reading elsewhere at the same time, as the event
    history does, needs a reader of its own.
    """

    finds_streams = False

    def __init__(self, cluster: KafkaCluster, fetcher: KafkaFetcher, topic: Topic) -> None:
        self._cluster = cluster
        self._fetcher = fetcher
        self._seeker = KafkaSeeker(cluster)
        self._partitions = range(topic.birth.partitions)
        self.keys = topic.birth.keys
        """Under whose keys payloads are sealed; None where they are not, or `is_new`."""
        self.is_new = topic.is_new
        """No event tells yet how the log was born."""
        self._has_times_of_events = topic.has_times_of_events
        self._decoder = CloudEventDecoder()
        self._partition_of: dict[str, int] = {}

    async def identity(self) -> str:
        topic = self._cluster.topic
        is_there = await find_topic(self._cluster)
        if self._cluster.is_replaced:
            raise LogReplaced(f"The topic {topic} was deleted and made anew: it is another log than the one opened.")
        if not is_there:
            raise LogGone(f"The topic {topic} is no longer there, and is not made again while servers run.")
        return str(self._cluster.topic_id)

    async def check(self) -> None:
        await check_that_it_keeps_everything(self._cluster, self._partitions)

    async def partitions(self) -> Sequence[int]:
        return self._partitions

    def partition_of(self, ordering_unit: str) -> int:
        """As Kafka's own partitioner finds it, so that any other client's does."""
        partition = self._partition_of.get(ordering_unit)
        if partition is None:
            key = ordering_unit.encode("utf-8", "surrogatepass")
            partition = (murmur2(key) & _POSITIVE) % len(self._partitions)
            # Reads ask for runs that need not exist: a name longer than ours is not kept.
            if len(key) <= _REMEMBERED_BYTES:
                if len(self._partition_of) >= _REMEMBERED_UNITS:
                    self._partition_of.clear()
                self._partition_of[ordering_unit] = partition
        return partition

    async def end(self) -> Positions:
        ends = await self._cluster.ends(self._partitions, _END_S)
        for partition, end in ends.items():
            self._fetcher.note_end(partition, end)
        return ends

    async def read(
        self,
        partition: int,
        offset: int,
        *,
        limit: int,
        matching: EventFilter = EVERY_EVENT,
    ) -> list[RecordedEvent]:
        if partition not in self._partitions:
            raise ValueError(f"this log has partitions 0 to {len(self._partitions) - 1}, not {partition}")
        if matching == EVERY_EVENT:
            return self._decoded(partition, await self._records(partition, offset, limit))
        if matching.stream is not None and self.partition_of(ordering_unit_of(matching.stream)) != partition:
            return []
        return await self._search(partition, offset, limit, matching)

    async def read_at(self, partition: int, offsets: Sequence[int]) -> list[RecordedEvent]:
        """Beside what is read in order, so that one reader may do both."""
        if not offsets:
            return []
        try:
            records, _ = await self._seeker.records_at(partition, offsets, _READ_BYTES)
        except Elsewhere:
            return await super().read_at(partition, offsets)
        return self._decoded(partition, records)

    async def not_later(self, partitions: Set[int], time_us: int) -> Positions:
        """By the brokers' index of time stamps, which are those of the events, in milliseconds."""
        if not self._has_times_of_events:
            return await super().not_later(partitions, time_us)
        end = await self.end()
        found = await self._cluster.first_at(partitions, time_us // 1000, _END_S)
        return {partition: end[partition] if offset is None else offset for partition, offset in found.items()}

    async def wait_for_more(self, end: Positions, timeout_s: float) -> None:
        await self._fetcher.wait_for_more(end, timeout_s)

    async def close(self) -> None:
        await self._fetcher.close()
        await self._cluster.close()

    async def _search(self, partition: int, offset: int, limit: int, matching: EventFilter) -> list[RecordedEvent]:
        found: list[RecordedEvent] = []
        while len(found) < limit:
            records = await self._records(partition, offset, _SCANNED_AT_ONCE)
            if not records:
                break
            found += filter(matching.matches, self._decoded(partition, records))
            offset = records[-1].offset + 1
            if matching.before_offset is not None and offset >= matching.before_offset:
                break
            await asyncio.sleep(0)
        return found[:limit]

    async def _records(self, partition: int, offset: int, limit: int) -> list[Record]:
        return await self._fetcher.records(partition, offset, limit=limit, max_bytes=_READ_BYTES)

    def _decoded(self, partition: int, records: Sequence[Record]) -> list[RecordedEvent]:
        event = self._decoder.event
        return [
            event(partition, one.offset, one.key, one.value, one.headers)
            if not isinstance(one, DamagedRecord)
            else damaged_event(partition, one.offset, one.reason)
            for one in records
        ]


class KafkaEventLog(KafkaEventLogReader, EncodedEventLog):
    """Also appends."""

    def __init__(self, cluster: KafkaCluster, fetcher: KafkaFetcher, topic: Topic, producer: KafkaProducer) -> None:
        super().__init__(cluster, fetcher, topic)
        self._producer = producer
        self._encoder = CloudEventEncoder(len(self._partitions), str(cluster.topic_id), topic.birth.keys)

    def append(self, events: Sequence[EventData]) -> Coroutine[Any, Any, list[Position]]:
        """No coroutine of its own: each write of a metric passes here."""
        return self.append_encoded(events, [codec.encode(event.payload) for event in events])

    async def append_encoded(self, events: Sequence[EventData], payloads: Sequence[bytes]) -> list[Position]:
        partition = self.partition_of(events[0].ordering_unit)
        first = await self._producer.append(partition, list(map(self._encoder.message, events, payloads)))
        self._fetcher.note_end(partition, first + len(events))
        return [Position(partition, first + index) for index in range(len(events))]

    async def check_appendable(self) -> None:
        await self.end()
        await check_that_enough_replicas_are_in_sync(self._cluster, self._partitions)

    async def close(self) -> None:
        await self._producer.close()
        await super().close()
