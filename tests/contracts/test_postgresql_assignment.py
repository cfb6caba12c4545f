"""One of several projectors follows the log in PostgreSQL, whatever happens to it."""

import asyncio
import time
from collections.abc import AsyncIterator, Set
from typing import Any

import asyncpg
import pytest

from event_log.postgresql import assignment
from event_log.postgresql.assignment import PostgresqlAssignment
from tests.contracts.partition_assignment_contract import GroupAssignmentContract, Members
from tests.eventually import AT_MOST_S, until

ALL = {0}
NONE: set[int] = set()

QUEUED = (
    "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
    " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
)


class TestPostgresqlAssignment(GroupAssignmentContract):
    """The rules."""

    @pytest.fixture
    def every(self) -> Set[int]:
        return ALL

    @pytest.fixture
    async def members(self, postgresql_database: str) -> AsyncIterator[Members]:
        made: list[PostgresqlAssignment] = []

        def member(group: str) -> PostgresqlAssignment:
            made.append(PostgresqlAssignment(postgresql_database, group))
            return made[-1]

        yield member
        for one in made:
            await one.close()

    @pytest.fixture
    def unreachable(self) -> PostgresqlAssignment:
        return PostgresqlAssignment("postgresql://nobody@127.0.0.1:1/nowhere", "g")


@pytest.fixture
async def members(postgresql_database: str) -> AsyncIterator[list[PostgresqlAssignment]]:
    """Three members of a group that have not joined."""
    members = [PostgresqlAssignment(postgresql_database, "g") for _ in range(3)]
    yield members
    for member in members:
        await member.close()


async def test_the_first_member_has_the_partition_and_the_next_one_takes_over(
    postgresql_database: str, members: list[PostgresqlAssignment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(assignment._SETTINGS, "idle_session_timeout", "0")  # nobody gives way by stalling
    first, second, _ = members
    await first.start()
    await first.wait_for_change(NONE, 60)
    await second.start()
    await _queued(postgresql_database, 1)
    assert (first.partitions, second.partitions) == (ALL, NONE)
    await first.close()
    await second.wait_for_change(NONE, 60)
    assert (first.partitions, second.partitions) == (NONE, ALL)


async def test_of_many_members_one_has_the_partition(
    postgresql_database: str, members: list[PostgresqlAssignment]
) -> None:
    await asyncio.gather(*(member.start() for member in members))
    await until(lambda: any(member.partitions for member in members))
    await _queued(postgresql_database, len(members) - 1)
    assert sorted(len(member.partitions) for member in members) == [0, 0, 1]


async def test_a_member_that_loses_its_connection_has_nothing_until_it_joined_again(
    postgresql_database: str, members: list[PostgresqlAssignment]
) -> None:
    first, second, _ = members
    await first.start()
    await first.wait_for_change(NONE, 60)
    await second.start()
    await _queued(postgresql_database, 1)
    await _end_holder(postgresql_database)
    await first.wait_for_change(ALL, 60)
    assert first.partitions == NONE
    await second.wait_for_change(NONE, 60)
    await second.close()
    await first.wait_for_change(NONE, 60)
    assert first.partitions == ALL


async def test_a_member_that_stalls_gives_way(
    postgresql_database: str, members: list[PostgresqlAssignment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_log.postgresql.assignment.PING_S", 60)  # a process that says nothing
    stalled, waiting, _ = members
    await stalled.start()
    await stalled.wait_for_change(NONE, 60)
    await waiting.start()
    await waiting.wait_for_change(NONE, 60)
    assert waiting.partitions == ALL


async def test_waiting_ends_after_its_bound(members: list[PostgresqlAssignment]) -> None:
    started = time.monotonic()
    await members[0].wait_for_change(NONE, 0.2)
    assert time.monotonic() - started > 0.1


async def _queued(dsn: str, count: int) -> None:
    """Return when so many members wait for the one that has the partition."""
    connection: Any = await asyncpg.connect(dsn)
    async with asyncio.timeout(AT_MOST_S):
        while await connection.fetchval(QUEUED) != count:
            await asyncio.sleep(0.01)
    await connection.close()


async def _end_holder(dsn: str) -> None:
    connection: Any = await asyncpg.connect(dsn)
    ended = await connection.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
        " WHERE locktype = 'advisory' AND granted AND datname = current_database()"
    )
    assert len(ended) == 1
    await connection.close()
