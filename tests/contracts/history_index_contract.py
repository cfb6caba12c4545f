"""What every history index must do, whatever the database: pages are what a scan of the whole log comes to.

A test module subclasses `HistoryIndexContract` and gives it the fixtures `index`, which reads what the writers that
`open_writer` makes have written.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import pytest

from event_log.memory_event_log import MemoryEventLog
from event_log.port import EventLogReader
from projector import history_worker
from projector.history_worker import HistoryWorker
from query_api.history import candidates, search
from query_api.history.request import wanted_without_renames
from query_api.history.search import History
from query_api.history.wanted import Source, Wanted
from read_model.history import open_blocks, port, segment
from read_model.history.port import HistoryIndex, HistoryIndexWriter
from read_model.history.segment import EventTimes, Segment, decode_segment
from read_model.history.terms import stream_term
from schemas.envelope import Actor, EventClock, Positions, RecordedEvent
from schemas.errors import TemporarilyUnavailable
from schemas.events import (
    AnyEvent,
    ArtifactUploaded,
    ExperimentCreated,
    LoggedModelCreated,
    LoggedModelTagsSet,
    MetricSeries,
    Param,
    RunCreated,
    RunDataLogged,
    RunDeleted,
    Tag,
)
from schemas.messages.history import HistoryFilter

OpenWriter = Callable[[], HistoryIndexWriter]

BLOCK: Final = 32
SEGMENT: Final = 8

RUNS: Final = tuple(f"{number:032x}" for number in range(5))
MODELS: Final = ("m-1", "m-2")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some hundred events then fill many blocks."""
    for module in (segment, port, candidates, history_worker):
        monkeypatch.setattr(module, "BLOCK_EVENTS", BLOCK)
    monkeypatch.setattr(segment, "SEGMENT_EVENTS", SEGMENT)
    monkeypatch.setattr(candidates, "BLOCKS_AT_ONCE", 3)
    monkeypatch.setattr(candidates, "BUCKETS_AT_ONCE", 3)
    monkeypatch.setattr(candidates, "TAKEN_AT_ONCE", 10)
    monkeypatch.setattr(candidates, "LOOKED_UP_FROM", 3)
    monkeypatch.setattr(search, "REMEMBERED_BLOCKS", 2)


class _SharedLog(MemoryEventLog):
    async def close(self) -> None:
        """Others go on with it."""


async def random_log(seed: int, partitions: int, events: int) -> MemoryEventLog:
    chance = random.Random(seed)
    log = _SharedLog(partitions)
    clock = EventClock(iter(range(1_000_000_000, 10**15, 1_000_000)).__next__)

    async def append(event: AnyEvent) -> None:
        user = chance.choice(("ada", "bob"))
        await log.append([clock.stamp(event, Actor(user), f"request-{chance.randrange(50)}")])

    for number in range(2):
        await append(
            ExperimentCreated(experiment_id=number, name=f"e{number}", artifact_location=f"mlflow-artifacts:/{number}")
        )
    for number, run_id in enumerate(RUNS):
        await append(
            RunCreated(run_id=run_id, experiment_id=number % 2, name="r", user_id="", start_time_ms=1, artifact_uri="x")
        )
    for number, model_id in enumerate(MODELS):
        await append(LoggedModelCreated(model_id=model_id, experiment_id=number, name="m", artifact_location="x"))
    for _ in range(events):
        await append(_some_event(chance))
    return log


def _some_event(chance: random.Random) -> AnyEvent:
    run_id = chance.choice(RUNS)
    match chance.randrange(8):
        case 0:
            return RunDeleted(run_id=run_id)
        case 1:
            folder = f"{RUNS.index(run_id) % 2}/{run_id}/artifacts/{chance.choice('abc')}"
            return ArtifactUploaded(path=f"{folder}/x.bin", size=1, etag="e")
        case 2:
            return LoggedModelTagsSet(model_id=chance.choice(MODELS), tags=[Tag("k", chance.choice("ab"))])
        case 3:
            return RunDataLogged(run_id=run_id, params=[Param(chance.choice("lmn"), chance.choice("12"))])
        case 4:
            return RunDataLogged(run_id=run_id, tags=[Tag(f"t{number}", "v") for number in range(70)])
        case _:
            return RunDataLogged(
                run_id=run_id, metrics=[MetricSeries(key="loss", value=[1.5], timestamp_ms=[1], step=[1])]
            )


