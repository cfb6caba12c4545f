"""The PostgreSQL adapter keeps the event log's contract, and its own promises."""

import asyncio
import contextlib
import itertools
import secrets
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from event_log.port import (
    EventFilter,
    EventTooLarge,
    ForeignLog,
    LogAccessRefused,
    LogOverloaded,
    LogUnavailable,
    OutcomeUnknown,
)
from event_log.postgresql import event_log
from event_log.postgresql.event_log import (
    PostgresqlEventLog,
    PostgresqlEventLogReader,
    open_postgresql_log,
    open_postgresql_reader,
)
from schemas.damaged_event import damage_of
from schemas.envelope import PARTITION, Position, RecordedEvent
from schemas.events import Param, RunDataLogged
from tests.contracts.event_log_contract import Damage, EventLogContract, event, everything, key_of, param
from tests.eventually import until


@pytest.fixture
async def log(postgresql_database: str) -> AsyncIterator[PostgresqlEventLog]:
    log = await open_postgresql_log(postgresql_database)
    yield log
    await log.close()


@pytest.fixture
async def other(postgresql_database: str, log: PostgresqlEventLog) -> AsyncIterator[PostgresqlEventLog]:
    """The same log, as another server has it open."""
    other = await open_postgresql_log(postgresql_database)
    yield other
    await other.close()


@pytest.fixture
async def reader(postgresql_database: str, log: PostgresqlEventLog) -> AsyncIterator[PostgresqlEventLogReader]:
    """The same log, as another process reads it."""
    reader = await open_postgresql_reader(postgresql_database)
    yield reader
    await reader.close()


@pytest.fixture
async def connection(postgresql_database: str, log: PostgresqlEventLog) -> AsyncIterator[Any]:
    """A connection of the test's own to the log's database."""
    connection = await asyncpg.connect(postgresql_database)
    yield connection
    await connection.close()


