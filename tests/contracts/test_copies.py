"""A copy of a log is a log: the same id, and the same events at the same offsets, whatever each of them is in."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from event_log.copying import Copied, bring_up_to_date
from event_log.memory_event_log import MemoryEventLog
from event_log.port import EventLog, EventLogReader, ForeignLog, LogInUse
from event_log.postgresql.copy import filling_postgresql_log
from event_log.postgresql.event_log import open_postgresql_log
from event_log.sqlite.copy import SqliteCopy, filling_sqlite_log
from event_log.sqlite.event_log import SqliteEventLog, SqliteEventLogReader
from event_log.sqlite.log_file import check_is_log
from schemas.damaged_event import damage_of
from schemas.envelope import PARTITION, Actor, RecordedEvent
from schemas.events import Param, RunDataLogged
from tests.contracts.event_log_contract import event, everything, param
from tests.contracts.test_sqlite_event_log import change, flip

HARD = Actor("ann 🦔", "2001:db8::1", 'quote " and \\ and \x01')


def silent(_reached: int, _end: int) -> None:
    """Nobody looks at how far a copy is."""


async def fill(log: EventLog, count: int = 30) -> None:
    for number in range(count):
        await log.append([param(number % 5, f"k{number}"), event(RunDataLogged(run_id=f"{number:032x}"), HARD)])
    long = Param("long", "x" * 5000)  # long enough to be stored compressed
    await log.append([event(RunDataLogged(run_id="a" * 32, params=[long]))])


async def back_up(log: EventLogReader, file: Path) -> Copied:
    copy = SqliteCopy.open(file, await log.identity())
    try:
        last = await last_of(file) if copy.end else None
        return await bring_up_to_date(copy, log, silent, last)
    finally:
        copy.close()


async def last_of(file: Path) -> RecordedEvent:
    return (await contents(file))[1][-1]


async def contents(file: Path) -> tuple[str, Sequence[RecordedEvent]]:
    """The id of the log in a file, and its events."""
    reader = SqliteEventLogReader(file)
    try:
        return await reader.identity(), await everything(reader)
    finally:
        await reader.close()


@pytest.fixture
async def executor() -> AsyncIterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture
async def sqlite_log(tmp_path: Path, executor: ThreadPoolExecutor) -> AsyncIterator[SqliteEventLog]:
    log = SqliteEventLog.open(tmp_path / "log.db", executor)
    yield log
    await log.close()


async def test_a_copy_has_the_id_and_the_events_of_the_log(sqlite_log: SqliteEventLog, tmp_path: Path) -> None:
    await fill(sqlite_log)
    copied = await back_up(sqlite_log, tmp_path / "copy.db")
    assert (copied.first, copied.end, copied.damaged) == (0, 61, [])
    assert await contents(tmp_path / "copy.db") == (await sqlite_log.identity(), await everything(sqlite_log))
    assert sorted(file.name for file in tmp_path.glob("copy*")) == ["copy.db"]  # one file, to be carried away


async def test_a_copy_of_an_empty_log_is_an_empty_log(sqlite_log: SqliteEventLog, tmp_path: Path) -> None:
    copied = await back_up(sqlite_log, tmp_path / "copy.db")
    assert (copied.end, copied.last) == (0, None)
    assert await contents(tmp_path / "copy.db") == (await sqlite_log.identity(), [])


async def test_only_what_is_new_is_added_to_a_copy(sqlite_log: SqliteEventLog, tmp_path: Path) -> None:
    for expected in ((0, 61), (61, 122), (122, 122)):
        if expected[0] < expected[1]:
            await fill(sqlite_log)
        copied = await back_up(sqlite_log, tmp_path / "copy.db")
        assert (copied.first, copied.end) == expected
    assert (await contents(tmp_path / "copy.db"))[1] == await everything(sqlite_log)


async def test_a_copy_that_a_broken_off_one_goes_on_with_is_whole(sqlite_log: SqliteEventLog, tmp_path: Path) -> None:
    await fill(sqlite_log, 1500)

    class BrokenOff(Exception):
        pass

    def break_off(_reached: int, _end: int) -> None:
        raise BrokenOff

    copy = SqliteCopy.open(tmp_path / "copy.db", await sqlite_log.identity())
    with pytest.raises(BrokenOff):
        await bring_up_to_date(copy, sqlite_log, break_off)
    copy.close()
    copied = await back_up(sqlite_log, tmp_path / "copy.db")
    assert 0 < copied.first < copied.end
    assert (await contents(tmp_path / "copy.db"))[1] == await everything(sqlite_log)


async def test_a_copy_of_another_log_is_left_untouched(
    sqlite_log: SqliteEventLog, tmp_path: Path, executor: ThreadPoolExecutor
) -> None:
    await fill(sqlite_log)
    await back_up(sqlite_log, tmp_path / "copy.db")
    before = (tmp_path / "copy.db").read_bytes()
    other = SqliteEventLog.open(tmp_path / "other.db", executor)
    with pytest.raises(ForeignLog, match="is a copy of the log"):
        await back_up(other, tmp_path / "copy.db")
    await other.close()
    assert (tmp_path / "copy.db").read_bytes() == before
    (tmp_path / "text").write_text("a shopping list")
    with pytest.raises(ForeignLog, match="not a Tracklog event log"):
        await back_up(sqlite_log, tmp_path / "text")


async def test_a_copy_is_not_gone_on_with_after_its_log_was_put_back(
    tmp_path: Path, executor: ThreadPoolExecutor
) -> None:
    """The id stays, and what the copy ends with is not in the log: there are two histories now."""
    log = SqliteEventLog.open(tmp_path / "log.db", executor)
    await fill(log)
    early = tmp_path / "early.db"
    await back_up(log, early)
    await fill(log)
    await back_up(log, tmp_path / "copy.db")
    await log.close()
    log = SqliteEventLog.open(early, executor)
    with pytest.raises(ForeignLog, match="which the log does not have"):
        await back_up(log, tmp_path / "copy.db")
    await fill(log, 100)
    with pytest.raises(ForeignLog, match="which the log does not have"):
        await back_up(log, tmp_path / "copy.db")
    await log.close()


async def test_a_copy_that_a_server_has_open_is_refused(
    sqlite_log: SqliteEventLog, tmp_path: Path, executor: ThreadPoolExecutor
) -> None:
    await back_up(sqlite_log, tmp_path / "copy.db")
    opened = SqliteEventLog.open(tmp_path / "copy.db", executor)
    with pytest.raises(LogInUse):
        await back_up(sqlite_log, tmp_path / "copy.db")
    await opened.close()


async def test_a_damaged_event_is_reported_and_stays_damaged(sqlite_log: SqliteEventLog, tmp_path: Path) -> None:
    await fill(sqlite_log)
    change(tmp_path / "log.db", 'UPDATE events SET payload = ? WHERE "offset" = 7', b'{"run_id": "another"}')
    change(tmp_path / "log.db", 'DELETE FROM events WHERE "offset" = 9')
    copied = await back_up(sqlite_log, tmp_path / "copy.db")
    assert copied.damaged == [7, 9]
    _, events = await contents(tmp_path / "copy.db")
    assert [one.offset for one in events if damage_of(one) is not None] == [7, 9]
    assert [one for one in events if damage_of(one) is None] == [
        one for one in await everything(sqlite_log) if damage_of(one) is None
    ]


async def test_what_changes_in_a_copy_is_found(sqlite_log: SqliteEventLog, tmp_path: Path) -> None:
    await fill(sqlite_log)
    await back_up(sqlite_log, tmp_path / "copy.db")
    payload = (await everything(sqlite_log))[5].payload
    change(tmp_path / "copy.db", 'UPDATE events SET payload = ? WHERE "offset" = 5', flip(payload, 20))
    _, events = await contents(tmp_path / "copy.db")
    assert [one.offset for one in events if damage_of(one) is not None] == [5]


async def test_a_log_with_several_partitions_is_not_copied(tmp_path: Path) -> None:
    log = MemoryEventLog(partitions=3)
    with pytest.raises(ForeignLog, match="several partitions"):
        await back_up(log, tmp_path / "copy.db")


async def restored(copy: Path, path: Path) -> None:
    reader = SqliteEventLogReader(copy)
    with filling_sqlite_log(path, await reader.identity()) as filled:
        await bring_up_to_date(filled, reader, silent)
    await reader.close()


async def test_a_log_is_made_from_a_copy_and_goes_on(
    sqlite_log: SqliteEventLog, tmp_path: Path, executor: ThreadPoolExecutor
) -> None:
    await fill(sqlite_log)
    await back_up(sqlite_log, tmp_path / "copy.db")
    place = tmp_path / "there" / "log.db"
    place.parent.mkdir()
    (tmp_path / "there" / "log.db-wal").write_bytes(b"of a log that was here before")
    await restored(tmp_path / "copy.db", place)
    log = SqliteEventLog.open(place, executor)
    assert (await log.identity(), await everything(log)) == await contents(tmp_path / "copy.db")
    (position,) = await log.append([param(1, "more")])
    assert position.offset == 61
    await log.close()


async def test_no_log_is_overwritten(sqlite_log: SqliteEventLog, tmp_path: Path) -> None:
    await back_up(sqlite_log, tmp_path / "copy.db")
    await fill(sqlite_log)
    with pytest.raises(ForeignLog, match="There is a log at"):
        await restored(tmp_path / "copy.db", tmp_path / "log.db")
    assert (await sqlite_log.end())[PARTITION] == 61


async def test_a_log_that_is_being_made_is_nowhere_until_it_is_whole(
    sqlite_log: SqliteEventLog, tmp_path: Path
) -> None:
    await fill(sqlite_log)
    await back_up(sqlite_log, tmp_path / "copy.db")
    place = tmp_path / "there.db"
    for _ in range(2):  # what was left behind is in nobody's way
        with pytest.raises(KeyboardInterrupt), filling_sqlite_log(place, await sqlite_log.identity()) as filled:
            await filled.add((await everything(sqlite_log))[:10])
            raise KeyboardInterrupt
        assert not check_is_log(place)
    await restored(tmp_path / "copy.db", place)
    assert await contents(place) == await contents(tmp_path / "copy.db")


async def test_a_log_in_postgresql_is_copied_and_made_again(
    postgresql_database: str, sqlite_log: SqliteEventLog, tmp_path: Path, executor: ThreadPoolExecutor
) -> None:
    """From SQLite to PostgreSQL and back: a copy is of a log, and not of a database."""
    await fill(sqlite_log, 600)
    change(tmp_path / "log.db", 'UPDATE events SET payload = ? WHERE "offset" = 7', b"{}")
    identity, events = await sqlite_log.identity(), await everything(sqlite_log)
    async with filling_postgresql_log(postgresql_database, identity) as filled:
        await bring_up_to_date(filled, sqlite_log, silent)
    log = await open_postgresql_log(postgresql_database)
    try:
        assert await log.identity() == identity
        found = await everything(log)
        assert [one for one in found if one.offset != 7] == [one for one in events if one.offset != 7]
        assert damage_of(found[7]) is not None
        assert (await back_up(log, tmp_path / "copy.db")).end == len(events)
        (position,) = await log.append([param(1, "more")])
        assert position.offset == len(events)
        assert (await back_up(log, tmp_path / "copy.db")).first == len(events)
        assert (await contents(tmp_path / "copy.db"))[1][-1] == (await everything(log))[-1]
    finally:
        await log.close()


async def test_only_an_empty_log_in_postgresql_is_filled_and_only_whole(
    postgresql_database: str, sqlite_log: SqliteEventLog
) -> None:
    await fill(sqlite_log)
    identity = await sqlite_log.identity()
    with pytest.raises(asyncio.CancelledError):
        async with filling_postgresql_log(postgresql_database, identity) as filled:
            await bring_up_to_date(filled, sqlite_log, silent)
            raise asyncio.CancelledError
    log = await open_postgresql_log(postgresql_database)
    try:
        assert await everything(log) == []
        assert await log.identity() != identity
        await log.append([param(1, "p")])
        with pytest.raises(ForeignLog, match="has 1 events"):
            async with filling_postgresql_log(postgresql_database, identity) as filled:
                await bring_up_to_date(filled, sqlite_log, silent)
    finally:
        await log.close()