def experiment_of(event: RecordedEvent) -> int | None:
    kind, _, key = event.stream.partition("/")
    match kind:
        case "run":
            return RUNS.index(key) % 2
        case "logged-model":
            return MODELS.index(key)
        case "artifact":
            return RUNS.index(key.split("/")[1]) % 2
        case _:
            return int(key)


Case = tuple[HistoryFilter, Callable[[RecordedEvent], bool]]

MIDDLE_US: Final = 1_150_000

CASES: Final[dict[str, Case]] = {
    "everything": (HistoryFilter(), lambda event: True),
    "run": (HistoryFilter(run_id=RUNS[3]), lambda event: RUNS[3] in event.stream),
    "experiment": (HistoryFilter(experiment_id="1"), lambda event: experiment_of(event) == 1),
    "logged model": (HistoryFilter(logged_model_id="m-1"), lambda event: event.stream == "logged-model/m-1"),
    "actor and type": (
        HistoryFilter(actor="bob", type=["run.created", "run.deleted"]),
        lambda event: event.actor.user == "bob" and event.type in ("run.created", "run.deleted"),
    ),
    "request": (HistoryFilter(request_id="request-7"), lambda event: event.request_id == "request-7"),
    "folder of artifacts": (
        HistoryFilter(artifact=f"0/{RUNS[2]}/artifacts/a"),
        lambda event: f'"0/{RUNS[2]}/artifacts/a/x.bin"'.encode() in event.payload,
    ),
    "field": (HistoryFilter(field="params.l"), lambda event: b'"params":[{"key":"l"' in event.payload),
    "field of one of many": (HistoryFilter(field="tags.t69"), lambda event: b'"key":"t69"' in event.payload),
    "field and value": (
        HistoryFilter(field="metrics.loss", value="1.50"),
        lambda event: b'"key":"loss"' in event.payload,
    ),
    "value of any kind": (HistoryFilter(field="k", value="a"), lambda event: b'"value":"a"' in event.payload),
    "time": (
        HistoryFilter(since="1150", until="1300"),
        lambda event: MIDDLE_US <= event.time_us < 1_300_000,
    ),
    "run in a time": (
        HistoryFilter(run_id=RUNS[0], since="1150"),
        lambda event: RUNS[0] in event.stream and event.time_us >= MIDDLE_US,
    ),
    "nothing": (HistoryFilter(actor="eve"), lambda event: False),
}


async def every_page(history: History, wanted: Wanted, *, newest_first: bool, limit: int) -> list[RecordedEvent]:
    found: list[RecordedEvent] = []
    cursor = ""
    while True:
        page = await history.page(wanted, newest_first=newest_first, limit=limit, cursor=cursor)
        assert len(page.events) <= limit
        found += page.events
        cursor = page.cursor
        if page.is_last:
            return found


