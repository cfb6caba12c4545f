"""A store in PostgreSQL is read as one in SQLite, and a log in PostgreSQL takes it."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from click.testing import CliRunner

from event_log.port import EventLogReader
from event_log.postgresql.event_log import open_postgresql_reader
from event_log.sqlite.event_log import SqliteEventLogReader
from schemas.envelope import PARTITION
from tests.unit.tracklog.moving.imports import database_2025
from tracklog.cli.commands import tracklog

pytestmark = pytest.mark.service

TYPES: Final = {"FLOAT": "double precision", "BOOLEAN": "boolean", "INTEGER": "bigint", "BIGINT": "bigint"}
"""What PostgreSQL calls a column; texts have lengths in SQLite's declarations, and none here."""


async def copied(path: Path, url: str) -> None:
    """Every table of a database of SQLite that has rows, in PostgreSQL."""
    connection = await asyncpg.connect(url)
    with closing(sqlite3.connect(path)) as source:
        for (table,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            rows = source.execute(f"SELECT * FROM {table}").fetchall()
            columns = source.execute(f"PRAGMA table_info({table})").fetchall()
            kinds = [TYPES.get(kind.split("(")[0], "text") for _, _, kind, *_ in columns]
            declared = ", ".join(f'"{column[1]}" {kind}' for column, kind in zip(columns, kinds, strict=True))
            await connection.execute(f"CREATE TABLE {table} ({declared})")
            await connection.copy_records_to_table(table, records=list(converted(rows, kinds)))
    await connection.close()


def converted(rows: Sequence[Sequence[Any]], kinds: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        yield tuple(
            bool(cell) if kind == "boolean" and cell is not None else cell
            for cell, kind in zip(row, kinds, strict=True)
        )


def run(*arguments: str) -> None:
    done = CliRunner().invoke(tracklog, ["import", *arguments])
    assert done.exit_code == 0, done.output


def in_one_order(value: Any) -> Any:
    """With every list sorted: PostgreSQL does not know in which order rows were written."""
    if isinstance(value, dict):
        return {key: in_one_order(one) for key, one in value.items()}
    return sorted(map(in_one_order, value), key=str) if isinstance(value, list) else value


async def facts_in(log: EventLogReader) -> dict[str, list[str]]:
    """The payloads of each stream."""
    found: dict[str, list[str]] = {}
    for event in await log.read(PARTITION, 0, limit=10_000):
        found.setdefault(event.stream, []).append(str(in_one_order(json.loads(event.payload))))
    await log.close()
    return {stream: sorted(facts) for stream, facts in found.items()}


def test_from_one_database_into_another(postgresql_database: str, tmp_path: Path) -> None:
    sqlite = database_2025(tmp_path / "mlruns.db")
    asyncio.run(copied(sqlite, postgresql_database))
    report = tmp_path / "report.json"
    run(postgresql_database, "--backend-store-uri", postgresql_database, "--report", str(report))
    run(str(sqlite), "--event-log", f"sqlite:///{tmp_path / 'log.db'}")
    made = json.loads(report.read_text())
    assert made["complete"], made
    assert made["counts"]["metric points"] == {"source": 46, "imported": 46, "new": 46, "left": 0, "unexplained": 0}
    assert ":***@" in made["source"]

    async def both() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        there = await facts_in(await open_postgresql_reader(postgresql_database))
        return there, await facts_in(SqliteEventLogReader(tmp_path / "log.db"))

    in_postgresql, in_sqlite = asyncio.run(both())
    assert in_postgresql == in_sqlite

    run(postgresql_database, "--backend-store-uri", postgresql_database, "--report", str(report))
    assert json.loads(report.read_text())["events"] == 0, "a second time"