async def until_another_waits_for(connection: Any) -> None:
    """Return when another session waits for a lock that `connection` holds."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    async with asyncio.timeout(60):
        while not await connection.fetchval(waiting):
            await asyncio.sleep(0.002)


def keys(events: list[RecordedEvent]) -> list[str]:
    """The params of `events`, which are of `param`."""
    return [key_of(one) for one in events]


@pytest.fixture
def damage(connection: Any) -> Damage:
    async def damage(position: Position) -> None:
        await connection.execute(
            'UPDATE tracklog.events SET payload = set_bit(payload, 99, 1 - get_bit(payload, 99)) WHERE "offset" = $1',
            position.offset,
        )

    return damage


class TestContract(EventLogContract):
    pass


async def test_events_outlive_a_close(postgresql_database: str, log: PostgresqlEventLog) -> None:
    await log.append([param(1, "p")])
    again = await open_postgresql_log(postgresql_database)
    assert await everything(again) == await everything(log)
    assert (await again.end())[PARTITION] == 1
    await again.append([param(1, "q")])
    assert keys(await everything(again)) == ["p", "q"]
    await again.close()


async def test_a_reader_in_another_process_is_woken_and_sees_what_was_acknowledged(
    log: PostgresqlEventLog, reader: PostgresqlEventLogReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_log.postgresql.event_log._POLL_WHILE_LISTENING_S", 600)  # it does not look by itself
    waiting = asyncio.create_task(reader.wait_for_more(await reader.end(), 600))
    await until(lambda: reader._is_listening)
    [position] = await log.append([param(1, "p")])
    async with asyncio.timeout(60):
        await waiting
    assert [one.offset for one in await reader.read(PARTITION, 0, limit=10)] == [position.offset]


async def test_several_writers_make_one_order_without_gaps(
    log: PostgresqlEventLog, other: PostgresqlEventLog, reader: PostgresqlEventLogReader
) -> None:
    async def write(to: PostgresqlEventLog, name: str) -> None:
        for one in range(40):
            await to.append([param(one, f"{name}-{one}"), param(one, f"{name}-{one}-second")])

    seen: list[int] = []

    async def follow() -> None:
        while len(seen) < 320:
            end = await reader.end()
            read = await reader.read(PARTITION, len(seen), limit=50)
            assert [one.offset for one in read] == list(range(len(seen), len(seen) + len(read)))
            seen.extend(one.offset for one in read)
            assert len(read) == 50 or len(seen) >= end[PARTITION]

    async with asyncio.timeout(60):
        await asyncio.gather(
            follow(), *(write(to, f"{number}-{writer}") for number, to in enumerate((log, other)) for writer in "ab")
        )
    found = keys(await everything(reader))
    assert len(found) == len(set(found)) == 320
    for first, second in itertools.pairwise(found):
        if not first.endswith("second"):
            assert second == f"{first}-second"


class TestNoReaderPassesAGap:
    """A sequence would let a later transaction commit before an earlier one; the locked row does not."""

    async def test_a_writer_that_commits_late_is_not_overtaken(
        self, connection: Any, log: PostgresqlEventLog, reader: PostgresqlEventLogReader
    ) -> None:
        transaction = connection.transaction()
        await transaction.start()
        await self._take_two_offsets(connection)
        overtaking = asyncio.create_task(log.append([param(1, "later")]))
        await until_another_waits_for(connection)
        assert not overtaking.done()
        assert await reader.read(PARTITION, 0, limit=10) == []
        assert await reader.end() == {PARTITION: 0}
        await transaction.commit()
        assert [position.offset for position in await overtaking] == [2]
        assert await reader.end() == {PARTITION: 3}

    async def test_offsets_of_a_rollback_are_given_again(
        self, connection: Any, log: PostgresqlEventLog, reader: PostgresqlEventLogReader
    ) -> None:
        transaction = connection.transaction()
        await transaction.start()
        await self._take_two_offsets(connection)
        after = asyncio.create_task(log.append([param(1, "after")]))
        await until_another_waits_for(connection)
        await transaction.rollback()
        assert [position.offset for position in await after] == [0]
        assert [one.offset for one in await reader.read(PARTITION, 0, limit=10)] == [0]

    async def test_a_writer_that_never_commits_costs_the_others_a_retryable_error(
        self, connection: Any, log: PostgresqlEventLog
    ) -> None:
        transaction = connection.transaction()
        await transaction.start()
        await self._take_two_offsets(connection)
        with pytest.raises(LogUnavailable, match="timeout"):
            await log.append([param(1, "p")])
        await transaction.rollback()
        await log.append([param(1, "q")])
        assert keys(await everything(log)) == ["q"]

    async def _take_two_offsets(self, connection: Any) -> None:
        await connection.execute("UPDATE tracklog.log_end SET next_offset = next_offset + 2")


async def test_writers_take_turns_whatever_isolation_the_database_prefers(postgresql_database: str) -> None:
    connection = await asyncpg.connect(postgresql_database)
    name = postgresql_database.rsplit("/", 1)[1]
    await connection.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    await connection.close()
    logs = [await open_postgresql_log(postgresql_database) for _ in range(3)]
    await asyncio.gather(*(log.append([param(one, "p")]) for log in logs for one in range(20)))
    for _ in range(20):
        await asyncio.gather(*(log.append([param(1, "p")]) for log in logs))
    assert await logs[0].end() == {PARTITION: 120}
    for log in logs:
        await log.close()


async def test_a_full_disk_refuses_the_append_and_loses_nothing(connection: Any, log: PostgresqlEventLog) -> None:
    await log.append([param(1, "before")])
    await connection.execute(
        "CREATE FUNCTION fill_up() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$;"
        " CREATE TRIGGER fill_up BEFORE INSERT ON tracklog.events EXECUTE FUNCTION fill_up()"
    )
    with pytest.raises(LogUnavailable, match="No space left"):
        await log.append([param(1, "refused")])
    await connection.execute("DROP TRIGGER fill_up ON tracklog.events")
    assert [position.offset for position in await log.append([param(2, "after")])] == [1]
    assert keys(await everything(log)) == ["before", "after"]


async def test_a_session_that_ends_within_an_append_leaves_the_outcome_open(
    connection: Any, log: PostgresqlEventLog
) -> None:
    await log.append([param(1, "before")])
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("UPDATE tracklog.log_end SET next_offset = next_offset")
    lost = asyncio.create_task(log.append([param(1, "lost")]))
    await until_another_waits_for(connection)
    gathered = asyncio.create_task(log.append([param(1, "gathered")]))
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    with pytest.raises(OutcomeUnknown):
        await lost
    await transaction.rollback()
    await gathered  # it was not sent yet, and goes over the next connection
    assert keys(await everything(log)) == ["before", "gathered"]


async def test_a_session_that_ends_as_soon_as_it_is_made_leaves_nothing_appended(
    log: PostgresqlEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = event_log._connect_to_append

    async def ended(dsn: str) -> Any:
        connection = await connect(dsn)
        connection.terminate()
        return connection

    assert log._connection is not None
    log._connection.terminate()
    monkeypatch.setattr(event_log, "_connect_to_append", ended)
    with pytest.raises(LogUnavailable):
        await log.append([param(1, "a")])
    monkeypatch.undo()
    assert await log.append([param(1, "b")]) == [Position(PARTITION, 0)]


async def test_a_reader_that_is_not_told_looks_by_itself(
    log: PostgresqlEventLog, reader: PostgresqlEventLogReader, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_log.postgresql.event_log._POLL_WHILE_LISTENING_S", 0.3)
    waiting = asyncio.create_task(reader.wait_for_more(await reader.end(), 600))
    await until(lambda: reader._is_listening)
    await connection.execute("UPDATE tracklog.log_end SET next_offset = next_offset + 1")  # and no notification
    async with asyncio.timeout(60):
        await waiting


async def test_a_reader_whose_session_ended_listens_again(
    log: PostgresqlEventLog, reader: PostgresqlEventLogReader, connection: Any
) -> None:
    waiting = asyncio.create_task(reader.wait_for_more({PARTITION: 1}, 600))
    await until(lambda: reader._is_listening)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE query LIKE '%next_offset%' AND datname = current_database() AND pid <> pg_backend_pid()"
    )
    await until(lambda: not reader._is_listening)
    await until(lambda: reader._is_listening)
    async with asyncio.timeout(60):
        await log.append([param(1, "p"), param(1, "q")])
        await waiting


async def test_a_foreign_schema_is_refused_untouched(postgresql_database: str) -> None:
    connection = await asyncpg.connect(postgresql_database)
    await connection.execute("CREATE SCHEMA tracklog; CREATE TABLE tracklog.notes (text text)")
    with pytest.raises(ForeignLog, match=r"not Tracklog's \(notes\).*left untouched"):
        await open_postgresql_log(postgresql_database)
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'tracklog'")
    assert [row[0] for row in tables] == ["notes"]
    await connection.close()


async def test_a_log_of_a_newer_tracklog_is_refused(connection: Any, postgresql_database: str) -> None:
    await connection.execute("UPDATE tracklog.alembic_version SET version_num = 'control_9999'")
    with pytest.raises(ForeignLog, match=r"newer Tracklog.*control_9999"):
        await open_postgresql_reader(postgresql_database)


async def test_a_log_that_is_made_by_several_at_once_is_one(postgresql_database: str) -> None:
    logs = await asyncio.gather(*(open_postgresql_log(postgresql_database) for _ in range(4)))
    for log in logs:
        await log.append([param(1, "p")])
    assert await logs[0].end() == {PARTITION: 4}
    for log in logs:
        await log.close()


async def test_a_server_that_is_not_there_is_unavailable_and_its_password_stays_unsaid() -> None:
    with pytest.raises(LogUnavailable, match=r"Nothing listens at 127\.0\.0\.1:1,") as refused:
        await open_postgresql_log("postgresql://somebody:open-sesame@127.0.0.1:1/nowhere")
    assert "open-sesame" not in str(refused.value)


async def test_a_wrong_database_is_unavailable(postgresql_database: str) -> None:
    with pytest.raises(LogAccessRefused, match="has no database"):
        await open_postgresql_log(f"{postgresql_database}-not")


async def test_an_append_too_large_for_the_log_is_refused_whole(
    log: PostgresqlEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log._appends.waiting_bytes, "max_append_bytes", 1000)
    with pytest.raises(EventTooLarge):
        await log.append([param(1, "p"), event(RunDataLogged(run_id="a" * 32, params=[Param("p", "x" * 1000)]))])
    assert await everything(log) == []


async def test_appends_beyond_what_may_wait_are_refused_and_the_others_kept(
    log: PostgresqlEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log._appends.waiting_bytes, "max_waiting_bytes", 5000)
    outcomes = await asyncio.gather(
        *(log.append([param(one, "p", "x" * 1000)]) for one in range(20)), return_exceptions=True
    )
    refused = [one for one in outcomes if isinstance(one, LogOverloaded)]
    assert 0 < len(refused) < 20
    assert len(await everything(log)) == 20 - len(refused)


@pytest.mark.parametrize("bad", ["\ud800", "\0"], ids=["surrogate", "nul"])
async def test_an_append_that_cannot_be_written_fails_alone(log: PostgresqlEventLog, bad: str) -> None:
    broken = replace(param(1, "p"), request_id=bad)
    outcomes = await asyncio.gather(
        log.append([param(1, "a")]), log.append([broken]), log.append([param(1, "b")]), return_exceptions=True
    )
    assert isinstance(outcomes[1], LogUnavailable)
    assert keys(await everything(log)) == ["a", "b"]


async def test_a_large_answer_ends_early_and_never_empty(
    log: PostgresqlEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_log.postgresql.event_log._READ_STORED_BYTES", 3000)
    for one in range(6):
        await log.append([param(one, "p", secrets.token_hex(3000))])
    assert 0 < len(await log.read(PARTITION, 0, limit=6)) < 6
    assert len(await everything(log)) == 6
    assert len(await everything(log, EventFilter(actor="anonymous"))) == 6


@pytest.mark.parametrize(
    "matching",
    [
        EventFilter(stream="run/\0"),
        EventFilter(actor="a\0"),
        EventFilter(since_us=2**70),
        EventFilter(until_us=-(2**70)),
    ],
    ids=["stream", "actor", "since", "until"],
)
async def test_filters_that_nothing_can_match_find_nothing(log: PostgresqlEventLog, matching: EventFilter) -> None:
    await log.append([param(1, "p")])
    assert await everything(log, matching) == []


async def test_an_append_is_durable_whatever_the_database_says_of_synchronous_commit(own_postgresql: Any) -> None:
    connection = await asyncpg.connect(own_postgresql.url)
    # Nothing is flushed by and by: what a crash leaves is what a commit waited for.
    await connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
    await connection.execute("ALTER SYSTEM SET synchronous_commit = off")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()
    log = await open_postgresql_log(own_postgresql.url)
    await log.append([param(1, "first")])
    for one in range(20):
        await log.append([param(one, f"p{one}")])
    own_postgresql.kill()
    own_postgresql.start()
    assert len(await _when_back(log)) == 21
    await log.close()


async def test_an_append_whose_wait_for_a_synchronous_replica_is_cancelled_is_not_acknowledged(
    own_postgresql: Any,
) -> None:
    """PostgreSQL commits it all the same, and says by a warning that a replica may lack it."""
    log = await open_postgresql_log(own_postgresql.url)
    await log.append([param(1, "before")])
    connection = await asyncpg.connect(own_postgresql.url)
    waits = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    await connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    await connection.execute("SELECT pg_reload_conf()")
    try:
        append = asyncio.create_task(log.append([param(1, "p")]))
        async with asyncio.timeout(20):
            while (pid := await connection.fetchval(waits)) is None:
                if append.done():  # it came before the setting
                    append = asyncio.create_task(log.append([param(1, "p")]))
                await asyncio.sleep(0.01)
        await connection.execute("SELECT pg_cancel_backend($1)", pid)
        with pytest.raises(OutcomeUnknown, match="replica"):
            await append
    finally:
        await connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.close()
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(OutcomeUnknown):
                await log.append([param(1, "after")])
                break
    await log.close()


async def test_a_log_whose_server_is_away_refuses_at_once_and_comes_back_by_itself(
    own_postgresql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await open_postgresql_log(own_postgresql.url)
    reader = await open_postgresql_reader(own_postgresql.url)
    await log.append([param(1, "before")])
    waiting = asyncio.create_task(reader.wait_for_more({PARTITION: 1}, 600))
    await until(lambda: reader._is_listening)
    own_postgresql.kill()
    with pytest.raises((LogUnavailable, OutcomeUnknown)):
        await log.append([param(1, "lost")])
    monkeypatch.setattr("event_log.postgresql.event_log._UNKNOWN_AFTER_S", 600.0)
    async with asyncio.timeout(60):  # nobody waits for what might come
        for _ in range(20):
            with pytest.raises(LogUnavailable):
                await log.append([param(1, "refused")])
        with pytest.raises(LogUnavailable):
            await reader.end()
    assert not waiting.done()
    own_postgresql.start()
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(LogUnavailable):
                await log.append([param(2, "after")])
                break
            await asyncio.sleep(0.05)
        await waiting
    assert keys(await _when_back(log))[-1] == "after"
    assert "refused" not in keys(await everything(log))
    await log.close()
    await reader.close()


async def test_a_server_that_stops_answering_leaves_the_outcome_open_within_a_bound(
    own_postgresql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_log.postgresql.event_log._UNKNOWN_AFTER_S", 1.0)
    monkeypatch.setattr("event_log.postgresql.connection.CONNECT_TIMEOUT_S", 0.5)
    log = await open_postgresql_log(own_postgresql.url)
    await log.append([param(1, "before")])
    own_postgresql.suspend()
    async with asyncio.timeout(60):
        with pytest.raises(OutcomeUnknown):
            await log.append([param(1, "open")])
        with pytest.raises(LogUnavailable):
            await log.append([param(1, "refused")])
    own_postgresql.resume()
    assert "refused" not in keys(await _when_back(log))
    await log.close()


async def _when_back(log: PostgresqlEventLogReader) -> list[RecordedEvent]:
    """Everything in the log, as soon as its server answers again."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(LogUnavailable):
                return await everything(log)
            await asyncio.sleep(0.05)


