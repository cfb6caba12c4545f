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
    """One partition of batches of any sizes. An answer has the first whole, and others up to `SMALL` bytes."""

    topic = "events"

    def __init__(self, sizes: Sequence[int]) -> None:
        self.questions = 0
        self.fault: int | Exception = 0
        self.batches: list[tuple[int, bytearray]] = []
        self.end = 0
        for size in sizes:
            values = [f"value {self.end + one}".encode() for one in range(size)]
            self.batches.append((self.end, bytearray(record_batch(self.end, values))))
            self.end += size

    def leader_of(self, partition: int) -> int | None:
        return 1

    async def ask(self, broker: int, purpose: str, request: Any, timeout_s: float) -> Any:
        self.questions += 1
        await asyncio.sleep(0)
        if isinstance(self.fault, Exception):
            raise self.fault
        [(_, [(partition, offset, _)])] = request._topics
        begins = [first for first, _ in self.batches if first <= offset]
        answer = b""
        for first, batch in self.batches if offset < self.end else ():
            if answer and len(answer) + len(batch) > SMALL:
                break
            if first >= begins[-1]:
                answer += batch
        return SimpleNamespace(topics=[(self.topic, [(partition, self.fault, self.end, 0, 0, [], answer)])])


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


async def test_it_stops_once_it_has_enough_and_says_how_far_it_came() -> None:
    found, reached = await read_at(Broker([1] * 400), range(0, 400, 20), max_bytes=10)
    assert 0 < len(found) < 20
    assert found == list(range(0, reached, 20))


async def test_a_batch_that_was_changed_is_told_by_its_offsets() -> None:
    broker = Broker([3] * 4)
    broker.batches[1][1][-1] ^= 1
    records, _ = await KafkaSeeker(cast(KafkaCluster, broker)).records_at(0, [2, 4, 7], 1 << 20)
    assert [(one.offset, isinstance(one, DamagedRecord)) for one in records] == [(2, False), (4, True), (7, False)]


@pytest.mark.parametrize("fault", [errors.NotLeaderForPartitionError.errno, BrokerAway("away")])
async def test_what_cannot_be_read_so_is_said(fault: int | Exception) -> None:
    broker = Broker([3])
    broker.fault = fault
    with pytest.raises(Elsewhere):
        await read_at(broker, [1])
