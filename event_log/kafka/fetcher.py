"""Reads messages of a Kafka topic: served from what was fetched ahead, and woken by the broker when there is more.

A broker answers the requests of one connection one after another, and a request that waits for growth is answered late;
so waiting has connections of its own, and what it brings is kept for the next read.
"""

import asyncio
import contextlib
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import errors
from aiokafka.protocol.fetch import FetchRequest

from event_log.kafka.cluster import NO_ERROR, BrokerAway, KafkaCluster, NoAnswer
from event_log.kafka.record_batches import Batch, Record, batches_of, records_of
from event_log.port import ForeignLog, LogUnavailable, LostEvents
from schemas.envelope import Positions

_PARTITION_BYTES: Final = 1024 * 1024
"""Of one partition in one answer, as stored; a larger batch comes whole nevertheless."""
_ANSWER_BYTES: Final = 8 * 1024 * 1024
_FOLLOWED_S: Final = 5.0
"""A partition that was not read for so long is not fetched any more, and what was fetched of it is dropped."""
_PROOF_S: Final = 0.005
"""A broker's answer that a partition has no more, given at most so long before a read began, holds for that read: a
reader that goes through its partitions one after another then asks once for all of them. It never hides what this
process itself appended."""
_READ_S: Final = 2.0
_RETRY_S: Final = 0.05
_WAIT_RETRY_S: Final = 0.2
_LONG_POLL_MS: Final = 1000
_GRACE_S: Final = 2.0
_READ_UNCOMMITTED: Final = 0


@dataclass(slots=True)
class _Feed:
    """One followed partition. `position` is the next offset to hand out, `fetch_offset` the next to ask for.

    `end` is the partition's end as the broker gave it for the moment `proven_at`. `last_read` is when the latest read
    began.
    """

    position: int
    fetch_offset: int
    last_read: float
    end: int = -1
    proven_at: float = float("-inf")
    batches: deque[Batch] = field(default_factory=deque)
    records: Iterator[Any] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def has_records(self) -> bool:
        return self.records is not None or bool(self.batches)

    def seek(self, offset: int) -> None:
        self.position = self.fetch_offset = offset
        self.batches.clear()
        self.records = None
        self.proven_at = float("-inf")


