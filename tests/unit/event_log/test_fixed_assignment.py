"""The assignment of a process that shares with no other keeps the contract."""

from collections.abc import Set

import pytest

from event_log.fixed_assignment import FixedAssignment
from tests.contracts.partition_assignment_contract import Members, PartitionAssignmentContract


class TestFixedAssignment(PartitionAssignmentContract):
    """The rules."""

    @pytest.fixture
    def every(self) -> Set[int]:
        return {0}

    @pytest.fixture
    def members(self, every: Set[int]) -> Members:
        return lambda _group: FixedAssignment(every)
