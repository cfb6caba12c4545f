"""A shadow of a database in PostgreSQL brings what it comes to, whoever commits when."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner
from sqlalchemy import make_url
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError

from schemas.events import RunDataLogged
from tests.unit.tracklog.moving.exports import differences, held, moved_in
from tests.unit.tracklog.moving.test_exporting import everything, in_any_order
from tests.unit.tracklog.shadowing.test_following import WRITTEN, A, B, Shadow, without_sizes
from tracklog.cli.commands import tracklog
from tracklog.moving.database_store import database_store_of
from tracklog.moving.export_report import ExportReport
from tracklog.moving.stores import NoStore
from tracklog.moving.targets import database_target_of
from tracklog.shadowing import following, postgresql_source
from tracklog.shadowing.postgresql_source import PostgresqlSource

pytestmark = pytest.mark.service

POINT = "INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES"


@pytest.fixture
def database(postgresql_database: str) -> str:
    """A database of MLflow with something of each kind."""
    records = iter(everything().records)
    database_target_of(postgresql_database, ()).write(records, ExportReport("", "", dry_run=False))
    return postgresql_database


async def written(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        for statement in statements:
            await connection.execute(statement)
    await connection.close()


def opened(url: str) -> Callable[[], PostgresqlSource]:
    return lambda: PostgresqlSource(make_url(url))


async def caught_up(shadow: Shadow) -> None:
    await asyncio.to_thread(shadow.catch_up)


def points_in(shadow: Shadow) -> list[tuple[str, float | str]]:
    return [
        (series.key, value)
        for event in shadow.events.values()
        if isinstance(event.payload, RunDataLogged)
        for series in event.payload.metrics
        for value in series.value
    ]


async def test_it_brings_what_the_source_comes_to(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_POINTS_EVENTS_PER_ROUND", 1)
    monkeypatch.setattr(postgresql_source, "ROWS_PER_QUESTION", 1)
    shadow = Shadow(tmp_path, opened(database), killed=True)
    await caught_up(shadow)
    shadow.live_on()
    for statements in WRITTEN:
        await written(database, *statements)
        await caught_up(shadow)
    (tmp_path / "other").mkdir()
    expected = held((await moved_in(database_store_of(database), tmp_path / "other")).path)
    expected = [one for one in expected if "Default" not in str(one)[:300]]
    both: list[Any] = [in_any_order(without_sizes(one)) for one in (await shadow.folded(), expected)]
    assert list(differences(*both)) == []


async def test_what_a_slow_transaction_wrote_comes_once_when_it_has_ended(database: str, tmp_path: Path) -> None:
    shadow = Shadow(tmp_path, opened(database), killed=False)
    await caught_up(shadow)
    before = len(points_in(shadow))
    slow = await asyncpg.connect(database)
    transaction = slow.transaction()
    await transaction.start()
    await slow.execute(f"{POINT} ('{A}', 'slow', 1.0, 1, 1, false)")
    await written(database, f"{POINT} ('{A}', 'fast', 2.0, 2, 2, false)")
    await caught_up(shadow)
    await transaction.commit()
    await slow.close()
    await written(database, f"{POINT} ('{B}', 'last', 3.0, 3, 3, false)")
    await caught_up(shadow)
    assert sorted(points_in(shadow)[before:]) == [("fast", 2.0), ("last", 3.0), ("slow", 1.0)]


async def test_of_many_points_some_transactions_are_read_at_once(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "POINTS_PER_ROUND", 2)
    shadow = Shadow(tmp_path, opened(database), killed=False)
    await caught_up(shadow)
    before = len(points_in(shadow))
    await written(database, "DROP TABLE registered_model_aliases")  # older revisions have none
    for number in range(5):
        await written(database, f"{POINT} ('{A}', 'many', {number}, {number}, {number}, false)")
    await caught_up(shadow)
    assert points_in(shadow)[before:] == [("many", float(number)) for number in range(5)]


def test_a_database_without_mlflow_is_no_source(postgresql_database: str) -> None:
    with pytest.raises(NoStore, match="has no tables of MLflow"):
        opened(postgresql_database)()


def test_one_that_is_away_is_so_from_the_start_or_later(database: str, tmp_path: Path) -> None:
    away = "postgresql://127.0.0.1:1/none"
    with pytest.raises(OperationalError):
        opened(away)()
    done = CliRunner().invoke(
        tracklog, ["shadow", away, "--to", "http://127.0.0.1:1", "--state", str(tmp_path / "state")]
    )
    assert (done.exit_code, "cannot be read" in done.output) == (2, True)

    def broken_off() -> None:
        raise InterfaceError("", None, OSError("gone"), connection_invalidated=True)

    def refused() -> None:
        raise ProgrammingError("", None, OSError("no such column"))

    with closing(opened(database)()) as source:
        with pytest.raises(OperationalError):
            source.within(broken_off)
        with pytest.raises(ProgrammingError):
            source.within(refused)
