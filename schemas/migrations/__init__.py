"""Brings the tables of a PostgreSQL schema to the newest version this code knows.

A history of migrations is a package of numbered steps: `schemas.migrations.control` makes the tables of
`schemas.control`, `read_model.migrations` those of `read_model.tables`. Both are run by one `env.py`, with
`search_path` set to the schema they are to fill, in which Alembic also keeps its own `alembic_version`.

Nothing here is imported by an embedded server.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

logger = logging.getLogger(__name__)

T = TypeVar("T")

CONNECT_TIMEOUT_S: Final = 10.0

_FOLDER: Final = Path(__file__).parent
_one_at_a_time = threading.Lock()
"""Alembic keeps the migration that runs in globals of its module."""


class ForeignDatabase(Exception):
    """The schema holds something else, or tables of a newer Tracklog. It was left untouched."""


async def migrate(dsn: str, *, schema: str, history: Path) -> None:
    """Make `schema`, or bring its tables to the newest version of `history`. Does nothing where that is so already.

    `history` is the folder of the steps.

    Safe when several processes start at once: one does it, under an advisory lock, and the others wait.
    Each step is a transaction with its mark in `alembic_version`. Existing rows are kept.

    Raises ForeignDatabase, and what asyncpg raises when the database cannot be reached or forbids it.
    """
    if await _is_newest(dsn, schema, history):
        return  # without Alembic's half second of imports and reflection
    await _in_thread(dsn, schema, history, command.upgrade, "head")


async def check(dsn: str, *, schema: str, history: Path, metadata: MetaData) -> None:
    """Raise alembic.util.CommandError when the tables in `schema` are not those of `metadata`."""
    await _in_thread(dsn, schema, history, command.check, metadata=metadata)


async def _is_newest(dsn: str, schema: str, history: Path) -> bool:
    connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)
    try:
        if await connection.fetchval("SELECT to_regclass($1)", f"{schema}.alembic_version") is None:
            return False
        rows = await connection.fetch(f"SELECT version_num FROM {schema}.alembic_version")
    finally:
        await connection.close()
    return [row[0] for row in rows] == [_scripts(history).get_current_head()]


async def _in_thread(
    dsn: str,
    schema: str,
    history: Path,
    act: Callable[..., None],
    *arguments: str,
    metadata: MetaData | None = None,
) -> None:
    """Run an Alembic command on a thread and event loop of its own: it blocks, and is one at a time in a process."""

    def run() -> None:
        with _one_at_a_time:
            asyncio.run(_act(dsn, schema, history, act, arguments, metadata))

    await asyncio.to_thread(run)


async def _act(
    dsn: str,
    schema: str,
    history: Path,
    act: Callable[..., None],
    arguments: Sequence[str],
    metadata: MetaData | None,
) -> None:
    async def connect() -> "asyncpg.Connection[asyncpg.Record]":
        # By asyncpg itself, so that the URL, the environment and ~/.pgpass mean here what they mean elsewhere.
        return await asyncpg.connect(
            dsn,
            timeout=CONNECT_TIMEOUT_S,
            server_settings={"search_path": schema, "statement_timeout": "0", "synchronous_commit": "on"},
        )

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql(f"SELECT pg_advisory_lock(hashtextextended('tracklog {schema}', 0))")
            await connection.commit()
            await connection.run_sync(_prepare, schema, history)
            await connection.run_sync(lambda sync: act(_config(history, sync, metadata), *arguments))
            await connection.commit()
    except DBAPIError as error:
        driver_error = error.orig and error.orig.__cause__
        if driver_error is None:
            raise
        raise driver_error from error  # asyncpg's own, as everywhere else
    finally:
        await engine.dispose()


def _prepare(connection: Connection, schema: str, history: Path) -> None:
    """Make the schema where there is none. Raises ForeignDatabase where it is not ours or newer than this code."""
    tables = [row[0] for row in connection.exec_driver_sql(_TABLES, (schema,))]
    if "alembic_version" in tables:
        _refuse_newer(connection, schema, history)
    elif tables:
        raise ForeignDatabase(
            f"The schema {schema} of this database holds tables that are not Tracklog's ({', '.join(tables[:3])});"
            " it was left untouched. Name another database."
        )
    else:
        logger.info("making the schema %s in this database, which has none yet", schema)
    connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    connection.commit()


_TABLES: Final = "SELECT tablename::text FROM pg_tables WHERE schemaname = $1 ORDER BY tablename"


def _refuse_newer(connection: Connection, schema: str, history: Path) -> None:
    scripts = _scripts(history)
    known = {script.revision for script in scripts.walk_revisions()}
    for (revision,) in connection.exec_driver_sql(f"SELECT version_num FROM {schema}.alembic_version").fetchall():
        if revision not in known:
            raise ForeignDatabase(
                f"The schema {schema} of this database was made by a newer Tracklog (its tables are at {revision!r},"
                f" this one knows {scripts.get_current_head()!r}); it was left untouched."
            )


def _config(history: Path, connection: Connection | None = None, metadata: MetaData | None = None) -> Config:
    config = Config(attributes={"connection": connection, "target_metadata": metadata})
    options: dict[str, Any] = {
        "script_location": _FOLDER,
        "version_locations": history,
        "path_separator": "newline",
    }
    for name, value in options.items():
        config.set_main_option(name, str(value).replace("%", "%%"))
    return config


def _scripts(history: Path) -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(history))
