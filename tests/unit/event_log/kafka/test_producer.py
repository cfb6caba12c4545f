"""What becomes of an append, whatever the brokers answer or do not answer."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.memory_records import MemoryRecords

from event_log.kafka.cloud_events import Message
from event_log.kafka.cluster import BrokerAway, KafkaCluster, NoAnswer
from event_log.kafka.producer import _TICK_S, APPEND_TIMEOUT_S, PATIENCE_S, KafkaProducer
from event_log.port import EventTooLarge, LogUnavailable, OutcomeUnknown
from tests.eventually import until
from tests.virtual_time import VirtualTimeLoop

LOOP = VirtualTimeLoop
TOPIC = "events"
WRITTEN = 0
NOT_LEADER = 6
MESSAGE_TOO_LARGE = 10
NOT_ENOUGH_REPLICAS = 19
NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20
TOPIC_AUTHORIZATION_FAILED = 29
OUT_OF_ORDER_SEQUENCE = 45
UNKNOWN_SERVER_ERROR = -1

Answer = int | Exception


class Sent(NamedTuple):
    """A record batch as a broker saw it."""

    partition: int
    producer_id: int
    sequence: int
    values: list[bytes]


class Brokers:
    """Stands in for a cluster: answers each record batch as `answers` has it, and writes what it answers WRITTEN."""

    topic = TOPIC
    partition_count = 2

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.answers: list[Answer] = []
        self.otherwise: Answer = WRITTEN
        self.is_away = False
        self.pause_s = 0.0
        self._producer_id = 0
        self._ends = [0, 0]

    def leader_of(self, partition: int) -> int | None:
        return 1

    async def refresh(self) -> None:
        if self.is_away:
            raise BrokerAway("away")

    async def ends(self, partitions: list[int], timeout_s: float) -> dict[int, int]:
        if self.is_away:
            raise LogUnavailable("away")
        return {partition: self._ends[partition] for partition in partitions}

    async def ask(self, broker: int, purpose: str, request: Any, timeout_s: float) -> Any:
        if self.is_away:
            raise BrokerAway("away")
        if purpose == "producer-id":
            self._producer_id += 1
            return SimpleNamespace(error_code=0, producer_id=self._producer_id, producer_epoch=0)
        assert isinstance(request, ProduceRequest)
        await asyncio.sleep(self.pause_s)
        [(_, batches)] = request._topics
        return SimpleNamespace(topics=[(TOPIC, [self._answer(*batch) for batch in batches])])

    def _answer(self, partition: int, encoded: bytes) -> tuple[int, int, int]:
        batch = MemoryRecords(encoded).next_batch()
        values = [record.value for record in batch]
        self.sent.append(Sent(partition, batch.producer_id, batch.base_sequence, values))
        answer = self.answers.pop(0) if self.answers else self.otherwise
        if isinstance(answer, Exception):
            raise answer
        offset = self._ends[partition]
        if answer == WRITTEN:
            self._ends[partition] += len(values)
        return partition, answer, offset if answer == WRITTEN else -1


@pytest.fixture
def brokers() -> Brokers:
    return Brokers()


@pytest.fixture
async def producer(brokers: Brokers) -> AsyncIterator[KafkaProducer]:
    producer = KafkaProducer(
        cast(KafkaCluster, brokers), brokers.partition_count, 10_000, clock=asyncio.get_running_loop().time
    )
    await producer.start()
    yield producer
    await producer.close()


def message(value: str) -> Message:
    return Message(1, b"key", value.encode(), [])


async def append(producer: KafkaProducer, *values: str, partition: int = 0) -> int:
    return await producer.append(partition, [message(value) for value in values])


async def test_appends_are_numbered_in_order(producer: KafkaProducer, brokers: Brokers) -> None:
    assert [await append(producer, "a"), await append(producer, "b", "c"), await append(producer, "d")] == [0, 1, 3]
    assert brokers.sent == [Sent(0, 1, 0, [b"a"]), Sent(0, 1, 1, [b"b", b"c"]), Sent(0, 1, 3, [b"d"])]


async def test_what_arrives_while_a_batch_is_on_its_way_is_the_next_batch(
    producer: KafkaProducer, brokers: Brokers
) -> None:
    brokers.pause_s = 0.02
    first = asyncio.create_task(append(producer, "a"))
    await asyncio.sleep(0.01)
    offsets = await asyncio.gather(*(append(producer, value, value) for value in "bcd"))
    assert (await first, offsets) == (0, [1, 3, 5])
    assert [sent.values for sent in brokers.sent] == [[b"a"], [b"b", b"b", b"c", b"c", b"d", b"d"]]


async def test_a_batch_that_was_handed_over_is_neither_sent_again_nor_given_up_before_it_is_sent(
    producer: KafkaProducer, brokers: Brokers
) -> None:
    appending = asyncio.create_task(append(producer, "a"))
    await asyncio.sleep(0)
    producer._hand_over()
    producer._hand_over()
    lane = producer._lanes[0]
    producer._give_up_late_appends(lane, (lane.unanswered_since or 0) + 0.3)
    assert await appending == 0
    assert len(brokers.sent) == 1


async def test_partitions_of_one_broker_go_in_one_request_and_are_answered_each_for_itself(
    producer: KafkaProducer, brokers: Brokers
) -> None:
    brokers.answers = [TOPIC_AUTHORIZATION_FAILED, WRITTEN]
    outcomes = await asyncio.gather(
        append(producer, "a", partition=0), append(producer, "b", partition=1), return_exceptions=True
    )
    assert isinstance(outcomes[0], LogUnavailable)
    assert outcomes[1] == 0


@pytest.mark.parametrize(
    "answer", [NOT_LEADER, NOT_ENOUGH_REPLICAS, NOT_ENOUGH_REPLICAS_AFTER_APPEND, NoAnswer("silence")]
)
async def test_a_batch_is_sent_again_as_it_was_until_it_is_there(
    producer: KafkaProducer, brokers: Brokers, answer: Answer
) -> None:
    brokers.answers = [answer, answer]
    assert await append(producer, "a") == 0
    assert brokers.sent == [Sent(0, 1, 0, [b"a"])] * 3
    assert await append(producer, "b") == 1
    assert brokers.sent[-1] == Sent(0, 1, 1, [b"b"])


async def test_a_producer_that_the_broker_has_forgotten_takes_a_new_name_and_sends_again(
    producer: KafkaProducer, brokers: Brokers
) -> None:
    await append(producer, "a")
    brokers.answers = [OUT_OF_ORDER_SEQUENCE]
    assert await append(producer, "b") == 1
    assert brokers.sent[1:] == [Sent(0, 1, 1, [b"b"]), Sent(0, 2, 0, [b"b"])]


async def test_a_batch_that_may_be_there_is_never_sent_under_another_name(
    producer: KafkaProducer, brokers: Brokers
) -> None:
    brokers.answers = [NoAnswer("silence"), OUT_OF_ORDER_SEQUENCE]
    with pytest.raises(OutcomeUnknown):
        await append(producer, "a")
    assert [sent.producer_id for sent in brokers.sent] == [1, 1]
    await until(lambda: not producer._lanes[0].is_suspect)
    assert await append(producer, "b") == 0
    assert brokers.sent[-1] == Sent(0, 2, 0, [b"b"])


async def test_an_append_that_is_never_answered_is_of_unknown_outcome_and_holds_up_no_other(
    producer: KafkaProducer, brokers: Brokers
) -> None:
    brokers.otherwise = NoAnswer("silence")
    first = asyncio.create_task(append(producer, "a"))
    await asyncio.sleep(0.05)
    with pytest.raises(LogUnavailable):
        await append(producer, "behind it")
    with pytest.raises(OutcomeUnknown, match="did not answer"):
        await first
    brokers.otherwise = WRITTEN
    await until(lambda: not producer._lanes[0].is_suspect)
    assert await append(producer, "b") == 0
    assert brokers.sent[-1] == Sent(0, 2, 0, [b"b"])
    assert b"behind it" not in [value for sent in brokers.sent for value in sent.values]


@pytest.mark.parametrize("answer", [NOT_ENOUGH_REPLICAS, BrokerAway("away")])
async def test_an_append_that_surely_was_not_written_is_refused_as_such(
    producer: KafkaProducer, brokers: Brokers, answer: Answer
) -> None:
    brokers.otherwise = answer
    with pytest.raises(LogUnavailable):
        await append(producer, "a")
    brokers.otherwise = WRITTEN
    await until(lambda: not producer._lanes[0].is_suspect)
    assert await append(producer, "b") == 0
    assert brokers.sent[-1] == Sent(0, 1, 0, [b"b"])


async def test_while_the_brokers_are_away_appends_are_refused_without_a_wait(
    producer: KafkaProducer, brokers: Brokers
) -> None:
    brokers.is_away = True
    with pytest.raises(LogUnavailable):
        await append(producer, "a")
    for _ in range(10):
        async with asyncio.timeout(0.05):
            with pytest.raises(LogUnavailable):
                await append(producer, "b")
    brokers.is_away = False
    await until(lambda: not producer._lanes[0].is_suspect)
    assert await append(producer, "c") == 0


@pytest.mark.parametrize("answer", [NOT_LEADER, NOT_ENOUGH_REPLICAS, NoAnswer("silence"), BrokerAway("away")], ids=str)
@pytest.mark.parametrize("pause_s", [0.0, 3.9, 3600.0])
async def test_whatever_the_brokers_do_every_append_is_answered_within_its_bound(
    producer: KafkaProducer, brokers: Brokers, answer: Answer, pause_s: float
) -> None:
    brokers.otherwise, brokers.pause_s = answer, pause_s
    now = asyncio.get_running_loop().time

    async def seconds_of_an_append(number: int) -> float:
        await asyncio.sleep(number / 7)
        started = now()
        with pytest.raises((LogUnavailable, OutcomeUnknown)):
            await append(producer, "a", partition=number % 2)
        return now() - started

    seconds = await asyncio.gather(*(seconds_of_an_append(number) for number in range(40)))
    assert max(seconds) <= APPEND_TIMEOUT_S + 2 * _TICK_S


async def test_brokers_that_are_back_are_found_again_soon(producer: KafkaProducer, brokers: Brokers) -> None:
    brokers.is_away = True
    with pytest.raises(LogUnavailable):
        await append(producer, "a")
    await asyncio.sleep(100)
    brokers.is_away = False
    async with asyncio.timeout(PATIENCE_S):
        await until(lambda: not producer._lanes[0].is_suspect)
    assert await append(producer, "b") == 0


async def test_an_answer_of_the_broker_that_proves_nothing_leaves_the_outcome_unknown(
    producer: KafkaProducer, brokers: Brokers
) -> None:
    brokers.answers = [UNKNOWN_SERVER_ERROR]
    with pytest.raises(OutcomeUnknown, match="UnknownError"):
        await append(producer, "a")


async def test_of_a_batch_that_is_too_large_only_the_append_that_is_too_large_is_refused(
    producer: KafkaProducer, brokers: Brokers
) -> None:
    brokers.pause_s = 0.02
    first = asyncio.create_task(append(producer, "a"))
    await asyncio.sleep(0.01)
    brokers.answers = [WRITTEN, MESSAGE_TOO_LARGE, WRITTEN, MESSAGE_TOO_LARGE, WRITTEN]
    outcomes = await asyncio.gather(*(append(producer, value) for value in "bcd"), return_exceptions=True)
    assert await first == 0
    assert (outcomes[0], type(outcomes[1]), outcomes[2]) == (1, EventTooLarge, 2)


async def test_what_does_not_fit_is_refused_before_it_is_sent(producer: KafkaProducer, brokers: Brokers) -> None:
    with pytest.raises(EventTooLarge, match="at most 10000"):
        await append(producer, "x" * 10_001)
    assert brokers.sent == []


async def test_closing_waits_for_what_is_under_way(producer: KafkaProducer, brokers: Brokers) -> None:
    brokers.pause_s = 0.05
    under_way = asyncio.create_task(append(producer, "a"))
    await asyncio.sleep(0.01)
    await producer.close()
    assert under_way.done()
    assert await under_way == 0
