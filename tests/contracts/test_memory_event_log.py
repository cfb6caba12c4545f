"""The in-memory double keeps the event log's contract."""

import pytest

from event_log.memory_event_log import MemoryEventLog
from tests.contracts.event_log_contract import EventLogContract


class TestOnePartition(EventLogContract):
    @pytest.fixture
    def log(self) -> MemoryEventLog:
        return MemoryEventLog()


class TestManyPartitions(EventLogContract):
    @pytest.fixture
    def log(self) -> MemoryEventLog:
        return MemoryEventLog(partitions=4)
