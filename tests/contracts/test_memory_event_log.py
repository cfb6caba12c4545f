"""The in-memory double keeps the event log's contract."""

import pytest

from event_log.memory_event_log import MemoryEventLog
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
