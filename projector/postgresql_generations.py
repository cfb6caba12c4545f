"""The generations of the read model in PostgreSQL: made, promoted, switched between and dropped.

A generation is a schema and its row in `read_models`. The states: 'building' while it is behind the log, 'live' when
it answers reads, 'retired' when another took its place, until it has no readers any more and is dropped.

A building generation is folded by the projectors when its schema version has no live one (an upgrade), and by
`projector.postgresql_rebuild` when it has.
"""

import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import asyncpg
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.schema import CreateIndex

from event_log.port import EventLogReader
from projector.last_folded import LastFolded
from projector.port import ReadModelUnavailable, Superseded
from projector.postgresql_writer import FENCE_LOCK, away
from read_model import belonging
from read_model.belonging import LOG_ID
from read_model.migrations import HISTORY
from read_model.tables import SCHEMA_VERSION, metadata
from schemas.envelope import Position, Positions
from schemas.migrations import migrate
from schemas.postgresql import CONTROL_SCHEMA, READ_MODELS_CHANNEL, schema_of
from schemas.postgresql_errors import DAMAGE_ERRORS, MISSING_ERRORS, describe_error

logger = logging.getLogger(__name__)

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_READ_MODELS: Final = f"{CONTROL_SCHEMA}.read_models"
_LIST_LOCK: Final = 0
"""Of the class FENCE_LOCK: it is held to change the list of generations. Generations are numbered from 1."""

_CONNECT_TIMEOUT_S: Final = 5.0
_SETTINGS: Final = {"application_name": "tracklog generations", "statement_timeout": "0", "lock_timeout": "0"}
"""Some statements here take long, whatever the database or the role has the bounds set to."""
_CAUGHT_UP_EVENTS: Final = 2000
"""A new read model goes live this close to the log's end: a batch, which its readers then wait for as they do for any
write. Behind a log that is always written to, it might never be level."""

_DROP_WAIT_MS: Final = 2000
"""How long dropping waits for readers, while new ones queue up behind it; then it is left to the next one to try."""


@dataclass(frozen=True, slots=True)
class Generation:
    """A row of `read_models`."""

    number: int
    schema_version: int
    state: str
    log_id: str


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        with away():
            yield
    except (*MISSING_ERRORS, *DAMAGE_ERRORS) as error:
        raise ReadModelUnavailable(f"The list of read models cannot be used: {describe_error(error)}") from error


@contextlib.asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Connection]:
    """A connection for looking after generations.

    Raises ReadModelUnavailable, also for what statements on it run into: tables that are gone, damage.
    """
    with _errors():
        connection = await asyncpg.connect(dsn, timeout=_CONNECT_TIMEOUT_S, server_settings=_SETTINGS)
        try:
            yield connection
        finally:
            await connection.close(timeout=1.0)


async def generations(connection: Connection) -> list[Generation]:
    """All that are listed, oldest first."""
    found = await connection.fetch(
        f"SELECT generation, schema_version, state, log_id::text FROM {_READ_MODELS} ORDER BY generation"
    )
    return [Generation(*row) for row in found]


async def ensure(dsn: str, log: EventLogReader) -> Generation:
    """The generation that the projectors of this code fold `log` into; made, empty, when there is none.

    It is live at once when the log is short and the database holds no other, else 'building' until
    `promote_when_caught_up`. Projectors that start at once agree on one. A live generation is brought to the newest
    revision of its schema version.
    The schema of `schemas.control` must be there. Raises ReadModelUnavailable, LogUnavailable, and ForeignDatabase.
    """
    log_id, end = await log.identity(), await log.end()
    async with connected(dsn) as connection, alone(connection):
        ours = await _ours(connection, log_id)
        if ours is not None and not await _is_there(connection, ours.number):
            await connection.execute(f"DELETE FROM {_READ_MODELS} WHERE generation = $1", ours.number)
            ours = None
        if ours is None:
            others = [one for one in await generations(connection) if one.state == "live"]
            is_short = sum(end.values()) <= _CAUGHT_UP_EVENTS
            ours = await create(dsn, connection, "live" if is_short and not others else "building", log_id)
            await drop_retired(connection)
        else:
            await migrate(dsn, schema=schema_of(ours.number), history=HISTORY)
            if ours.state == "building":  # by a rebuild, of a live one that was lost
                await create_missing_indexes(connection, ours.number)
        if ours.state == "live":
            await _announce(connection, ours.number)
        return ours


