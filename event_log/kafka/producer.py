"""Appends to the partitions of a Kafka topic: acks=all, idempotent, gathered into record batches, bounded in time.

Each partition is a lane with at most one record batch on its way, which keeps the order. What arrives meanwhile is the
next batch (`event_log.group_commit`). A record batch is in the log whole or not at all, which makes an append of
several events atomic.

When the outcome of an append is unknown: a batch that may have reached a broker is sent again with the same producer id
and sequence, which Kafka takes once. After APPEND_TIMEOUT_S it is given up as OutcomeUnknown, and its lane takes a new
producer id, so that nothing behind it waits for a sequence that never comes. Any other batch surely was not written.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import errors
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from event_log.group_commit import GroupCommit, WaitingAppend, WaitingBytes
from event_log.kafka.cloud_events import Message
from event_log.kafka.cluster import NO_ERROR, BrokerAway, KafkaCluster, NoAnswer
from event_log.port import EventTooLarge, LogUnavailable, OutcomeUnknown

logger = logging.getLogger(__name__)

APPEND_TIMEOUT_S: Final = 5.0
"""An append is answered within this, whatever the brokers do."""
PATIENCE_S: Final = 1.5
"""After so long without an answer from a partition, appends to it are refused at once."""
_START_S: Final = 5.0
_TICK_S: Final = 0.1
_BATCH_BYTES: Final = 1024 * 1024
"""A batch is closed when it holds so much, before compression; a larger append is a batch alone."""
_RECORD_OVERHEAD_BYTES: Final = 64
_BATCH_RECORDS: Final = _BATCH_BYTES // _RECORD_OVERHEAD_BYTES
"""Not reached before _BATCH_BYTES."""
_COMPRESS_FROM_BYTES: Final = 512
_SEQUENCES: Final = 2**31
_BUILDER_BYTES: Final = 2**30
"""Far above _BATCH_BYTES: the builder's own bound is not used."""
_REQUEST_S: Final = 4.0
_PROBE_S: Final = 1.0
_BROKER_WAIT_MS: Final = 3000
"""So long the leader waits for its replicas before it answers that they did not."""
_MAGIC: Final = 2
_UNCOMPRESSED: Final = 0
_ZSTD: Final = 4
_ALL_REPLICAS: Final = -1

_TOO_LARGE: Final = frozenset({errors.MessageSizeTooLargeError.errno, errors.RecordListTooLargeError.errno})

_PRODUCER_FENCED: Final = 90
_IDENTITY_LOST: Final = frozenset(
    {
        errors.OutOfOrderSequenceNumber.errno,
        errors.InvalidProducerEpoch.errno,
        errors.UnknownProducerId.errno,
        _PRODUCER_FENCED,
    }
)

_INVALID_RECORD: Final = 87
_SURELY_NOT_WRITTEN: Final = (
    _TOO_LARGE
    | _IDENTITY_LOST
    | {
        errors.CorruptRecordException.errno,
        errors.InvalidTopicError.errno,
        errors.NotEnoughReplicasError.errno,
        errors.TopicAuthorizationFailedError.errno,
        errors.ClusterAuthorizationFailedError.errno,
        errors.InvalidTimestampError.errno,
        _INVALID_RECORD,
    }
)
"""Refusals that a broker makes before it writes. NOT_LEADER is not among them: it is also the answer to a batch
that was written just before the leader lost its leadership."""

_NETWORK_EXCEPTION: Final = 13
_FENCED_LEADER_EPOCH: Final = 74
_UNKNOWN_LEADER_EPOCH: Final = 75
_TRIED_AGAIN: Final = frozenset(
    {
        errors.CorruptRecordException.errno,
        errors.UnknownTopicOrPartitionError.errno,
        errors.LeaderNotAvailableError.errno,
        errors.NotLeaderForPartitionError.errno,
        errors.RequestTimedOutError.errno,
        errors.NotEnoughReplicasError.errno,
        errors.NotEnoughReplicasAfterAppendError.errno,
        errors.KafkaStorageError.errno,
        _NETWORK_EXCEPTION,
        _FENCED_LEADER_EPOCH,
        _UNKNOWN_LEADER_EPOCH,
    }
)


