"""What is to be undone is found by the index as a search of the whole log finds it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import structs

from event_log.memory_event_log import MemoryEventLog
from event_log.port import EVERY_EVENT, EventFilter
from ingest.undo.event_finder import ScanningEventFinder
from ingest.undo.selection import Selection
from read_model.history.sqlite import SqliteHistoryIndex, SqliteHistoryIndexWriter
from schemas.envelope import Position, RecordedEvent
from schemas.errors import InvalidParameterValue
from tests.contracts.history_index_contract import MIDDLE_US, HistoryIndexContract, random_log, small_blocks
from tracklog.serving import indexed_event_finder
from tracklog.serving.indexed_event_finder import IndexedEventFinder

__all__ = ["small_blocks"]


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[SqliteHistoryIndex]:
    index = SqliteHistoryIndex(tmp_path / "history")
    yield index
    await index.close()


class FewReadsLog(MemoryEventLog):
    """A log that counts the events which were read."""

    number = 0

    async def read(
        self, partition: int, offset: int, *, limit: int, matching: EventFilter = EVERY_EVENT
    ) -> list[RecordedEvent]:
        found = await super().read(partition, offset, limit=limit, matching=matching)
        self.number += len(found)
        return found


def id_at(time_us: int) -> bytes:
    return (time_us // 1000).to_bytes(6, "big")


SELECTIONS = (
    Selection(request_id="request-7"),
    Selection(request_id="request-9", since_us=MIDDLE_US),
    Selection(request_id="nothing"),
    Selection(actor="bob", since_us=MIDDLE_US, until_us=MIDDLE_US + 90_000),
    Selection(actor="eve", since_us=0),
    Selection(position=Position(1, 20)),
)


@pytest.mark.parametrize("page", [2, 500])
async def test_it_finds_what_a_search_finds(
    index: SqliteHistoryIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(indexed_event_finder, "_PAGE", page)
    log = await random_log(5, 3, 600)
    async with HistoryIndexContract().indexed(log, index, SqliteHistoryIndexWriter(tmp_path / "history")):
        for selection in SELECTIONS:
            found = await IndexedEventFinder(log, index).find(selection)
            assert found == await ScanningEventFinder(log).find(selection)
            assert found or selection.actor == "eve" or selection.request_id == "nothing"


async def test_an_event_is_found_by_its_id_near_the_time_in_it(index: SqliteHistoryIndex, tmp_path: Path) -> None:
    made = await random_log(5, 2, 300)
    log = FewReadsLog(2)
    log._events = [
        [structs.replace(one, id=id_at(one.time_us) + one.id[6:]) for one in events] for events in made._events
    ]
    async with HistoryIndexContract().indexed(log, index, SqliteHistoryIndexWriter(tmp_path / "history")):
        log.number = 0
        for wanted in (log._events[0][0], max(log._events, key=len)[70]):
            assert await IndexedEventFinder(log, index).find(Selection(event_id=wanted.id)) == [wanted]
        assert log.number < 20
        assert await IndexedEventFinder(log, index).find(Selection(event_id=bytes(16))) == []


async def test_too_many_are_refused_and_while_there_is_no_index_the_log_is_searched(
    index: SqliteHistoryIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await random_log(6, 1, 100)
    selection = Selection(request_id="request-7")
    assert await IndexedEventFinder(log, index).find(selection) == await ScanningEventFinder(log).find(selection)
    monkeypatch.setattr(indexed_event_finder, "MAX_FOUND", 9)
    async with HistoryIndexContract().indexed(log, index, SqliteHistoryIndexWriter(tmp_path / "history")):
        with pytest.raises(InvalidParameterValue, match="undo them in parts"):
            await IndexedEventFinder(log, index).find(Selection(actor="bob", since_us=0))
