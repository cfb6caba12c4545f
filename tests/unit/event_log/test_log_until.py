"""A moment comes to positions that no append can change, and a log can be read as if it ended there."""

import pytest

from event_log.log_until import BeyondTheLog, LogUntil, checked_positions, positions_at
from event_log.memory_event_log import MemoryEventLog
from event_log.port import EventFilter
from schemas.envelope import Actor, EventData
from schemas.events import ExperimentTagSet, stream_of


async def log_at(*times_us: int, partitions: int = 1) -> MemoryEventLog:
    log = MemoryEventLog(partitions)
    for index, time_us in enumerate(times_us):
        await append(log, index, time_us)
    return log


async def append(log: MemoryEventLog, index: int, time_us: int) -> None:
    payload = ExperimentTagSet(experiment_id=index, key="k", value="v")
    await log.append([EventData(index.to_bytes(16, "big"), stream_of(payload), time_us, Actor(), "r", payload)])


async def test_a_moment_takes_in_what_happened_at_it() -> None:
    log = await log_at(10, 20, 20, 30)
    assert await positions_at(log, 20) == {0: 3}


async def test_before_the_first_event_there_is_nothing_and_after_the_last_there_is_everything() -> None:
    log = await log_at(10, 20)
    assert await positions_at(log, 9) == {0: 0}
    assert await positions_at(log, 99) == {0: 2}


async def test_a_clock_that_goes_back_behind_a_later_event_changes_nothing_of_what_was_found() -> None:
    log = await log_at(10, 30)
    before = await positions_at(log, 20)
    await append(log, 2, 15)
    assert await positions_at(log, 20) == before == {0: 1}


async def test_each_partition_has_an_end_of_its_own() -> None:
    log = MemoryEventLog(2)
    assert await positions_at(log, 1) == {0: 0, 1: 0}


async def test_positions_past_the_end_or_of_no_partition_are_refused() -> None:
    log = await log_at(10, 20)
    with pytest.raises(BeyondTheLog, match="ends at 0:2"):
        await checked_positions(log, {0: 3})
    with pytest.raises(BeyondTheLog, match="no partition 4"):
        await checked_positions(log, {4: 0})
    assert await checked_positions(log, {}) == {0: 0}


async def test_nothing_is_read_past_its_end() -> None:
    log = LogUntil(await log_at(10, 20, 30, 40), {0: 3})
    assert await log.end() == {0: 3}
    assert [event.offset for event in await log.read(0, 1, limit=10)] == [1, 2]
    assert await log.read(0, 3, limit=10) == []
    late = EventFilter(since_us=25)
    assert [event.offset for event in await log.read(0, 0, limit=10, matching=late)] == [2]
    early = EventFilter(before_offset=1)
    assert [event.offset for event in await log.read(0, 0, limit=10, matching=early)] == [0]
