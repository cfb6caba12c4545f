"""How long brokers that do not answer are waited for."""

import asyncio
from typing import Any

import pytest

from event_log.kafka.cluster import KafkaCluster
from event_log.kafka.settings import KafkaSettings
from event_log.port import LogUnavailable
from tests.virtual_time import VirtualTimeLoop

LOOP = VirtualTimeLoop


class SilentCluster(KafkaCluster):
    """No broker of it ever answers."""

    async def _ask(self, *_: Any) -> Any:
        await asyncio.Event().wait()


async def test_asking_where_a_partition_ends_is_bounded() -> None:
    cluster = SilentCluster(KafkaSettings(bootstrap=("127.0.0.1:1",), topic="events"))
    now = asyncio.get_running_loop().time
    started = now()
    with pytest.raises(LogUnavailable, match=r"did not say within 1\.5 s where the log ends"):
        await cluster.ends([0], 1.5)
    assert now() - started == 1.5
    await cluster.close()
