"""The index leads to the events of a stream that a search of the whole log finds, and to no other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from event_log.memory_event_log import MemoryEventLog
from event_log.port import EVERY_EVENT, EventFilter
from event_log.streams import SearchingStreamReader, StreamReader
from read_model.history.sqlite import SqliteHistoryIndex, SqliteHistoryIndexWriter
from schemas.envelope import Positions, RecordedEvent
from tests.contracts.history_index_contract import BLOCK, RUNS, HistoryIndexContract, random_log, small_blocks
from tracklog.serving import indexed_streams
from tracklog.serving.indexed_streams import IndexedStreamReader

__all__ = ["small_blocks"]


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[SqliteHistoryIndex]:
    index = SqliteHistoryIndex(tmp_path / "history")
    yield index
    await index.close()


class NeverSearched(MemoryEventLog):
    """A log in which nobody may look for a stream."""

    async def read(
        self, partition: int, offset: int, *, limit: int, matching: EventFilter = EVERY_EVENT
    ) -> list[RecordedEvent]:
        assert matching.stream is None
        return await super().read(partition, offset, limit=limit, matching=matching)


async def all_of(reader: StreamReader, stream: str, until: Positions) -> list[RecordedEvent]:
    return [event async for events in reader.events_of(stream, until) for event in events]


@pytest.mark.parametrize("at_once", [2, 500])
async def test_it_finds_what_a_search_finds(
    index: SqliteHistoryIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    for name, value in (("BLOCK_EVENTS", BLOCK), ("_BLOCKS_AT_ONCE", at_once), ("_EVENTS_AT_ONCE", at_once + 1)):
        monkeypatch.setattr(indexed_streams, name, value)
    log = await random_log(5, 3, 600)
    unsearched = NeverSearched(3)
    unsearched._events = log._events
    async with HistoryIndexContract().indexed(log, index, SqliteHistoryIndexWriter(tmp_path / "history")):
        end = await log.end()
        for stream in (*(f"run/{run_id}" for run_id in RUNS), "experiment/0", "logged-model/m-1", "run/nothing"):
            for until in (end, {partition: offset // 2 for partition, offset in end.items()}, {}):
                created = [
                    [event async for events in reader.events_of_type("run.created", stream, until) for event in events]
                    for reader in (IndexedStreamReader(log, index), SearchingStreamReader(log))
                ]
                assert created[0] == created[1]
                found = await all_of(IndexedStreamReader(unsearched, index), stream, until)
                assert found == await all_of(SearchingStreamReader(log), stream, until)


async def test_while_there_is_no_index_the_log_is_searched(index: SqliteHistoryIndex) -> None:
    log = await random_log(6, 1, 50)
    stream, end = f"run/{RUNS[0]}", await log.end()
    assert await all_of(IndexedStreamReader(log, index), stream, end) == await all_of(
        SearchingStreamReader(log), stream, end
    )
