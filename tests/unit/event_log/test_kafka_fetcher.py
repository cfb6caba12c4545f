"""What a read finds, however slowly the brokers answer."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from event_log import kafka_fetcher
from event_log.kafka_cluster import KafkaCluster
from event_log.kafka_fetcher import KafkaFetcher
from tests.virtual_time import VirtualTimeLoop

LOOP = VirtualTimeLoop
SLOW_S = 5 * kafka_fetcher._PROOF_S


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
        answer = partition, 0, len(self.values), 0, 0, [], self._batch_from(offset)
        self.asked.set()
        await asyncio.sleep(self.pause_s)
        return SimpleNamespace(topics=[(self.topic, [answer])])

    def _batch_from(self, first: int) -> bytes:
        if first == len(self.values):
            return b""
        builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
        for offset, value in enumerate(self.values[first:]):
            builder.append(offset, 0, None, value, [])
        return bytes(builder.build())


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