@dataclass(slots=True, eq=False)
class _Batch:
    """Appends as one record batch, from when it is made until its outcome is known."""

    appends: list[WaitingAppend[Message]]
    records: int
    encoded: bytes
    may_be_written: bool = False

    @property
    def arrived_s(self) -> float:
        return self.appends[0].arrived_s


@dataclass(slots=True, eq=False)
class _Lane:
    """One partition. `identity` is a producer id and epoch, `sequence` the number of its next record."""

    partition: int
    waiting: GroupCommit[Message]
    identity: tuple[int, int] | None = None
    sequence: int = 0
    batch: _Batch | None = None
    is_on_its_way: bool = False
    unanswered_since: float | None = None
    is_suspect: bool = False

    def unanswered(self) -> list[WaitingAppend[Message]]:
        return [*(self.batch.appends if self.batch else ()), *self.waiting]

    def is_away(self, now: float) -> bool:
        return self.is_suspect or (self.unanswered_since is not None and now - self.unanswered_since > PATIENCE_S)


class KafkaProducer:
    """Sends to the first `partitions` of one topic. `max_append_bytes` bounds one record batch.

    `clock` tells seconds.
    """

    def __init__(
        self,
        cluster: KafkaCluster,
        partitions: int,
        max_append_bytes: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._waiting_bytes = WaitingBytes("Kafka", max_append_bytes=max_append_bytes)
        self._lanes = [
            _Lane(partition, GroupCommit(self._waiting_bytes, max_events=_BATCH_RECORDS, max_bytes=_BATCH_BYTES))
            for partition in range(partitions)
        ]
        self._busy_brokers: set[int] = set()
        self._is_handing_over = False
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._recovering: asyncio.Task[None] | None = None
        self._watching = asyncio.create_task(self._watch())

    async def start(self) -> None:
        """Get a producer id, so that the first append need not wait for it. Raises LogUnavailable."""
        deadline = self._clock() + _START_S
        while True:
            try:
                await self._identify()
            except (BrokerAway, NoAnswer, LogUnavailable) as error:
                # A broker that has just started has no ids to give for a moment.
                if self._clock() > deadline:
                    raise LogUnavailable(f"Kafka cannot take events: {error}") from error
                await asyncio.sleep(_TICK_S)
            else:
                return

    async def append(self, partition: int, messages: Sequence[Message]) -> int:
        """The offset of the first message once all are durable.

        Raises LogUnavailable, LogOverloaded, OutcomeUnknown or EventTooLarge.
        """
        size = sum(map(_size, messages))
        self._waiting_bytes.check_size(size)
        now = self._clock()
        lane = self._lanes[partition]
        if lane.is_away(now):
            raise LogUnavailable("Kafka does not answer; try again.")
        done = lane.waiting.append(messages, size, now)
        if not self._is_handing_over:
            # What one turn of the event loop brings goes to the brokers together.
            self._is_handing_over = True
            self._loop.call_soon(self._hand_over)
        return await done

    async def close(self) -> None:
        """Wait for the answers to all appends, which APPEND_TIMEOUT_S bounds, and stop."""
        waiting = [append.done for lane in self._lanes for append in lane.unanswered()]
        await asyncio.gather(*waiting, return_exceptions=True)
        tasks = [self._watching, *self._tasks, *([self._recovering] if self._recovering else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _hand_over(self) -> None:
        """Send every broker that is free one request with the batches of its partitions."""
        self._is_handing_over = False
        by_broker: dict[int, list[_Lane]] = {}
        now = self._clock()
        for lane in self._lanes:
            if lane.is_on_its_way or not (lane.batch or lane.waiting):
                continue
            if lane.batch and self._recovering is not None:  # it is sent again after the recovery
                continue
            if lane.unanswered_since is None:
                lane.unanswered_since = now
            leader = self._cluster.leader_of(lane.partition)
            if lane.identity is None or leader is None:
                self._recover_soon()
            elif leader not in self._busy_brokers:
                by_broker.setdefault(leader, []).append(lane)
        for broker, lanes in by_broker.items():
            batches = {lane.partition: batch for lane in lanes if (batch := lane.batch or self._next_batch(lane))}
            if batches:
                # Marked now and not when the task runs, or a batch could be sent twice, or given up and then sent.
                self._busy_brokers.add(broker)
                for partition in batches:
                    self._lanes[partition].is_on_its_way = True
                self._spawn(self._send(broker, batches))

    def _spawn(self, sending: Any) -> None:
        task = asyncio.create_task(sending)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _next_batch(self, lane: _Lane) -> _Batch | None:
        if lane.identity is None:
            return None
        while taken := lane.waiting.take():
            if appends := lane.waiting.drop_cancelled(taken):
                lane.batch = _encoded(appends, lane.identity, lane.sequence)
                return lane.batch
        lane.unanswered_since = None
        return None

    async def _send(self, broker: int, batches: dict[int, _Batch]) -> None:
        asked = [(self._cluster.topic, [(partition, batch.encoded) for partition, batch in batches.items()])]
        request = ProduceRequest(None, _ALL_REPLICAS, _BROKER_WAIT_MS, asked)
        try:
            response = await self._cluster.ask(broker, "produce", request, _REQUEST_S)
        except BrokerAway:
            self._recover_soon()
        except NoAnswer:
            for batch in batches.values():
                batch.may_be_written = True
            self._recover_soon()
        else:
            for _, answers in response.topics:
                for partition, code, offset, *_ in answers:
                    self._settle(self._lanes[partition], batches[partition], code, offset)
        finally:
            self._busy_brokers.discard(broker)
            for partition in batches:
                self._lanes[partition].is_on_its_way = False
        if self._recovering is None:
            self._hand_over()

    def _settle(self, lane: _Lane, batch: _Batch, code: int, offset: int) -> None:
        """Handle a broker's answer about a batch."""
        if lane.batch is not batch:  # it was given up while it was on its way
            return
        if code == NO_ERROR and offset >= 0:
            lane.sequence = (lane.sequence + batch.records) % _SEQUENCES
            self._succeed(lane, batch, offset)
        elif code in _TRIED_AGAIN:
            batch.may_be_written = batch.may_be_written or code not in _SURELY_NOT_WRITTEN
            self._recover_soon()
        elif batch.may_be_written or code not in _SURELY_NOT_WRITTEN:
            reason = errors.for_code(code)
            sentence = f"Kafka did not say whether the event is in the log: {reason.__name__}"
            self._abandon(lane, batch, OutcomeUnknown(sentence))
        elif code in _IDENTITY_LOST:
            # The broker has forgotten this producer, after a loss of its own or a long silence.
            lane.identity = None
            self._take_back(lane, batch)
            self._recover_soon()
        elif code in _TOO_LARGE and len(batch.appends) > 1:
            self._take_back(lane, batch, singly=True)
        elif code in _TOO_LARGE:
            self._fail(lane, batch, EventTooLarge("The request makes a larger message than the Kafka topic takes."))
        else:
            reason = errors.for_code(code)
            logger.error("Kafka refuses to take events: %s (%s)", reason.__name__, reason.description)
            self._fail(lane, batch, LogUnavailable(f"Kafka refuses to take events: {reason.__name__}"))

    def _succeed(self, lane: _Lane, batch: _Batch, offset: int) -> None:
        self._end(lane)
        lane.waiting.confirm(batch.appends, offset)

    def _fail(self, lane: _Lane, batch: _Batch, error: Exception) -> None:
        self._end(lane)
        lane.waiting.refuse(batch.appends, error)

    def _abandon(self, lane: _Lane, batch: _Batch, error: OutcomeUnknown) -> None:
        """Give up a batch that may still come into the log; its sequence must not be waited for."""
        lane.identity = None
        lane.sequence = 0
        self._fail(lane, batch, error)
        lane.is_suspect = True
        self._recover_soon()

    def _take_back(self, lane: _Lane, batch: _Batch, *, singly: bool = False) -> None:
        lane.batch = None
        lane.waiting.put_back(batch.appends, singly=singly)

    def _end(self, lane: _Lane) -> None:
        lane.batch = None
        lane.unanswered_since = None

    async def _watch(self) -> None:
        """Keep the bounds in time, and start a recovery while a lane is suspect."""
        while True:
            await asyncio.sleep(_TICK_S)
            now = self._clock()
            for lane in self._lanes:
                if lane.batch or lane.waiting:
                    self._give_up_late_appends(lane, now)
                if lane.is_suspect:
                    self._recover_soon()

    def _give_up_late_appends(self, lane: _Lane, now: float) -> None:
        is_away = lane.is_away(now)
        batch = lane.batch
        if batch is not None and not batch.may_be_written and not lane.is_on_its_way and is_away:
            lane.is_suspect = True
            self._fail(lane, batch, LogUnavailable("Kafka cannot be reached; try again."))
        elif batch is not None and now - batch.arrived_s > APPEND_TIMEOUT_S:
            if batch.may_be_written or lane.is_on_its_way:
                self._abandon(
                    lane, batch, OutcomeUnknown(f"Kafka did not answer an append within {APPEND_TIMEOUT_S:g} s.")
                )
            else:
                lane.is_suspect = True
                self._fail(lane, batch, LogUnavailable("Kafka cannot be reached; try again."))
        late = lane.waiting.take_arrived_before(math.inf if is_away else now - APPEND_TIMEOUT_S)
        if late:
            lane.waiting.refuse(late, LogUnavailable("Kafka does not answer; try again."))
            lane.is_suspect = True

    def _recover_soon(self) -> None:
        if self._recovering is None:
            self._recovering = asyncio.create_task(self._recover())

    async def _recover(self) -> None:
        """Find the leaders, get producer ids where they are missing, and see whether suspects answer again."""
        try:
            with contextlib.suppress(BrokerAway, NoAnswer, LogUnavailable):
                await self._cluster.refresh()
                await self._identify()
                for lane in self._lanes:
                    if lane.is_suspect:
                        await self._cluster.ends([lane.partition], _PROBE_S)
                        lane.is_suspect = False
                        lane.unanswered_since = None
                        logger.info("partition %d of %s answers again", lane.partition, self._cluster.topic)
            await asyncio.sleep(_TICK_S)
        finally:
            self._recovering = None
        self._hand_over()

    async def _identify(self) -> None:
        """Get a producer id for the lanes that have none. Raises BrokerAway, NoAnswer or LogUnavailable."""
        without_identity = [lane for lane in self._lanes if lane.identity is None]
        if not without_identity:
            return
        leader = next(
            (one for lane in self._lanes if (one := self._cluster.leader_of(lane.partition)) is not None), None
        )
        if leader is None:
            raise BrokerAway("no partition has a leader")
        response = await self._cluster.ask(
            leader, "producer-id", InitProducerIdRequest(None, _BROKER_WAIT_MS), _PROBE_S
        )
        if response.error_code != NO_ERROR:
            raise LogUnavailable(f"Kafka gave no producer id: {errors.for_code(response.error_code).__name__}")
        for lane in without_identity:
            lane.identity = response.producer_id, response.producer_epoch
            lane.sequence = 0


def _size(message: Message) -> int:
    return (
        _RECORD_OVERHEAD_BYTES
        + len(message.key)
        + len(message.value)
        + sum(len(name) + len(value or b"") + 4 for name, value in message.headers)
    )


def _encoded(appends: list[WaitingAppend[Message]], identity: tuple[int, int], sequence: int) -> _Batch:
    size = sum(append.size for append in appends)
    codec = _ZSTD if size >= _COMPRESS_FROM_BYTES else _UNCOMPRESSED
    builder = DefaultRecordBatchBuilder(_MAGIC, codec, 0, *identity, sequence, _BUILDER_BYTES)
    add = builder.append
    records = 0
    for append in appends:
        for timestamp_ms, key, value, headers in append.events:
            add(records, timestamp_ms, key, value, headers)
            records += 1
    return _Batch(appends, records, bytes(builder.build()))
