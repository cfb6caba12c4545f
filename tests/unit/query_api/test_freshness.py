"""Reading your own write: a read waits for the log's end as of its arrival, and no longer than it may."""

import asyncio

import pytest

from event_log.memory_event_log import MemoryEventLog
from event_log.port import LogUnavailable
from query_api.freshness import LOG_RETRY_S, LOG_UNAVAILABLE, Freshness
from schemas.envelope import Positions
from tests.eventually import until
from tests.memory_progress import MemoryProgress


class LogAt(MemoryEventLog):
    """A log whose end is set, and which takes its time to tell it."""

    def __init__(self, end: Positions) -> None:
        super().__init__()
        self.at = end
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.is_away = False

    async def end(self) -> Positions:
        self.asked += 1
        end = self.at
        await self.may_answer.wait()
        if self.is_away:
            raise LogUnavailable("away")
        return end

    def partition_of(self, ordering_unit: str) -> int:
        return {"run/a": 0, "run/b": 1, "experiments": 2}[ordering_unit]


class Reads:
    """Reads that run as tasks."""

    def __init__(self, freshness: Freshness) -> None:
        self._freshness = freshness
        self._begun = 0

    async def begin(self, count: int = 1) -> list[asyncio.Task[str | None]]:
        """Some reads, each of which has asked for the log's end or waits for its turn to."""
        begun = self._begun + count
        tasks = [asyncio.create_task(self._read()) for _ in range(count)]
        await until(lambda: self._begun == begun)
        return tasks

    async def _read(self) -> str | None:
        self._begun += 1
        return await self._freshness.caught_up()


async def test_a_read_waits_for_the_end_of_the_log() -> None:
    progress = MemoryProgress({0: 7})
    assert await Freshness(LogAt({0: 7}), progress, wait_s=3.0).caught_up() is None
    assert progress.waits == [({0: 7}, 3.0)]


async def test_a_read_that_gave_up_names_every_partition_that_lags() -> None:
    log, progress = LogAt({0: 7, 1: 5, 2: 9}), MemoryProgress({0: 7, 1: 2})
    assert await Freshness(log, progress).caught_up() == "1:2/5,2:0/9"


async def test_readers_share_a_question_that_was_asked_after_they_came() -> None:
    log, progress = LogAt({0: 1}), MemoryProgress({0: 9})
    reads = Reads(Freshness(log, progress))
    log.may_answer.clear()
    first = await reads.begin()
    log.at = {0: 2}  # a write is acknowledged: a read that begins from now on must see it
    late = await reads.begin(10)
    assert log.asked == 1
    log.may_answer.set()
    await asyncio.gather(*first, *late)
    assert log.asked == 2
    assert [positions for positions, _ in progress.waits] == [{0: 1}] + [{0: 2}] * 10


async def test_a_reader_that_went_away_does_not_keep_the_others_from_asking() -> None:
    log = LogAt({0: 1})
    reads = Reads(Freshness(log, MemoryProgress({0: 1})))
    log.may_answer.clear()
    [first] = await reads.begin()
    [second] = await reads.begin()
    first.cancel()
    log.may_answer.set()
    assert await second is None
    with pytest.raises(asyncio.CancelledError):
        await first
    assert log.asked == 2


async def test_a_read_of_one_run_waits_for_its_partition_alone() -> None:
    progress = MemoryProgress({0: 7, 1: 0, 2: 3})
    freshness = Freshness(LogAt({0: 7, 1: 9, 2: 3}), progress, wait_s=3.0)
    assert await freshness.caught_up(["run/a", "experiments"]) is None
    assert await freshness.caught_up(["run/b", "run/a"]) == "1:0/9"
    assert [positions for positions, _ in progress.waits] == [{0: 7, 2: 3}, {0: 7, 1: 9}]


async def test_a_log_that_does_not_tell_its_end_is_no_reason_not_to_answer() -> None:
    log, progress = LogAt({0: 7}), MemoryProgress({0: 7})
    log.is_away = True
    freshness = Freshness(log, progress)
    assert await freshness.caught_up() == LOG_UNAVAILABLE
    assert progress.waits == []


async def test_a_log_that_is_away_is_asked_again_only_after_a_while() -> None:
    log = LogAt({0: 7})
    log.is_away = True
    now_s = 0.0
    freshness = Freshness(log, MemoryProgress({0: 7}), clock=lambda: now_s)
    assert await asyncio.gather(*(freshness.caught_up() for _ in range(10))) == [LOG_UNAVAILABLE] * 10
    assert log.asked == 1
    log.is_away = False
    assert await freshness.caught_up() == LOG_UNAVAILABLE
    now_s += LOG_RETRY_S
    assert await freshness.caught_up() is None


async def test_a_question_that_was_given_up_answers_nobody_with_an_older_end() -> None:
    log, progress = LogAt({0: 1}), MemoryProgress({0: 9})
    freshness = Freshness(log, progress)
    reads = Reads(freshness)
    assert await freshness.caught_up() is None
    log.may_answer.clear()
    log.at = {0: 2}
    [first] = await reads.begin()
    log.at = {0: 3}
    second, third = await reads.begin(2)
    asked = log.asked
    first.cancel()
    await until(lambda: log.asked > asked)
    second.cancel()  # it was asking for itself and the third
    log.may_answer.set()
    assert await third is None
    assert [positions for positions, _ in progress.waits] == [{0: 1}, {0: 3}]
