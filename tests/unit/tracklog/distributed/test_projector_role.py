"""A worker of the projector role leaves its group between two batches when the process is told to stop."""

import asyncio
from collections.abc import Set

import pytest

from event_log.fixed_assignment import FixedAssignment
from tests.contracts.partition_assignment_contract import Members, PartitionAssignmentContract
from tracklog.distributed.projector_role import UntilStopped
from tracklog.serving.services import ToldToStop


class TestUntilStopped(PartitionAssignmentContract):
    """The rules of every assignment, while nobody stops the process."""

    @pytest.fixture
    def every(self) -> Set[int]:
        return {0, 1}

    @pytest.fixture
    def members(self, every: Set[int]) -> Members:
        return lambda _group: UntilStopped(FixedAssignment(every), asyncio.Event())

    async def test_a_wait_ends_when_the_process_is_told_to_stop(self, every: Set[int]) -> None:
        stopping = asyncio.Event()
        member = UntilStopped(FixedAssignment(every), stopping)
        waiting = asyncio.create_task(member.wait_for_change(every, 600))
        await asyncio.sleep(0)
        assert not waiting.done()
        stopping.set()
        with pytest.raises(ToldToStop):
            await waiting
        assert member.partitions == frozenset()