class KafkaFetcher:
    """Reads of one topic, of any of its partitions. `clock` tells seconds."""

    def __init__(self, cluster: KafkaCluster, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._clock = clock
        self._feeds: dict[int, _Feed] = {}
        self._known_ends: dict[int, int] = {}
        self._fetching = asyncio.Lock()
        self._ahead: asyncio.Task[None] | None = None
        self._waits: dict[tuple[int, tuple[tuple[int, int], ...]], asyncio.Task[None]] = {}
        self._slots: set[int] = set()

    def note_end(self, partition: int, end: int) -> None:
        """Note that the partition is known to reach to `end`: a read below it must find something."""
        if end > self._known_ends.get(partition, 0):
            self._known_ends[partition] = end

    async def records(self, partition: int, offset: int, *, limit: int, max_bytes: int) -> list[Record]:
        """Messages from `offset` on; an empty list means that the end was reached.

        Raises LogUnavailable, or ForeignLog when messages from `offset` on were deleted.
        """
        feed = self._feeds.get(partition)
        if feed is None:
            feed = self._feeds[partition] = _Feed(offset, offset, 0.0)
        async with feed.lock:
            feed.last_read = self._clock()
            if feed.position != offset:
                feed.seek(offset)
            deadline = feed.last_read + _READ_S
            while not (found := _take(feed, limit, max_bytes)):
                if self._is_at_end(partition, feed):
                    return []
                await self._fill(partition, feed, deadline)
            if not feed.has_records() and feed.fetch_offset < feed.end:
                self._fetch_ahead()
            return found

    async def wait_for_more(self, end: Positions, timeout_s: float) -> None:
        """Return when some partition is known to reach past its offset in `end`, or after `timeout_s`."""
        deadline = self._clock() + timeout_s
        while (left_s := deadline - self._clock()) > 0:
            if any(self._known_ends.get(partition, 0) > offset for partition, offset in end.items()):
                return
            waits = self._waits_for(end)
            if not waits:
                await self._look_again(left_s)
                continue
            done, _ = await asyncio.wait(waits, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()

    async def close(self) -> None:
        tasks = [*self._waits.values()]
        if self._ahead is not None:
            tasks.append(self._ahead)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _is_at_end(self, partition: int, feed: _Feed) -> bool:
        # Against the beginning of the read, not against now: else no answer that takes longer than _PROOF_S would do.
        return (
            feed.fetch_offset >= max(feed.end, self._known_ends.get(partition, 0))
            and feed.proven_at > feed.last_read - _PROOF_S
        )

    async def _fill(self, partition: int, feed: _Feed, deadline: float) -> None:
        """Fetch for `feed`, and for every other followed partition at the same broker of which nothing is kept."""
        asked_at = self._clock()
        async with self._fetching:
            if feed.has_records() or (feed.proven_at >= asked_at and self._is_at_end(partition, feed)):
                return
            try:
                leader = self._cluster.leader_of(partition)
                if leader is None:
                    raise BrokerAway(f"partition {partition} has no leader")
                positions = self._lacking(leader, self._clock()) | {partition: feed.fetch_offset}
                known_end = self._known_ends.get(partition, 0)
                await self._fetch(leader, "fetch", positions, 0)
                has_grown = self._known_ends.get(partition, 0) > known_end
                if feed.has_records() or self._is_at_end(partition, feed) or has_grown:
                    return
                reason = f"partition {partition} has moved, or lost what it had"
            except (BrokerAway, NoAnswer) as error:
                reason = str(error)
        if self._clock() > deadline:
            self._known_ends.pop(partition, None)
            raise LogUnavailable(f"The event log cannot be read from Kafka: {reason}")
        with contextlib.suppress(BrokerAway):
            await self._cluster.refresh()
        await asyncio.sleep(_RETRY_S)

    def _lacking(self, broker: int, now: float) -> dict[int, int]:
        """Where to go on in the partitions that a broker leads, that are followed and of which nothing is kept."""
        for partition in [one for one, feed in self._feeds.items() if now - feed.last_read > _FOLLOWED_S]:
            if not self._feeds[partition].lock.locked():
                del self._feeds[partition]
        return {
            partition: feed.fetch_offset
            for partition, feed in self._feeds.items()
            if not feed.has_records() and self._cluster.leader_of(partition) == broker
        }

    async def _fetch(self, broker: int, purpose: str, positions: Positions, wait_ms: int) -> bool:
        """Ask a broker once, keep its answer, and return whether it answered for every partition."""
        asked_at = self._clock()
        asked = [(partition, offset, _PARTITION_BYTES) for partition, offset in positions.items()]
        request = FetchRequest(wait_ms, 1, _ANSWER_BYTES, _READ_UNCOMMITTED, [(self._cluster.topic, asked)])
        response = await self._cluster.ask(broker, purpose, request, wait_ms / 1000 + _GRACE_S)
        # A question that waited was answered about the moment the answer was made, not about when it was asked.
        proven_at = self._clock() if wait_ms else asked_at
        is_complete = True
        for _, answers in response.topics:
            for partition, code, end, *_, messages in answers:
                offset = positions[partition]
                if code == errors.OffsetOutOfRangeError.errno:
                    end = await self._end_of_what_is_out_of_range(partition, offset)
                    is_complete = False  # answered without waiting
                elif code != NO_ERROR:
                    is_complete = False
                    continue
                self._keep(partition, offset, end, messages or b"", proven_at)
        return is_complete

    def _keep(self, partition: int, offset: int, end: int, messages: bytes, proven_at: float) -> None:
        """Keep a broker's answer about `offset`, unless the reader has moved elsewhere meanwhile."""
        self.note_end(partition, end)
        feed = self._feeds.get(partition)
        if feed is None or feed.fetch_offset != offset or feed.has_records():
            return
        feed.end = end
        feed.proven_at = proven_at
        for batch in batches_of(messages, offset, end):
            feed.batches.append(batch)
            feed.fetch_offset = batch.end

    async def _end_of_what_is_out_of_range(self, partition: int, offset: int) -> int:
        beginning = (await self._cluster.beginnings([partition], _READ_S))[partition]
        if offset < beginning:
            raise LostEvents(
                f"The topic {self._cluster.topic} has lost the events of partition {partition} before {beginning}; "
                f"those from {offset} on are wanted."
            )
        return (await self._cluster.ends([partition], _READ_S))[partition]

    def _fetch_ahead(self) -> None:
        if self._ahead is None or self._ahead.done():
            self._ahead = asyncio.create_task(self._ask_ahead())

    async def _ask_ahead(self) -> None:
        async with self._fetching:
            now = self._clock()
            for broker in {self._cluster.leader_of(partition) for partition in self._feeds}:
                if broker is not None and (positions := self._lacking(broker, now)):
                    # The next read repeats what fails here, and raises its error.
                    with contextlib.suppress(BrokerAway, NoAnswer, LogUnavailable, ForeignLog):
                        await self._fetch(broker, "fetch", positions, 0)

    def _waits_for(self, end: Positions) -> list[asyncio.Task[None]]:
        """Questions to the brokers that are answered when one of their partitions grows past `end`.

        A question that is already under way is not asked again.
        """
        by_broker: dict[int, dict[int, int]] = {}
        for partition, offset in sorted(end.items()):
            leader = self._cluster.leader_of(partition)
            if leader is not None:
                by_broker.setdefault(leader, {})[partition] = offset
        return [self._wait_at(broker, positions) for broker, positions in by_broker.items()]

    def _wait_at(self, broker: int, positions: Positions) -> asyncio.Task[None]:
        question = broker, tuple(positions.items())
        task = self._waits.get(question)
        if task is None:
            slot = next(slot for slot in itertools.count() if slot not in self._slots)
            self._slots.add(slot)
            task = self._waits[question] = asyncio.create_task(self._wait(broker, positions, slot))
            task.add_done_callback(lambda _: self._waits.pop(question))
        return task

    async def _wait(self, broker: int, positions: Positions, slot: int) -> None:
        try:
            is_complete = await self._fetch(broker, f"wait-{slot}", positions, _LONG_POLL_MS)
        except (BrokerAway, NoAnswer, LogUnavailable, ForeignLog):
            is_complete = False  # a read raises it; a wait goes on
        finally:
            self._slots.discard(slot)
        if not is_complete:
            await self._look_again(_WAIT_RETRY_S)

    async def _look_again(self, within_s: float) -> None:
        with contextlib.suppress(BrokerAway):
            await self._cluster.refresh()
        await asyncio.sleep(min(_WAIT_RETRY_S, within_s))


def _take(feed: _Feed, limit: int, max_bytes: int) -> list[Record]:
    found: list[Record] = []
    size = 0
    while len(found) < limit and size < max_bytes:
        if feed.records is None:
            if not feed.batches:
                break
            feed.records = records_of(feed.batches.popleft(), feed.position)
        record = next(feed.records, None)
        if record is None:
            feed.records = None
        elif record.offset >= feed.position:  # a batch comes whole, also when the reader starts in its middle
            found.append(record)
            size += len(record.value or b"")
            feed.position = record.offset + 1
    return found
