"""A database with a read model for tests, and its rows as they compare with those of any other read model."""

import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import asyncpg

from event_log.fixed_assignment import FixedAssignment
from event_log.port import EventLogReader
from event_log.postgresql.control_schema import ensure_control_schema
from projector import postgresql_generations as generations
from projector.compare import Difference, questions
from projector.postgresql_writer import PostgresqlReadModelWriter
from projector.worker import ProjectorWorker
from read_model.tables import metadata
from schemas.postgresql import schema_of

Rows = dict[str, list[tuple[Any, ...]]]


class PostgresqlReadModel:
    """One generation in a database of the test's own."""

    def __init__(self, dsn: str, generation: int, log_id: str) -> None:
        self.dsn = dsn
        self.generation = generation
        self.log_id = log_id

    @classmethod
    async def live(cls, dsn: str, log: EventLogReader) -> "PostgresqlReadModel":
        """The one that is folded from `log`, made where there is none."""
        await ensure_control_schema(dsn)
        found = await generations.ensure(dsn, log)
        return cls(dsn, found.number, found.log_id)

    async def beside(self) -> "PostgresqlReadModel":
        """An empty one in the same database, which nobody folds into unless told to."""
        async with generations.connected(self.dsn) as connection:
            fresh = await generations.create(self.dsn, connection, "building", self.log_id)
            return PostgresqlReadModel(self.dsn, fresh.number, fresh.log_id)

    async def fold(self, log: EventLogReader, ends: Iterable[int] = ()) -> None:
        """Fold all partitions of a log: up to each of `ends` with a worker of its own, then what is left."""
        whole = await log.end()
        for end in [*sorted(ends), max(whole.values())]:
            writer = await self.writer()
            worker = ProjectorWorker(log, writer, FixedAssignment(whole.keys()))
            await worker.start()
            await worker.fold_until({one: min(end, offset) for one, offset in whole.items()})
            await writer.close()

    async def writer(self) -> PostgresqlReadModelWriter:
        return await PostgresqlReadModelWriter.open(self.dsn, self.generation)

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self.dsn, server_settings={"search_path": schema_of(self.generation)})
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    async def all_rows(self) -> Rows:
        found: Rows = {}
        for table, sql in _SELECTS.items():
            found[table] = _sorted(await self.rows(sql))
        return found

    async def empty(self) -> None:
        await self.rows(f"TRUNCATE {', '.join(metadata.tables)}")

    async def differences(self, other: "PostgresqlReadModel") -> list[Difference]:
        asked = list(questions(schema_of(self.generation), schema_of(other.generation)))
        connection = await asyncpg.connect(self.dsn)
        try:
            found = [Difference(one.table, one.side, [*map(tuple, await connection.fetch(one.sql))]) for one in asked]
        finally:
            await connection.close()
        return [one for one in found if one.rows]


def sqlite_rows(path: Path) -> Rows:
    """The same of a read model in SQLite."""
    connection = sqlite3.connect(path)
    try:
        return {table: _sorted(connection.execute(sql).fetchall()) for table, sql in _SELECTS.items()}
    finally:
        connection.close()


_NUMBERED = {"run_number": ("runs", "run_id"), "trace_number": ("traces", "trace_id")}
"""Numbers that count on whatever was there before, in each read model: the tables with the ids they stand for."""


def _select(table: str) -> str:
    columns = [column.name for column in metadata.tables[table].columns]
    selected = [f't."{name}"' for name in columns if name not in _NUMBERED]
    joined = ""
    for number in _NUMBERED.keys() & columns:
        of, key = _NUMBERED[number]
        if of != table:
            selected.insert(0, f"{of}.{key}")
            joined += f" JOIN {of} USING ({number})"
    return f"SELECT {', '.join(selected)} FROM {table} t{joined}"


_SELECTS = {table: _select(table) for table in metadata.tables if table not in {"facts", "checkpoints"}}
_key: Callable[[object], str] = repr


def _sorted(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=_key)
