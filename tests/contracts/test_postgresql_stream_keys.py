"""The store of stream keys in PostgreSQL: keys are there before they are used, and nowhere once they are destroyed."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from event_log.port import LogUnavailable
from event_log.postgresql.sealed_logs import log_of_keys, seals_from_birth
from event_log.postgresql.stream_keys import PostgresqlStreamKeys
from schemas.envelope import Position

A, B, ODD = "run/a", "run/b", "artifacts/\0\ud800"


@pytest.fixture
def log_id() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def database(postgresql_module_database: str) -> str:
    """In which each test has a log of its own."""
    return postgresql_module_database


@pytest.fixture
async def keys(database: str, log_id: str) -> AsyncIterator[PostgresqlStreamKeys]:
    keys = PostgresqlStreamKeys(database, log_id)
    await keys.begin()
    yield keys
    await keys.close()


async def test_a_key_is_made_once_whoever_asks(keys: PostgresqlStreamKeys, database: str, log_id: str) -> None:
    others = [PostgresqlStreamKeys(database, log_id) for _ in range(4)]
    streams = [f"run/{number}" for number in range(50)] + [ODD]
    made = await asyncio.gather(*(one.made(order) for one in others for order in (streams, streams[::-1])))
    assert all(one == made[0] for one in made)
    assert made[0] == await keys.found([*streams, "run/of-nothing"])
    assert len(set(made[0].values())) == len(streams)
    for one in others:
        await one.close()


async def test_keys_of_two_logs_in_one_database_are_apart(keys: PostgresqlStreamKeys, database: str) -> None:
    other = PostgresqlStreamKeys(database, str(uuid.uuid4()))
    assert (await keys.join(), await other.join()) == (True, False)
    await keys.made([A])
    assert await other.found([A]) == {}
    assert await other.made([A]) != await keys.made([A])
    await other.destroy([A])
    assert (await keys.found([A]))[A] is not None
    await other.close()


async def test_a_database_without_the_tables_knows_no_log(postgresql_database: str, log_id: str) -> None:
    keys = PostgresqlStreamKeys(postgresql_database, log_id)
    assert (await keys.join(), await log_of_keys(postgresql_database, log_id)) == (False, None)
    await keys.close()


async def test_a_mirror_has_the_keys_of_its_log_and_carries_erasures_out_by_itself(
    keys: PostgresqlStreamKeys, database: str, log_id: str
) -> None:
    made = await keys.made([A, B])
    await keys.note_carried_out(0, 7)
    await keys.pass_over([Position(0, 3)])
    mirror_id = str(uuid.uuid4())
    mirror = PostgresqlStreamKeys(database, mirror_id, log_id)
    assert await mirror.join()
    assert (await log_of_keys(database, mirror_id), await log_of_keys(database, log_id)) == (log_id, log_id)
    assert await mirror.found([A, B]) == made
    assert (await mirror.passed_over(), await mirror.carried_out(0)) == ({Position(0, 3)}, 0)
    await mirror.destroy([A])
    assert await keys.found([A, B]) == {A: None, B: made[B]}
    await mirror.close()


async def test_a_destroyed_key_is_in_no_byte_of_the_tables_and_is_not_made_again(
    keys: PostgresqlStreamKeys, database: str
) -> None:
    streams = [f"run/{number}" for number in range(3000)]
    made = await keys.made(streams)
    gone = [made[stream] for stream in streams[::7]]
    stay = [made[stream] for stream in streams if stream not in streams[::7]]
    held = await table_bytes(database)
    assert all(one in held for one in made.values() if one)
    assert await keys.destroy([*streams[::7], "run/that-has-none"]) == len(gone)
    held = await table_bytes(database)
    assert [one in held for one in gone if one] == [False] * len(gone)
    assert all(one in held for one in stay if one)
    assert await keys.made(streams[::7]) == dict.fromkeys(streams[::7])
    assert await keys.found(["run/that-has-none"]) == {"run/that-has-none": None}
    assert await keys.destroy(streams[::7]) == 0


async def table_bytes(database: str) -> bytes:
    """The files of the parts of the table, read raw."""
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("CHECKPOINT")
        rows = await connection.fetch(
            "SELECT pg_read_binary_file(pg_relation_filepath(relid))"
            " FROM pg_partition_tree('tracklog_keys.stream_keys') WHERE isleaf AND pg_relation_size(relid) > 0"
        )
        return b"".join(row[0] for row in rows)
    finally:
        await connection.close()


async def test_a_transaction_that_still_sees_a_key_keeps_its_destruction_from_being_done(
    keys: PostgresqlStreamKeys, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keys.made([A])
    monkeypatch.setattr("event_log.postgresql.stream_keys._READERS_WAIT_S", -1.0)
    reader = await asyncpg.connect(database)
    async with reader.transaction(isolation="repeatable_read"):
        await reader.fetch("SELECT * FROM tracklog_keys.stream_keys")
        with pytest.raises(LogUnavailable, match=str(reader.get_server_pid())):
            await keys.destroy([A])
        assert await keys.found([A]) == {A: None}
    monkeypatch.undo()
    assert await keys.destroy([A]) == 0
    await reader.close()


async def test_a_user_who_may_not_vacuum_is_told_that_keys_stay(
    keys: PostgresqlStreamKeys, database: str, log_id: str
) -> None:
    connection = await asyncpg.connect(database)
    user = f"user_{uuid.uuid4().hex[:8]}"
    await connection.execute(f"CREATE ROLE {user} LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA tracklog_keys TO {user};")
    await connection.execute(f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA tracklog_keys TO {user}")
    account, _, place = database.partition("://")[2].rpartition("@")
    other = PostgresqlStreamKeys(f"postgresql://{user}:p@{place}", log_id)
    assert account
    try:
        await other.made([A])
        with pytest.raises(LogUnavailable, match="may not vacuum"):
            await other.destroy([A])
        assert await keys.destroy([A]) == 0
    finally:
        await other.close()
        await connection.execute(f"DROP OWNED BY {user}; DROP ROLE {user}")
        await connection.close()


async def test_events_that_are_passed_over_are_kept(keys: PostgresqlStreamKeys) -> None:
    assert await keys.passed_over() == set()
    assert await keys.pass_over([Position(1, 7), Position(0, 3)]) == 2
    assert await keys.pass_over([Position(1, 7)]) == 0
    assert await keys.passed_over() == {Position(1, 7), Position(0, 3)}


async def test_how_far_erasures_are_carried_out_only_grows(keys: PostgresqlStreamKeys) -> None:
    assert await keys.carried_out(2) == 0
    await keys.note_carried_out(2, 7)
    await keys.note_carried_out(2, 3)
    assert (await keys.carried_out(2), await keys.carried_out(0)) == (7, 0)


async def test_a_database_that_is_away_is_said_to_be(log_id: str, tmp_path: Path) -> None:
    keys = PostgresqlStreamKeys(f"postgresql:///none?host={tmp_path}", log_id)
    for asked in (keys.begin(), keys.made([A]), keys.found([A]), keys.destroy([A]), keys.passed_over()):
        with pytest.raises(LogUnavailable):
            await asked
    await keys.close()


async def test_the_first_says_how_a_log_is_born(database: str, log_id: str) -> None:
    said = await asyncio.gather(
        *(seals_from_birth(database, log_id, wanted=wanted) for wanted in (True, False, True, False))
    )
    assert len(set(said)) == 1
    assert await seals_from_birth(database, log_id, wanted=not said[0]) == said[0]