async def create(dsn: str, connection: Connection, state: str, log_id: str) -> Generation:
    """Make an empty generation of this code's schema version, of the log `log_id`, and list it.

    The list must be ours alone.
    """
    number = await _unused_number(connection)
    await migrate(dsn, schema=schema_of(number), history=HISTORY)
    await connection.execute(f"INSERT INTO {schema_of(number)}.facts VALUES ($1, $2)", LOG_ID, log_id)
    await connection.execute(
        f"INSERT INTO {_READ_MODELS} (generation, schema_version, state, log_id) OVERRIDING SYSTEM VALUE"
        " VALUES ($1, $2, $3, $4)",
        number,
        SCHEMA_VERSION,
        state,
        log_id,
    )
    return Generation(number, SCHEMA_VERSION, state, log_id)


async def _unused_number(connection: Connection) -> int:
    """The next number. A schema of that name is left from a list that was replaced by an older one, and is dropped."""
    while True:
        number = int(
            await connection.fetchval(f"SELECT nextval(pg_get_serial_sequence('{_READ_MODELS}', 'generation'))")
        )
        with contextlib.suppress(asyncpg.LockNotAvailableError):
            await drop(connection, number)
            return number


async def belonging_fault(connection: Connection, generation: int, log: EventLogReader) -> str | None:
    """Why a generation does not belong to `log`, None when it does.

    Raises asyncpg.UndefinedTableError when it was dropped, LogUnavailable.
    """
    log_id = await connection.fetchval(f"SELECT value FROM {schema_of(generation)}.facts WHERE name = $1", LOG_ID)
    checkpoints = await checkpoints_of(connection, generation)
    return belonging.fault(log_id, checkpoints, await log.identity(), await log.end())


async def retire(connection: Connection, generation: int) -> None:
    """End all folding into a generation and all reading from it, though there is none to take its place yet."""
    async with alone(connection), held_still(connection, generation):
        await connection.execute(f"UPDATE {_READ_MODELS} SET state = 'retired' WHERE generation = $1", generation)
        await _announce(connection, generation)


async def retire_damaged(dsn: str, generation: int, why: str) -> None:
    """Take a generation that is damaged out of use, unless another took its place. Raises ReadModelUnavailable."""
    async with connected(dsn) as connection:
        if any(one.number == generation and one.state != "retired" for one in await generations(connection)):
            logger.error(
                "the read model %s is damaged: %s; a new one is folded from the log", schema_of(generation), why
            )
            await retire(connection, generation)


async def promote_when_caught_up(dsn: str, generation: int, log: EventLogReader) -> bool:
    """Make a building generation live if it is close to the log's end. Whether it is live now.

    Raises Superseded when it is neither building nor live, ReadModelUnavailable, LogUnavailable.
    """
    end = await log.end()
    async with connected(dsn) as connection, alone(connection):
        state = await connection.fetchval(f"SELECT state FROM {_READ_MODELS} WHERE generation = $1", generation)
        if state is None or state == "retired":
            raise Superseded("another read model took this one's place")
        if state == "building":
            checkpoints = await checkpoints_of(connection, generation)
            if any(offset - checkpoints.get(partition, 0) > _CAUGHT_UP_EVENTS for partition, offset in end.items()):
                return False
            await connection.execute(f"UPDATE {_READ_MODELS} SET state = 'live' WHERE generation = $1", generation)
            await _announce(connection, generation)
        return True


async def checkpoints_of(connection: Connection, generation: int) -> Positions:
    """How far a generation is folded, in the partitions of which it has folded something."""
    found = await connection.fetch(f"SELECT partition, next_offset FROM {schema_of(generation)}.checkpoints")
    return {row[0]: row[1] for row in found}