class HistoryIndexContract:
    """Subclasses give the fixtures `index` and `open_writer`."""

    @asynccontextmanager
    async def indexed(
        self,
        log: MemoryEventLog,
        index: HistoryIndex,
        writer: HistoryIndexWriter,
        end: Positions | None = None,
        observe: Sequence[RecordedEvent] = (),
    ) -> AsyncIterator[HistoryWorker]:
        """A worker at work, once the index has everything up to `end`."""

        async def open_log() -> EventLogReader:
            return log

        followed = dict(await log.end() if end is None else end)
        worker = HistoryWorker(writer, open_log, lambda: followed, linger_s=0.0)
        task = asyncio.create_task(worker.run())
        try:
            async with asyncio.timeout(30):
                await self.has(index, followed)
            yield worker
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @staticmethod
    async def has(index: HistoryIndex, end: Positions) -> None:
        while True:
            try:
                if dict(await index.checkpoints()) == dict(end):
                    return
            except TemporarilyUnavailable:
                pass
            await asyncio.sleep(0.01)

    @pytest.mark.parametrize("partitions", [1, 3])
    async def test_pages_are_what_a_scan_finds(
        self, index: HistoryIndex, open_writer: OpenWriter, partitions: int
    ) -> None:
        log = await random_log(partitions, partitions, 600)
        events = [event for stored in log._events for event in stored]
        async with self.indexed(log, index, open_writer()):
            history = History(log, index)
            for name, (asked, is_wanted) in CASES.items():
                expected = {(event.partition, event.offset) for event in events if is_wanted(event)}
                assert expected or name == "nothing", f"a case that finds nothing says little: {name}"
                for newest_first in (True, False):
                    found = await every_page(
                        history, wanted_without_renames(asked), newest_first=newest_first, limit=17
                    )
                    places = [(event.partition, event.offset) for event in found]
                    assert len(places) == len(set(places)), name
                    assert set(places) == expected, (name, newest_first)
                    times = [event.time_us for event in found]
                    assert times == sorted(times, reverse=newest_first), name

    async def test_the_times_of_a_block_are_asked_for_once_until_the_index_is_made_anew(
        self, index: HistoryIndex, open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(search, "REMEMBERED_BLOCKS", 1000)
        asked: list[tuple[int, int]] = []
        times_of = index.times

        async def times(blocks: Sequence[tuple[int, int]]) -> Sequence[EventTimes]:
            asked.extend(blocks)
            return await times_of(blocks)

        monkeypatch.setattr(index, "times", times)
        log = await random_log(3, 3, 600)
        history = History(log, index)
        async with self.indexed(log, index, open_writer()):
            first = await every_page(history, Wanted(), newest_first=True, limit=17)
            assert asked
            assert len(asked) == len(set(asked))
            asked.clear()
            assert await every_page(history, Wanted(), newest_first=True, limit=17) == first
            assert asked == []
        writer = open_writer()
        await writer.open(await log.identity())
        await writer.discard()
        await writer.open(await log.identity())
        await writer.close()
        await history.page(Wanted(), newest_first=True, limit=17)
        async with self.indexed(log, index, open_writer()):
            assert await every_page(history, Wanted(), newest_first=True, limit=17) == first
            assert asked

    async def test_full_segments_are_read_once_until_the_index_is_made_anew(
        self, index: HistoryIndex, open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: list[bytes] = []

        def decoded(content: bytes) -> Segment:
            read.append(content)
            return decode_segment(content)

        monkeypatch.setattr(open_blocks, "decode_segment", decoded)
        term = stream_term(f"run/{RUNS[0]}")
        for seed in (1, 2):
            read.clear()
            log = await random_log(seed, 2, 200)
            async with self.indexed(log, index, open_writer()):
                blocks = dict(await index.open_blocks())
                number = len(read)
                assert number > 2
                read.clear()
                again = dict(await index.open_blocks())
                assert len(read) <= 2 < number, "those that are still filled"
            for partition, block in blocks.items():
                assert block.end == again[partition].end == (await log.end())[partition]
                assert block.positions(term) == again[partition].positions(term)
                assert list(block.positions(term)) == [
                    event.offset % BLOCK
                    for event in log._events[partition]
                    if RUNS[0] in event.stream and event.offset >= block.number * BLOCK
                ]

    async def test_a_source_ends_where_a_name_was_given_up(self, index: HistoryIndex, open_writer: OpenWriter) -> None:
        log = await random_log(5, 1, 300)
        sources = [Source(stream_term(f"run/{RUNS[0]}"), 40, 90), Source(stream_term(f"run/{RUNS[1]}"), 90, None)]
        expected = [
            event.offset
            for event in log._events[0]
            if (event.stream == f"run/{RUNS[0]}" and 40 <= event.offset < 90)
            or (event.stream == f"run/{RUNS[1]}" and event.offset >= 90)
            or (event.stream.endswith(RUNS[0]) and "artifact" in event.stream and 40 <= event.offset < 90)
            or (event.stream.endswith(RUNS[1]) and "artifact" in event.stream and event.offset >= 90)
        ]
        async with self.indexed(log, index, open_writer()):
            found = await every_page(History(log, index), Wanted([sources]), newest_first=False, limit=100)
        assert [event.offset for event in found] == expected

    async def test_a_cursor_stays_right_while_events_come(self, index: HistoryIndex, open_writer: OpenWriter) -> None:
        log = await random_log(1, 1, 100)
        middle = {0: 60}
        async with self.indexed(log, index, open_writer(), middle):
            newest = await History(log, index).page(Wanted(), newest_first=True, limit=10)
            oldest = await History(log, index).page(Wanted(), newest_first=False, limit=100)
        assert [event.offset for event in newest.events] == list(range(59, 49, -1))
        assert ([event.offset for event in oldest.events], oldest.is_last) == (list(range(60)), True)
        async with self.indexed(log, index, open_writer()):
            history = History(log, index)
            page = await history.page(Wanted(), newest_first=True, limit=100, cursor=newest.cursor)
            assert [event.offset for event in page.events] == list(range(49, -1, -1))
            page = await history.page(Wanted(), newest_first=False, limit=100, cursor=oldest.cursor)
            assert [event.offset for event in page.events] == list(range(60, (await log.end())[0]))

    async def test_a_page_that_has_too_much_to_look_at_ends_early_and_the_next_goes_on(
        self, index: HistoryIndex, open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(search, "MAX_LOOKED_AT", 50)
        monkeypatch.setattr(search, "_READ_AT_ONCE", 20)
        monkeypatch.setattr(search, "PAGE_BLOCKS", 3)
        log = await random_log(3, 2, 400)
        wanted = wanted_without_renames(HistoryFilter(field="loss", value="2"))
        async with self.indexed(log, index, open_writer()):
            first = await History(log, index).page(wanted, newest_first=True, limit=10)
            assert (first.events, first.is_last) == ([], False)
            assert await every_page(History(log, index), wanted, newest_first=True, limit=10) == []
            rare = wanted_without_renames(HistoryFilter(type=["experiment.created"]))
            assert len(await every_page(History(log, index), rare, newest_first=True, limit=10)) == 2

    async def test_an_index_of_another_log_is_made_anew(self, index: HistoryIndex, open_writer: OpenWriter) -> None:
        before, after = await random_log(1, 1, 200), await random_log(2, 1, 100)
        async with self.indexed(before, index, open_writer()):
            pass
        async with self.indexed(after, index, open_writer()):
            assert dict(await index.checkpoints()) == dict(await after.end())
            found = await every_page(History(after, index), Wanted(), newest_first=False, limit=50)
            assert found == after._events[0]

    async def test_an_index_of_a_log_that_was_put_back_is_made_anew(
        self, index: HistoryIndex, open_writer: OpenWriter
    ) -> None:
        """The same id, and other events at the same offsets."""
        before, after = await random_log(1, 1, 200), await random_log(2, 1, 300)
        after._id = before._id
        async with self.indexed(before, index, open_writer()):
            pass
        async with self.indexed(after, index, open_writer()):
            found = await every_page(History(after, index), Wanted(), newest_first=False, limit=50)
            assert found == after._events[0]

    async def test_two_writers_of_one_partition_leave_one_index(
        self, index: HistoryIndex, open_writer: OpenWriter
    ) -> None:
        log = await random_log(4, 2, 300)
        async with self.indexed(log, index, open_writer(), {0: 30, 1: 30}), self.indexed(log, index, open_writer()):
            found = await every_page(History(log, index), Wanted(), newest_first=False, limit=100)
        assert len(found) == sum((await log.end()).values())

    async def test_a_reader_without_an_index_is_told_so(self, index: HistoryIndex) -> None:
        with pytest.raises(TemporarilyUnavailable, match="history index"):
            await index.checkpoints()
