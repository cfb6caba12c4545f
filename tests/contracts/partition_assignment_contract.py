"""What everything that says which partitions a worker follows must do.

A test module subclasses `PartitionAssignmentContract`, for one that shares them in a group `GroupAssignmentContract`,
and gives it the fixtures `every`, the partitions of the log, and `members`, which makes assignments.
"""

import asyncio
from collections.abc import Callable, Set

import pytest

from event_log.port import LogUnavailable, PartitionAssignment
from tests.eventually import AT_MOST_S

A_WHILE_S = 0.05
"""The bound of a wait that must end by it."""
NONE: Set[int] = frozenset()

Members = Callable[[str], PartitionAssignment]
"""Makes a member of the group of that name, which has not joined; it is closed at the end of the test."""


async def until_it_has(member: PartitionAssignment, is_so: Callable[[Set[int]], bool]) -> Set[int]:
    """The partitions of a member, as soon as they are so."""
    async with asyncio.timeout(AT_MOST_S):
        while not is_so(partitions := member.partitions):
            await member.wait_for_change(partitions, AT_MOST_S)
    return partitions


class PartitionAssignmentContract:
    """The rules of every assignment, doubles among them."""

    async def test_a_member_alone_comes_to_have_every_partition(self, members: Members, every: Set[int]) -> None:
        alone = members("group")
        await alone.start()
        assert await until_it_has(alone, every.__eq__) == every

    async def test_a_wait_ends_at_once_when_something_else_is_known(self, members: Members, every: Set[int]) -> None:
        alone = members("group")
        await alone.start()
        await until_it_has(alone, every.__eq__)
        await asyncio.wait_for(alone.wait_for_change(NONE, 2 * AT_MOST_S), AT_MOST_S)
        assert alone.partitions == every

    async def test_a_wait_ends_with_its_bound_when_nothing_changes(self, members: Members, every: Set[int]) -> None:
        alone = members("group")
        await alone.start()
        await until_it_has(alone, every.__eq__)
        await alone.wait_for_change(every, A_WHILE_S)
        assert alone.partitions == every


class GroupAssignmentContract(PartitionAssignmentContract):
    """The rules where several processes share the partitions. The fixture `unreachable` is a member with no server."""

    async def test_nothing_is_assigned_before_joining(self, members: Members) -> None:
        assert members("group").partitions == NONE

    async def test_members_share_the_partitions_and_one_that_leaves_gives_its_own_back(
        self, members: Members, every: Set[int]
    ) -> None:
        first, second = members("group"), members("group")
        await first.start()
        await until_it_has(first, every.__eq__)
        await second.start()
        await first.close()
        assert await until_it_has(second, every.__eq__) == every

    async def test_groups_do_not_share_with_one_another(self, members: Members, every: Set[int]) -> None:
        for group in ("one", "another"):
            alone = members(group)
            await alone.start()
            assert await until_it_has(alone, every.__eq__) == every

    async def test_joining_without_a_server_is_refused(self, unreachable: PartitionAssignment) -> None:
        with pytest.raises(LogUnavailable):
            await unreachable.start()