# --- damage -----------------------------------------------------------------------------------------------------------

RUN_2 = f"run/{2:032x}"
AT_2 = 'WHERE "offset" = 2'


@pytest.mark.parametrize(
    ("sql", "stream"),
    [
        (f"UPDATE tracklog.events SET payload = 'x' {AT_2}", RUN_2),
        (f"UPDATE tracklog.events SET checksum = checksum + 1 {AT_2}", RUN_2),
        (f"UPDATE tracklog.events SET time_us = time_us + 1 {AT_2}", "damaged/0-2"),
        (f"UPDATE tracklog.events SET type = 77 {AT_2}", "damaged/0-2"),
        (f"UPDATE tracklog.events SET id = gen_random_uuid() {AT_2}", "damaged/0-2"),
        (f"UPDATE tracklog.events SET actor = 77 {AT_2}", "damaged/0-2"),
        (f"UPDATE tracklog.events SET request_id = 'another' {AT_2}", "damaged/0-2"),
        (f"UPDATE tracklog.events SET checksum = NULL, payload = '\\x28b52ffd00' {AT_2}", RUN_2),
        (f"UPDATE tracklog.events SET checksum = NULL, payload = '{{' {AT_2}", RUN_2),
        (f"UPDATE tracklog.events SET checksum = NULL, stream = 77 {AT_2}", "damaged/0-2"),
        (f"DELETE FROM tracklog.events {AT_2}", "damaged/0-2"),
        # As a page that PostgreSQL finds to be damaged, for which a file would have to be changed under it.
        (
            "CREATE FUNCTION broken(bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS"
            " $$ BEGIN IF $1 = 'x' THEN RAISE 'invalid page' USING ERRCODE = 'XX001'; END IF; RETURN $1; END $$;"
            " ALTER TABLE tracklog.events RENAME TO kept;"
            ' CREATE VIEW tracklog.events AS SELECT "offset", stream, time_us, actor, type, id, request_id,'
            " broken(CASE WHEN \"offset\" = 2 THEN 'x' ELSE payload END) AS payload, checksum FROM tracklog.kept",
            "damaged/0-2",
        ),
    ],
)
async def test_whatever_was_changed_in_a_row_only_that_event_is_lost_and_its_stream_is_told_if_it_is_sure(
    log: PostgresqlEventLog, connection: Any, sql: str, stream: str
) -> None:
    await log.append([param(number, "p") for number in range(5)])
    await connection.execute(sql)
    read = await everything(log)
    assert [one.offset for one in read] == list(range(5))
    assert {one.offset: one.stream for one in read if damage_of(one) is not None} == {2: stream}


