"""Listeners are told of everything they want, once and in order, however they come and go."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from event_log.memory_event_log import MemoryEventLog
from event_log.port import EventLogReader
from projector.history_worker import HistoryWorker
from query_api.history import live_tail as tail_module
from query_api.history.live_tail import LiveTail, TooManyListeners
from query_api.history.request import wanted_without_renames
from query_api.history.wanted import Wanted
from read_model.history.sqlite import SqliteHistoryIndex, SqliteHistoryIndexWriter
from schemas.envelope import Actor, EventClock
from schemas.events import RunDeleted
from schemas.messages.history import HistoryFilter

RUNS = ("a" * 32, "b" * 32)
ROUNDS = 60


class Live:
    """A log that grows, with its index behind it."""

    def __init__(self, folder: Path, partitions: int) -> None:
        self.log = _SharedLog(partitions)
        self.index = SqliteHistoryIndex(folder / "history")
        self.clock = EventClock()
        self._end = dict.fromkeys(range(partitions), 0)

        async def open_log() -> EventLogReader:
            return self.log

        self.worker = HistoryWorker(
            SqliteHistoryIndexWriter(folder / "history"), open_log, lambda: self._end, linger_s=0.0
        )

    async def append(self, run_id: str) -> None:
        await self.log.append([self.clock.stamp(RunDeleted(run_id=run_id), Actor(), "q")])
        self._end = dict(await self.log.end())
        self.worker.flush()

    async def indexed(self) -> None:
        assert await self.index.wait_until(self._end, 30)


class _SharedLog(MemoryEventLog):
    async def close(self) -> None:
        """Others go on with it."""


@pytest.fixture(params=[1, 2])
async def live(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Live]:
    monkeypatch.setattr(tail_module, "LOOK_S", 0.01)
    live = Live(tmp_path, request.param)
    task = asyncio.create_task(live.worker.run())
    await live.append(RUNS[0])
    async with asyncio.timeout(30):
        while True:
            try:
                await live.indexed()
                break
            except Exception:  # there is no index yet
                await asyncio.sleep(0.01)
    yield live
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await live.index.close()


def wanted(run_id: str) -> Wanted:
    return wanted_without_renames(HistoryFilter(run_id=run_id))


async def test_listeners_that_break_off_and_resume_hear_everything_once(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail_module, "MAX_WAITING", 3)
    monkeypatch.setattr(tail_module, "MAX_READ_TOGETHER", 20)
    tail = LiveTail(live.log, live.index)
    begin = await tail.here()
    chance = random.Random(5)

    async def write() -> None:
        for _ in range(ROUNDS):
            for _ in range(chance.randrange(1, 4)):
                await live.append(RUNS[1])
                await live.append(RUNS[0])
            if chance.random() < 0.3:
                await live.indexed()
        await live.indexed()

    async def listen(seed: int) -> list[bytes]:
        own = random.Random(seed)
        cursor = begin
        found: list[bytes] = []
        while len(found) < expected:
            async with aclosing(tail.listen(wanted(RUNS[1]), "b", cursor, "")) as listening:
                until = own.randrange(1, 60)
                async for told in listening:
                    taken = told[: own.randrange(len(told) + 1)] if own.random() < 0.3 else told
                    for one in taken:
                        found.append(one.entry)
                        cursor = one.cursor
                        until -= 1
                    if until <= 0 or len(found) >= expected or len(taken) < len(told):
                        break
        return found

    state = chance.getstate()
    expected = 0
    for _ in range(ROUNDS):
        expected += chance.randrange(1, 4)
        chance.random()
    chance.setstate(state)
    async with asyncio.timeout(120):
        writing = asyncio.create_task(write())
        all_heard = await asyncio.gather(*(listen(seed) for seed in range(4)))
        await writing
    stored = [event for events in live.log._events for event in events if event.stream.endswith(RUNS[1])]
    for entries in all_heard:
        ids = [entry.partition(b'"offset":')[2].partition(b",")[0] for entry in entries]
        assert [int(one) for one in ids] == [event.offset for event in stored]


async def test_as_many_listen_as_may_and_no_more(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_module, "MAX_LISTENERS", 3)
    monkeypatch.setattr(tail_module, "MAX_OF_ADDRESS", 2)
    tail = LiveTail(live.log, live.index)
    cursor = await tail.here()

    async def listen(address: str) -> object:
        listening = tail.listen(wanted(RUNS[0]), "a", cursor, address)
        await anext(listening)
        return listening

    first, _ = await listen("one"), await listen("one")
    with pytest.raises(TooManyListeners):
        await listen("one")
    third = await listen("two")
    with pytest.raises(TooManyListeners):
        await listen("three")
    await first.aclose()  # type: ignore[attr-defined]
    await third.aclose()  # type: ignore[attr-defined]
    assert await listen("one")
