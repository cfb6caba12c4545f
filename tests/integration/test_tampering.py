"""Whoever may write the database of a log, and knows its checksums, changes nothing of it unnoticed.

On SQLite and PostgreSQL, by statements alone and by writing the whole log anew as the product itself would.
"""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from msgspec.structs import replace

from event_log.port import EventLogReader
from event_log.postgresql.copy import filling_postgresql_log
from event_log.postgresql.event_log import open_postgresql_log, open_postgresql_reader
from event_log.proof.note import PrivateKey
from event_log.sqlite.copy import filling_sqlite_log, identity_of
from event_log.sqlite.event_log import SqliteEventLog, SqliteEventLogReader
from schemas.envelope import PARTITION, RecordedEvent
from tests.contracts.event_log_contract import param
from tracklog.proving.key_file import GivenKey
from tracklog.proving.postgresql_proof_store import PostgresqlProofStore
from tracklog.proving.proof_store import ProofStore
from tracklog.proving.prover import Prover
from tracklog.proving.sqlite_proof_store import SqliteProofStore
from tracklog.proving.verification import verify

KEY, STRANGER = PrivateKey("tracklog", b"1" * 32), PrivateKey("tracklog", b"2" * 32)
EVENTS = 300
NEW = param(7, "new")


@dataclass
class Attacked:
    """A log of 300 signed events, and what an attacker does to it."""

    log: EventLogReader
    store: ProofStore
    execute: Callable[[str], Awaitable[None]]
    write_anew: Callable[[list[RecordedEvent]], Awaitable[None]]

    async def events(self) -> list[RecordedEvent]:
        return await self.log.read(PARTITION, 0, limit=1000)

    async def found(self, *given: str, store: ProofStore | None = None) -> list[tuple[str, int | None]]:
        proofs = store or self.store
        report = await verify(self.log, proofs, given, frozenset({KEY.public}), lambda _done, _all: None)
        return [(one.kind.value, one.offset) for one in report.findings]


async def signed(log: EventLogReader, store: ProofStore, key: PrivateKey = KEY) -> None:
    await Prover(log, await log.identity(), store, GivenKey(key.text()), lambda: {PARTITION}).round()


@pytest.fixture
async def on_sqlite(tmp_path: Path) -> AsyncIterator[Attacked]:
    path = tmp_path / "log.db"
    with ThreadPoolExecutor(1) as executor:
        writer = SqliteEventLog.open(path, executor)
        for number in range(EVENTS):
            await writer.append([param(number, "p")])
        await writer.close()
    log_id = identity_of(path)
    store = SqliteProofStore(tmp_path / "log.proof", log_id)

    async def execute(statement: str) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(statement.replace("tracklog.", ""))

    async def write_anew(events: list[RecordedEvent]) -> None:
        await found.log.close()
        path.unlink()
        with filling_sqlite_log(path, log_id) as copy:
            await copy.add(events)
        found.log = SqliteEventLogReader(path)

    found = Attacked(SqliteEventLogReader(path), store, execute, write_anew)
    await signed(found.log, store)
    yield found
    await found.log.close()
    await store.close()


@pytest.fixture
async def on_postgresql(postgresql_database: str) -> AsyncIterator[Attacked]:
    dsn = postgresql_database
    writer = await open_postgresql_log(dsn)
    for number in range(EVENTS):
        await writer.append([param(number, "p")])
    await writer.close()
    log = await open_postgresql_reader(dsn)
    log_id = await log.identity()
    store = await PostgresqlProofStore.open(dsn, log_id)

    async def execute(statement: str) -> None:
        connection = await asyncpg.connect(dsn)
        await connection.execute(statement)
        await connection.close()

    async def write_anew(events: list[RecordedEvent]) -> None:
        await execute("TRUNCATE tracklog.events; UPDATE tracklog.log_end SET next_offset = 0")
        async with filling_postgresql_log(dsn, log_id) as copy:
            await copy.add(events)

    await signed(log, store)
    yield Attacked(log, store, execute, write_anew)
    await log.close()
    await store.close()


@pytest.fixture(params=["on_sqlite", pytest.param("on_postgresql", marks=pytest.mark.service)])
def attacked(request: pytest.FixtureRequest) -> Attacked:
    found: Attacked = request.getfixturevalue(request.param)
    return found


Change = Callable[[list[RecordedEvent]], list[RecordedEvent]]


def of_one(offset: int, **changed: object) -> Change:
    return lambda events: [replace(one, **changed) if one.offset == offset else one for one in events]


def inserted(events: list[RecordedEvent]) -> list[RecordedEvent]:
    more = replace(events[100], id=NEW.id, payload=b'{"run_id":"0"}')
    return [*events[:100], more, *events[100:]]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (of_one(17, payload=b'{"run_id":"0"}'), [("payload changed", 17)]),
        (of_one(17, time_us=1), [("envelope changed", 17)]),
        (of_one(17, stream="run/other"), [("envelope changed", 17)]),
        (of_one(17, request_id="other", payload=b"{}"), [("envelope and payload changed", 17)]),
        (lambda events: [*events[:17], *events[18:], replace(events[0], id=NEW.id)], [("dropped", 17)]),
        (inserted, [("inserted", 100)]),
        (lambda events: [*events[:5], events[6], events[5], *events[7:]], [("reordered", 5)]),
        (lambda events: events[:200], [("shorter than a checkpoint", 200)]),
    ],
    ids=["payload", "time", "stream", "both", "dropped", "inserted", "reordered", "older"],
)
async def test_a_log_written_anew_with_its_checksums_is_found_out(
    attacked: Attacked, change: Change, expected: list[tuple[str, int]]
) -> None:
    assert await attacked.found() == []
    changed = change(await attacked.events())
    await attacked.write_anew([replace(event, offset=offset) for offset, event in enumerate(changed)])
    assert await attacked.found() == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ('UPDATE tracklog.events SET payload = substr(payload, 2) WHERE "offset" = 17', ("payload changed", 17)),
        ('UPDATE tracklog.events SET time_us = 1 WHERE "offset" = 17', ("envelope changed", 17)),
        ('UPDATE tracklog.events SET time_us = 1, checksum = NULL WHERE "offset" = 17', ("envelope changed", 17)),
        ('DELETE FROM tracklog.events WHERE "offset" = 17', ("dropped", 17)),
    ],
    ids=["payload", "time", "without a checksum", "deleted"],
)
async def test_a_statement_is_found_out(attacked: Attacked, statement: str, expected: tuple[str, int]) -> None:
    await attacked.execute(statement)
    assert await attacked.found() == [expected]


async def test_what_was_written_anew_as_it_was_is_what_was_signed(attacked: Attacked) -> None:
    await attacked.write_anew(await attacked.events())
    assert await attacked.found() == []


async def test_a_forged_checkpoint_and_a_replaced_key_are_found_out(attacked: Attacked, tmp_path: Path) -> None:
    """Also where all of the proofs were made anew with the other key."""
    kept = (await attacked.store.newest())[PARTITION].note
    assert await attacked.found(kept) == []
    assert await attacked.found(kept.replace(f"\n{EVENTS}\n", f"\n{EVENTS + 1}\n")) == [("checkpoint forged", None)]
    assert await attacked.found(STRANGER.sign(kept.partition("\n\n")[0] + "\n")) == [("key replaced", None)]
    other = SqliteProofStore(tmp_path / "other.proof", await attacked.log.identity())
    await signed(attacked.log, other, STRANGER)
    assert ("key replaced", None) in await attacked.found(store=other)
    await other.close()