async def last_folded(connection: Connection, generation: int) -> LastFolded:
    """The last event of each partition that a generation holds."""
    found = await connection.fetch(
        f"SELECT partition, next_offset - 1, last_event_id FROM {schema_of(generation)}.checkpoints"
        " WHERE last_event_id IS NOT NULL"
    )
    return {Position(partition, offset): event_id for partition, offset, event_id in found}


@contextlib.asynccontextmanager
async def alone(connection: Connection) -> AsyncIterator[None]:
    """Hold the list of generations, until the block or the connection ends."""
    await connection.execute("SELECT pg_advisory_lock($1, $2)", FENCE_LOCK, _LIST_LOCK)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1, $2)", FENCE_LOCK, _LIST_LOCK)


@contextlib.asynccontextmanager
async def held_still(connection: Connection, generation: int) -> AsyncIterator[None]:
    """A transaction in which no worker commits to `generation`: those under way have, and new ones wait."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1, $2)", FENCE_LOCK, generation)
        yield


async def switch(connection: Connection, retired: int, live: int) -> None:
    """Make `live` the read model in place of `retired`, for everyone and at once, when the transaction commits.

    `retired` must be held still in it. Its workers then find that it no longer counts.
    """
    await connection.execute(f"UPDATE {_READ_MODELS} SET state = 'retired' WHERE generation = $1", retired)
    await connection.execute(f"UPDATE {_READ_MODELS} SET state = 'live' WHERE generation = $1", live)
    await _announce(connection, live)


async def drop_retired(connection: Connection) -> list[int]:
    """Drop the retired generations that have no readers at the moment, and return them.

    A process that still reads one then finds no tables, so readers must have had time to follow the switch.
    """
    dropped: list[int] = []
    for one in await generations(connection):
        if one.state == "retired":
            with contextlib.suppress(asyncpg.LockNotAvailableError, *DAMAGE_ERRORS):
                await drop(connection, one.number)
                dropped.append(one.number)
    return dropped


async def drop(connection: Connection, generation: int) -> None:
    """Drop a generation and strike it off the list. Raises asyncpg.LockNotAvailableError when it is being read."""
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = {_DROP_WAIT_MS}")
        await connection.execute(f"DROP SCHEMA IF EXISTS {schema_of(generation)} CASCADE")
        await connection.execute(f"DELETE FROM {_READ_MODELS} WHERE generation = $1", generation)


async def create_missing_indexes(connection: Connection, generation: int) -> None:
    """Make what a rebuild leaves for later."""
    dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
    await connection.execute(f"SET search_path = {schema_of(generation)}")
    for table in metadata.sorted_tables:
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            await connection.execute(str(CreateIndex(index, if_not_exists=True).compile(dialect=dialect)))
    await connection.execute("RESET search_path")


async def retire_older_versions(dsn: str) -> list[int]:
    """Retire and drop what older versions of the schema left, once no process of an older version runs any more.

    Does nothing while this version has no live generation.
    """
    async with connected(dsn) as connection, alone(connection):
        listed = await generations(connection)
        if not any(one.schema_version == SCHEMA_VERSION and one.state == "live" for one in listed):
            return []
        await connection.execute(
            f"UPDATE {_READ_MODELS} SET state = 'retired' WHERE schema_version < $1", SCHEMA_VERSION
        )
        return await drop_retired(connection)


async def _ours(connection: Connection, log_id: str) -> Generation | None:
    ours = [
        one for one in await generations(connection) if one.schema_version == SCHEMA_VERSION and one.log_id == log_id
    ]
    for state in ("live", "building"):
        for one in ours:
            if one.state == state:
                return one
    return None


async def _is_there(connection: Connection, generation: int) -> bool:
    return await connection.fetchval("SELECT to_regclass($1)", f"{schema_of(generation)}.checkpoints") is not None


async def _announce(connection: Connection, generation: int) -> None:
    await connection.execute("SELECT pg_notify($1, $2)", READ_MODELS_CHANNEL, str(generation))