@pytest.mark.parametrize(
    "sql",
    [
        f"UPDATE tracklog.events SET stream = 1 {AT_2}",
        f"UPDATE tracklog.events SET stream = 77 {AT_2}",
        f"UPDATE tracklog.streams SET name = 'run/f' WHERE name = '{RUN_2}'",
        f"DELETE FROM tracklog.streams WHERE name = '{RUN_2}'",
    ],
)
async def test_an_event_that_only_lost_the_name_of_its_stream_is_read_by_what_its_payload_tells(
    log: PostgresqlEventLog, connection: Any, sql: str
) -> None:
    sent = [param(number, "p") for number in range(5)]
    await log.append(sent)
    await connection.execute(sql)
    read = await everything(log)
    assert [(one.id, one.stream) for one in read] == [(one.id, one.stream) for one in sent]


async def test_events_that_are_gone_from_the_end_are_told(log: PostgresqlEventLog, connection: Any) -> None:
    await log.append([param(number, "p") for number in range(5)])
    await connection.execute('DELETE FROM tracklog.events WHERE "offset" >= 3')
    read = await everything(log)
    assert [one.offset for one in read if damage_of(one) is not None] == [3, 4]


async def test_the_id_is_that_of_the_tables(log: PostgresqlEventLog, connection: Any) -> None:
    found = await connection.fetchval("SELECT id FROM tracklog.log_identity")
    assert await log.identity() == str(found)
    await connection.execute("UPDATE tracklog.log_identity SET id = gen_random_uuid()")
    assert await log.identity() != str(found)
