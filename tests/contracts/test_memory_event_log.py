"""The in-memory double keeps the event log's contract."""

import pytest

from event_log.memory_event_log import MemoryEventLog
from event_log.sealing.known_keys import KnownStreamKeys
from event_log.sealing.memory_stream_keys import MemoryStreamKeys
from event_log.sealing.sealed_log import SealedLog
from schemas.envelope import Position
from tests.contracts.event_log_contract import Damage, EventLogContract


@pytest.fixture
def damage(log: MemoryEventLog) -> Damage:
    async def damage(position: Position) -> None:
        log.damage(position)

    return damage


class TestOnePartition(EventLogContract):
    @pytest.fixture
    def log(self) -> MemoryEventLog:
        return MemoryEventLog()


class TestManyPartitions(EventLogContract):
    @pytest.fixture
    def log(self) -> MemoryEventLog:
        return MemoryEventLog(partitions=4)


class TestSealedPayloads(EventLogContract):
    """Over a log that keeps payloads sealed."""

    @pytest.fixture
    def kept(self) -> MemoryEventLog:
        return MemoryEventLog(partitions=4)

    @pytest.fixture
    def log(self, kept: MemoryEventLog) -> SealedLog:
        return SealedLog(kept, KnownStreamKeys(MemoryStreamKeys()))

    @pytest.fixture
    def damage(self, kept: MemoryEventLog) -> Damage:
        async def damage(position: Position) -> None:
            kept.damage(position)

        return damage
