"""A read model in PostgreSQL for tests that need one to look at, and what a projector does to it."""

from typing import Any

import asyncpg

from event_log.postgresql.control_schema import ensure_control_schema
from read_model import progress_message
from read_model.migrations import HISTORY
from read_model.progress_message import Committed
from read_model.tables import SCHEMA_VERSION
from schemas.migrations import migrate
from schemas.postgresql import PROGRESS_CHANNEL, READ_MODELS_CHANNEL, schema_of


async def make_live(dsn: str, rows: str = "") -> int:
    """Make a generation that holds `rows` (INSERT statements) and take it live in place of the one that is."""
    await ensure_control_schema(dsn)
    connection = await asyncpg.connect(dsn)
    generation: int = await connection.fetchval(
        "INSERT INTO tracklog.read_models (schema_version, state) VALUES ($1, 'building') RETURNING generation",
        SCHEMA_VERSION,
    )
    await migrate(dsn, schema=schema_of(generation), history=HISTORY)
    await connection.execute(f"SET search_path = {schema_of(generation)}; {rows}")
    async with connection.transaction():
        await connection.execute("UPDATE tracklog.read_models SET state = 'retired' WHERE state = 'live'")
        await connection.execute("UPDATE tracklog.read_models SET state = 'live' WHERE generation = $1", generation)
        await connection.execute("SELECT pg_notify($1, $2)", READ_MODELS_CHANNEL, str(generation))
    await connection.close()
    return generation


async def commit(
    connection: Any,
    generation: int,
    checkpoints: dict[int, int],
    refused: dict[tuple[int, int], tuple[str, str]] | None = None,
    *,
    set_aside: int = 0,
    tell: bool = True,
    too_many: bool = False,
) -> None:
    """What a projector commits: checkpoints, refusals (place: code, message), and a word to whoever waits.

    `tell` False leaves the word out, as when it was not heard; `too_many` says only that there were refusals.
    """
    refused = refused or {}
    schema = schema_of(generation)
    async with connection.transaction():
        for checkpoint in checkpoints.items():
            await connection.execute(
                f'INSERT INTO {schema}.checkpoints VALUES ($1, $2) ON CONFLICT ("partition")'
                " DO UPDATE SET next_offset = excluded.next_offset",
                *checkpoint,
            )
        for place, error in refused.items():
            await connection.execute(
                f"INSERT INTO {schema}.refusals VALUES ($1, $2, $3, $4, $5)", *place, *error, "run/a"
            )
        if tell:
            message = Committed(generation, checkpoints, None if too_many else list(refused), set_aside)
            await connection.execute(
                "SELECT pg_notify($1, $2)", PROGRESS_CHANNEL, progress_message.encode(message).decode()
            )
