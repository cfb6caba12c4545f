"""A cluster that is closed leaves no connection behind, not even one that was being opened."""

import asyncio

import pytest

from event_log.kafka.cluster import KafkaCluster
from event_log.kafka.settings import KafkaSettings


async def test_closing_hangs_up_on_brokers_that_have_not_answered_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("event_log.kafka.cluster._CONNECT_S", 3600)
    monkeypatch.setattr("event_log.kafka.cluster._METADATA_S", 3600)
    hung_up = asyncio.Event()
    called = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.set()
        await reader.read()
        hung_up.set()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    cluster = KafkaCluster(KafkaSettings(bootstrap=(f"127.0.0.1:{port}",), topic="events"))
    asking = asyncio.create_task(cluster.refresh())
    await called.wait()
    await cluster.close()
    await asyncio.gather(asking, return_exceptions=True)
    async with asyncio.timeout(60):
        await hung_up.wait()
    server.close()
    await server.wait_closed()
