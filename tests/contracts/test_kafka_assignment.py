"""Partitions are shared out among the members of a group, and move when one leaves, dies or falls silent."""

import asyncio
import contextlib
import json
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Set
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from event_log.kafka.assignment import SESSION_TIMEOUT_MS, KafkaAssignment
from event_log.kafka.event_log import KafkaEventLog, open_kafka_log
from event_log.kafka.settings import KafkaSettings
from event_log.port import LogUnavailable
from tests.contracts.partition_assignment_contract import GroupAssignmentContract, Members
from tests.eventually import AT_MOST_S
from tests.services.given import GivenKafka
from tests.services.ports import free_port
from tests.services.running import AnyKafka

EVERY = {0, 1, 2, 3}
SILENCE_S = SESSION_TIMEOUT_MS / 1000

LONGER_THAN_A_TEST_MS = 600_000
"""A session of which no test sees the end: who takes partitions over has not waited for it."""


@pytest.fixture
async def settings(kafka_service: AnyKafka | GivenKafka, kafka_topic: str) -> KafkaSettings:
    settings = KafkaSettings.parse(f"kafka://{kafka_service.bootstrap}/{kafka_topic}")
    log: KafkaEventLog = await open_kafka_log(settings, partitions=len(EVERY))
    await log.close()
    return settings


@pytest.fixture
def group_id() -> str:
    return f"group-{uuid.uuid4().hex[:12]}"


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


class TestKafkaAssignment(GroupAssignmentContract):
    """The rules."""

    @pytest.fixture
    def every(self) -> Set[int]:
        return EVERY

    @pytest.fixture
    async def members(self, settings: KafkaSettings, stack: AsyncExitStack, group_id: str) -> Members:
        def member(group: str) -> KafkaAssignment:
            made = KafkaAssignment(settings, f"{group_id}-{group}")
            stack.push_async_callback(made.close)
            return made

        return member

    @pytest.fixture
    async def unreachable(self, group_id: str) -> KafkaAssignment:
        return KafkaAssignment(KafkaSettings.parse(f"kafka://127.0.0.1:{free_port()}/t"), group_id)


async def member(stack: AsyncExitStack, settings: KafkaSettings, group_id: str) -> KafkaAssignment:
    assignment = KafkaAssignment(settings, group_id)
    await assignment.start()
    stack.push_async_callback(assignment.close)
    return assignment


async def until(
    assignment: KafkaAssignment, is_reached: Callable[[Set[int]], bool], within_s: float = AT_MOST_S
) -> Set[int]:
    async with asyncio.timeout(within_s):
        while not is_reached(partitions := assignment.partitions):
            await assignment.wait_for_change(partitions, within_s)
    return partitions


@asynccontextmanager
async def member_process(settings: KafkaSettings, group_id: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.contracts.kafka_group_member", settings.uri, group_id),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def until_it_holds(process: asyncio.subprocess.Process, partitions: int) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(AT_MOST_S):
        while len(json.loads(await process.stdout.readline())) != partitions:
            pass


async def test_members_share_the_partitions_and_one_that_leaves_gives_its_own_back_at_once(
    stack: AsyncExitStack, settings: KafkaSettings, group_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_log.kafka.assignment.SESSION_TIMEOUT_MS", LONGER_THAN_A_TEST_MS)
    first = await member(stack, settings, group_id)
    await until(first, lambda partitions: partitions == EVERY)
    second = await member(stack, settings, group_id)
    await until(first, lambda partitions: len(partitions) == 2)
    await until(second, lambda partitions: len(partitions) == 2)
    assert first.partitions | second.partitions == EVERY
    await second.close()
    await until(first, lambda partitions: partitions == EVERY)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_the_partitions_of_a_member_that_dies_or_stalls_move_when_its_session_is_over(
    stack: AsyncExitStack, settings: KafkaSettings, group_id: str, how: signal.Signals
) -> None:
    async with member_process(settings, group_id) as process:
        await until_it_holds(process, 4)
        survivor = await member(stack, settings, group_id)
        await until(survivor, lambda partitions: len(partitions) == 2)
        await until_it_holds(process, 2)
        process.send_signal(how)
        await until(survivor, lambda partitions: partitions == EVERY)


async def test_a_member_that_stalled_gets_its_share_again_when_it_wakes(
    stack: AsyncExitStack, settings: KafkaSettings, group_id: str
) -> None:
    async with member_process(settings, group_id) as process:
        await until_it_holds(process, 4)
        survivor = await member(stack, settings, group_id)
        await until(survivor, lambda partitions: len(partitions) == 2)
        process.send_signal(signal.SIGSTOP)
        await until(survivor, lambda partitions: partitions == EVERY)
        process.send_signal(signal.SIGCONT)
        await until(survivor, lambda partitions: len(partitions) == 2)


async def test_a_member_stays_however_long_it_has_nothing_to_do(
    stack: AsyncExitStack, settings: KafkaSettings, group_id: str
) -> None:
    alone = await member(stack, settings, group_id)
    await until(alone, lambda partitions: partitions == EVERY)
    await alone.wait_for_change(EVERY, SILENCE_S * 1.3)
    assert alone.partitions == EVERY


async def test_joining_while_the_brokers_are_away_says_so(group_id: str) -> None:
    assignment = KafkaAssignment(KafkaSettings.parse(f"kafka://127.0.0.1:{free_port()}/t"), group_id)
    with pytest.raises(LogUnavailable, match="cannot be reached"):
        await assignment.start()
