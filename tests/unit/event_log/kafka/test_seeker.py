"""Messages that lie here and there are found, whatever the batches, and with few questions."""

import asyncio
import random
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import errors

from event_log.kafka.cluster import BrokerAway, KafkaCluster
from event_log.kafka.record_batches import DamagedRecord
from event_log.kafka.seeker import Elsewhere, KafkaSeeker
from tests.unit.event_log.kafka.test_fetcher import record_batch

SMALL = 400


class Broker:
    """Partitions of batches of any sizes. An answer has the first batch of all whole, and else up to `SMALL` bytes."""

    topic = "events"

    def __init__(self, *partitions: Sequence[int]) -> None:
        self.questions = 0
        self.fault: int | Exception = 0
        self.partitions: list[list[tuple[int, bytearray]]] = []
        self.ends = [sum(sizes) for sizes in partitions]
        for sizes in partitions:
            batches, end = [], 0
            for size in sizes:
                batches.append(
                    (end, bytearray(record_batch(end, [f"value {end + one}".encode() for one in range(size)])))
                )
                end += size
            self.partitions.append(batches)

    @property
    def end(self) -> int:
        return self.ends[0]

    @property
    def batches(self) -> list[tuple[int, bytearray]]:
        return self.partitions[0]

    def leader_of(self, partition: int) -> int | None:
        return 1 + partition % 2

    async def ask(self, broker: int, purpose: str, request: Any, timeout_s: float) -> Any:
        self.questions += 1
        await asyncio.sleep(0)
        if isinstance(self.fault, Exception):
            raise self.fault
        answers: list[tuple[Any, ...]] = []
        [(_, asked)] = request._topics
        assert len({partition for partition, _, _ in asked}) == len(asked)
        has_any = False
        for partition, offset, _ in asked:
            assert self.leader_of(partition) == broker
            batches = self.partitions[partition] if offset < self.ends[partition] else []
            begin = max((first for first, _ in batches if first <= offset), default=0)
            answer = b""
            for first, batch in batches:
                if (answer or has_any) and len(answer) + len(batch) > SMALL:
                    break
                if first >= begin:
                    answer += batch
            has_any = has_any or bool(answer)
            answers.append((partition, self.fault, self.ends[partition], 0, 0, [], answer))
        return SimpleNamespace(topics=[(self.topic, answers)])


async def read_at(broker: Broker, offsets: Sequence[int], max_bytes: int = 1 << 20) -> tuple[list[int], int]:
    records, reached = await KafkaSeeker(cast(KafkaCluster, broker)).records_at(0, offsets, max_bytes)
    assert all(isinstance(one, DamagedRecord) or one.value == f"value {one.offset}".encode() for one in records)
    return [one.offset for one in records], reached


@pytest.mark.parametrize("seed", range(8))
async def test_it_finds_what_is_there(seed: int) -> None:
    chance = random.Random(seed)
    broker = Broker([chance.choice((1, 2, 3, 40)) for _ in range(60)])
    offsets = sorted(chance.sample(range(broker.end + 5), chance.randrange(1, 90)))
    found, reached = await read_at(broker, offsets)
    assert found == [one for one in offsets if one < broker.end]
    assert reached == offsets[-1] + 1


async def test_what_lies_together_is_asked_for_once() -> None:
    broker = Broker([50] * 40)
    seeker = KafkaSeeker(cast(KafkaCluster, broker))
    await seeker.records_at(0, range(0, 2000, 5), 1 << 20)
    assert broker.questions < 80  # of 400 places in 40 batches
    broker.questions = 0
    records, _ = await seeker.records_at(0, range(1000, 1050), 1 << 20)
    assert [one.offset for one in records] == list(range(1000, 1050))
    assert broker.questions <= 4


@pytest.mark.parametrize("seed", range(8))
async def test_what_is_read_of_several_partitions_at_the_same_time_is_asked_for_together(seed: int) -> None:
    chance = random.Random(seed)
    broker = Broker(*([chance.choice((1, 2, 3, 40) if seed % 2 else (3,)) for _ in range(60)] for _ in range(6)))
    wanted = [(one, sorted(chance.sample(range(end), 30))) for one, end in enumerate(broker.ends)]
    wanted.append(wanted[0])  # as two pages may
    alone, together = (KafkaSeeker(cast(KafkaCluster, broker)) for _ in range(2))
    expected = [[one.offset for one in (await alone.records_at(*each, 1 << 20))[0]] for each in wanted]
    asked, broker.questions = broker.questions, 0
    found = await asyncio.gather(*(together.records_at(*each, 1 << 20) for each in wanted))
    assert [[one.offset for one in records] for records, _ in found] == expected == [offsets for _, offsets in wanted]
    assert seed % 2 or broker.questions < asked, "a large batch is asked for again"


async def test_it_stops_once_it_has_enough_and_says_how_far_it_came() -> None:
    found, reached = await read_at(Broker([1] * 400), range(0, 400, 20), max_bytes=10)
    assert 0 < len(found) < 20
    assert found == list(range(0, reached, 20))


async def test_a_batch_that_was_changed_is_told_by_its_offsets() -> None:
    broker = Broker([3] * 4)
    broker.batches[1][1][-1] ^= 1
    records, _ = await KafkaSeeker(cast(KafkaCluster, broker)).records_at(0, [2, 4, 7], 1 << 20)
    assert [(one.offset, isinstance(one, DamagedRecord)) for one in records] == [(2, False), (4, True), (7, False)]


async def test_a_partition_without_a_leader_is_read_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker([3])
    monkeypatch.setattr(broker, "leader_of", lambda partition: None)
    with pytest.raises(Elsewhere):
        await read_at(broker, [1])


@pytest.mark.parametrize("fault", [errors.NotLeaderForPartitionError.errno, BrokerAway("away")])
async def test_what_cannot_be_read_so_is_said(fault: int | Exception) -> None:
    broker = Broker([3])
    broker.fault = fault
    with pytest.raises(Elsewhere):
        await read_at(broker, [1])
