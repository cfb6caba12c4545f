"""What a read finds, however slowly the brokers answer."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from event_log.kafka.cluster import KafkaCluster
from event_log.kafka.fetcher import _PROOF_S, KafkaFetcher
from event_log.kafka.record_batches import DamagedRecord
from tests.virtual_time import VirtualTimeLoop

LOOP = VirtualTimeLoop
SLOW_S = 5 * _PROOF_S


class Broker:
    """Stands in for a cluster of one broker, whose topic has one partition; answers with what it holds when asked."""

    topic = "events"

    def __init__(self, pause_s: float = 0.0) -> None:
        self.pause_s = pause_s
        self.values: list[bytes] = []
        self.asked = asyncio.Event()
        self.refreshes = 0

    def leader_of(self, partition: int) -> int | None:
        return 1

    async def refresh(self) -> None:
        self.refreshes += 1

    async def ask(self, broker: int, purpose: str, request: Any, timeout_s: float) -> Any:
        assert isinstance(request, FetchRequest)
        [(_, [(partition, offset, _)])] = request._topics
        answer: tuple[Any, ...] = partition, 0, len(self.values), 0, 0, [], self._batch_from(offset)
        self.asked.set()
        await asyncio.sleep(self.pause_s)
        return SimpleNamespace(topics=[(self.topic, [answer])])

    def _batch_from(self, first: int) -> bytes:
        if first == len(self.values):
            return b""
        return record_batch(0, self.values[first:])


def record_batch(base_offset: int, values: Sequence[bytes], codec: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 1 << 20)
    for offset, value in enumerate(values):
        builder.append(offset, 0, None, value, [])
    built = bytearray(builder.build())
    built[:8] = base_offset.to_bytes(8, "big")
    return bytes(built)


def fetcher_of(broker: Broker) -> KafkaFetcher:
    return KafkaFetcher(cast(KafkaCluster, broker), clock=asyncio.get_running_loop().time)


async def read(fetcher: KafkaFetcher) -> list[bytes | None]:
    return [record.value for record in await fetcher.records(0, 0, limit=10, max_bytes=1 << 20)]


@pytest.mark.parametrize("pause_s", [0.0, SLOW_S])
async def test_the_end_is_the_end_however_long_the_answer_takes(pause_s: float) -> None:
    broker = Broker(pause_s)
    assert await read(fetcher_of(broker)) == []
    assert broker.refreshes == 0


async def test_what_was_appended_while_the_broker_answered_is_asked_for_at_once() -> None:
    broker = Broker(SLOW_S)
    fetcher = fetcher_of(broker)
    reading = asyncio.create_task(read(fetcher))
    await broker.asked.wait()
    broker.values.append(b"new")
    fetcher.note_end(0, 1)
    assert await reading == [b"new"]
    assert broker.refreshes == 0


class BrokerOfBatches(Broker):
    """Holds record batches of three messages each, and sends them as its disk has them."""

    def __init__(self, count: int, codec: int = 0) -> None:
        super().__init__()
        self.values = [f"value {number}".encode() * 20 for number in range(3 * count)]
        self.batches = [
            bytearray(record_batch(first, self.values[first : first + 3], codec)) for first in range(0, 3 * count, 3)
        ]

    def _batch_from(self, first: int) -> bytes:
        return b"".join(map(bytes, self.batches[first // 3 :]))


async def read_all(broker: BrokerOfBatches) -> list[object]:
    """Each message's value, or for one that cannot be read its damage; every offset once, in order."""
    fetcher = fetcher_of(broker)
    found: list[object] = []
    while records := await fetcher.records(0, len(found), limit=10, max_bytes=1 << 20):
        for record in records:
            assert record.offset == len(found)
            found.append(record.reason if isinstance(record, DamagedRecord) else record.value)
    return found


@pytest.mark.parametrize("codec", [0, 4], ids=["plain", "zstd"])
async def test_a_batch_with_a_flipped_bit_costs_its_own_messages_and_the_others_are_read(codec: int) -> None:
    for batch in range(3):
        for bit in range(8 * 17, 8 * len(BrokerOfBatches(3, codec).batches[batch]), 7):  # from its checksum on
            broker = BrokerOfBatches(3, codec)
            broker.batches[batch][bit // 8] ^= 1 << bit % 8
            found = await read_all(broker)
            lost = [index for index, one in enumerate(found) if isinstance(one, str)]
            assert lost == list(range(3 * batch, 3 * batch + 3)), bit
            assert [one for one in found if not isinstance(one, str)] == [
                one for index, one in enumerate(broker.values) if index not in lost
            ]


@pytest.mark.parametrize(("byte", "change"), [*((byte, 0x7F) for byte in range(8, 12)), (16, 2)])
async def test_a_batch_whose_length_or_kind_makes_no_sense_is_passed_by(byte: int, change: int) -> None:
    broker = BrokerOfBatches(1)
    broker.batches[0][byte] ^= change
    found = await read_all(broker)
    assert len(found) == 3
    assert all(isinstance(one, str) for one in found)


async def test_a_batch_that_cannot_be_unpacked_costs_its_own_messages() -> None:
    broker = BrokerOfBatches(3, codec=4)
    changed = broker.batches[1]
    changed[61:65] = bytes(4)  # where zstd begins
    changed[17:21] = calc_crc32c(bytes(changed[21:])).to_bytes(4, "big")  # as of a producer that sent it so
    found = await read_all(broker)
    assert [isinstance(one, str) for one in found] == [False] * 3 + [True] * 3 + [False] * 3
