"""Reading your own write: a read waits for the log's end as of its arrival, and no longer than it may."""

import asyncio

import pytest

from event_log.memory_event_log import MemoryEventLog
from query_api.freshness import Freshness
from schemas.envelope import Position, Positions
from schemas.errors import TracklogError
from schemas.progress import ProgressReport, ProjectionBehind, ProjectionProgress


class LogAt(MemoryEventLog):
    """A log whose end is set, and which takes its time to tell it."""

    def __init__(self, end: Positions) -> None:
        super().__init__()
        self.at = end
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def end(self) -> Positions:
        self.asked += 1
        end = self.at
        await self.may_answer.wait()
        return end


class ProgressAt(ProjectionProgress):
    """A projection that is at `checkpoint` and comes no further."""

    def __init__(self, checkpoint: Positions) -> None:
        self.checkpoint = checkpoint
        self.waits: list[tuple[Positions, float]] = []

    async def wait_until(self, positions: Positions, timeout_s: float) -> None:
        self.waits.append((positions, timeout_s))
        if any(self.checkpoint.get(partition, 0) < offset for partition, offset in positions.items()):
            raise ProjectionBehind("behind")

    async def verdict(self, position: Position, timeout_s: float) -> TracklogError | None:
        raise NotImplementedError

    def report(self) -> ProgressReport:
        return ProgressReport(self.checkpoint, 0)


async def test_a_read_waits_for_the_end_of_the_log() -> None:
    progress = ProgressAt({0: 7})
    assert await Freshness(LogAt({0: 7}), progress, wait_s=3.0).caught_up() is None
    assert progress.waits == [({0: 7}, 3.0)]


async def test_a_read_that_gave_up_names_every_partition_that_lags() -> None:
    log, progress = LogAt({0: 7, 1: 5, 2: 9}), ProgressAt({0: 7, 1: 2})
    assert await Freshness(log, progress).caught_up() == "1:2/5,2:0/9"


async def test_readers_share_a_question_that_was_asked_after_they_came() -> None:
    log, progress = LogAt({0: 1}), ProgressAt({0: 9})
    freshness = Freshness(log, progress)
    log.may_answer.clear()
    first = asyncio.create_task(freshness.caught_up())
    await asyncio.sleep(0)
    log.at = {0: 2}  # a write is acknowledged: who reads from now on must see it
    late = [asyncio.create_task(freshness.caught_up()) for _ in range(10)]
    await asyncio.sleep(0)
    assert log.asked == 1
    log.may_answer.set()
    await asyncio.gather(first, *late)
    assert log.asked == 2
    assert [positions for positions, _ in progress.waits] == [{0: 1}] + [{0: 2}] * 10


async def test_a_reader_that_went_away_does_not_keep_the_others_from_asking() -> None:
    log = LogAt({0: 1})
    freshness = Freshness(log, ProgressAt({0: 1}))
    log.may_answer.clear()
    first = asyncio.create_task(freshness.caught_up())
    await asyncio.sleep(0)
    second = asyncio.create_task(freshness.caught_up())
    await asyncio.sleep(0)
    first.cancel()
    log.may_answer.set()
    assert await second is None
    with pytest.raises(asyncio.CancelledError):
        await first
    assert log.asked == 2
