"""Real stores come over whole: what they hold is counted, what is damaged told of, and not a byte of them changes."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from event_log.memory_event_log import MemoryEventLog
from schemas.events import ExperimentDeleted
from tests.unit.projector.read_models import projected
from tests.unit.tracklog.moving.imports import STORES, counts, database_2025, events_in, imported, records_of, state_of
from tracklog.moving.database_store import SqliteStore
from tracklog.moving.file_store import FileStore
from tracklog.moving.records import ExperimentRecord, Records
from tracklog.moving.stores import NoStore


async def test_a_file_store_of_2020_with_a_trash(tmp_path: Path) -> None:
    root = STORES / "fs-2020-trash" / "mlruns"
    before = state_of(root)
    log = MemoryEventLog()
    report = await imported(FileStore(root), log)
    assert counts(report) == {
        "experiments": (4, 4, 0),
        "runs": (7, 5, 2),
        "params": (10, 10, 0),
        "tags": (15, 15, 0),
        "metric points": (8, 8, 0),
    }
    left = [where for kind, where, what in report.oddities if what.startswith("left")]
    assert left == [
        ".trash/0/340512a144ff439cb25d33c0edcc1227",
        ".trash/0/3cbb406e88b540a08b3c4dabdc137df5",
    ]
    deleted = {event.experiment_id for event in await events_in(log) if isinstance(event, ExperimentDeleted)}
    assert deleted == {0, 1}, "whatever their files say"
    assert state_of(root) == before

    folded = await projected(tmp_path, log)
    with closing(sqlite3.connect(folded.path)) as rows:
        assert rows.execute("SELECT count(*) FROM refusals").fetchone() == (0,)
        assert rows.execute("SELECT count(*) FROM set_aside").fetchone() == (0,)


async def test_a_database_of_2025_with_logged_models(tmp_path: Path) -> None:
    path = database_2025(tmp_path / "mlruns.db")
    before = state_of(tmp_path)
    log = MemoryEventLog()
    report = await imported(SqliteStore(path), log)
    assert counts(report) == {
        "experiments": (2, 2, 0),
        "experiment tags": (1, 1, 0),
        "runs": (7, 7, 0),
        "params": (62, 62, 0),
        "tags": (39, 39, 0),
        "metric points": (46, 46, 0),
        "datasets": (5, 5, 0),
        "dataset inputs": (8, 8, 0),
        "tags of dataset inputs": (8, 8, 0),
        "model outputs": (8, 8, 0),
        "logged models": (8, 8, 0),
        "params of logged models": (104, 104, 0),
        "tags of logged models": (32, 32, 0),
        "points of logged models": (52, 52, 0),
    }
    assert report.oddities == []
    assert state_of(tmp_path) == before

    folded = await projected(tmp_path, log)
    with closing(sqlite3.connect(folded.path)) as rows:
        assert rows.execute("SELECT count(*) FROM refusals").fetchone() == (0,)
        assert rows.execute("SELECT count(*) FROM runs WHERE lifecycle_stage = 'deleted'").fetchone() == (5,)
        points = "SELECT experiment_id, count(*) FROM logged_model_metrics GROUP BY 1"
        assert rows.execute(points).fetchall() == [(1, 52)], "the rows of the store say experiment 0"


@pytest.mark.slow
async def test_what_waits_in_the_write_ahead_log_is_read_and_stays_there(tmp_path: Path) -> None:
    """A program that was killed leaves it beside the database; SQLite itself would write both when it opens them."""
    live = database_2025(tmp_path / "live.db")
    connection = sqlite3.connect(live)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("UPDATE experiments SET name = 'renamed' WHERE experiment_id = 1")
    connection.commit()
    found = tmp_path / "found"
    found.mkdir()
    for name in ("live.db", "live.db-wal"):
        shutil.copy(tmp_path / name, found)
    connection.close()
    before = state_of(found)
    log = MemoryEventLog()
    await imported(SqliteStore(found / "live.db"), log)
    assert "renamed" in {getattr(event, "name", None) for event in await events_in(log)}
    assert state_of(found) == before


@pytest.mark.slow
async def test_a_repeated_import_changes_nothing(tmp_path: Path) -> None:
    log = MemoryEventLog()
    store = SqliteStore(database_2025(tmp_path / "mlruns.db"))
    first = await imported(store, log)
    end = await log.end()
    second = await imported(store, log)
    assert await log.end() == end
    assert second.events == 0
    assert counts(second) == counts(first)
    assert {tally.new for tally in second.tallies.values()} == {0}


def written_while_it_is_read(path: Path, journal_mode: str) -> set[str]:
    """Read a store into which somebody writes as soon as its first row was read. Returns the names of experiments."""
    names: set[str] = set()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal_mode}")
        connection.execute("UPDATE experiments SET name = 'before' WHERE experiment_id = 1")
        connection.commit()

        def consume(records: Records) -> None:
            next(records)
            connection.execute("UPDATE experiments SET name = 'after' WHERE experiment_id = 1")
            connection.commit()
            names.update(one.name for one in records if isinstance(one, ExperimentRecord))

        SqliteStore(path).read(consume)
    return names


@pytest.mark.slow
def test_what_is_written_after_the_copy_of_a_write_ahead_log_does_not_matter(tmp_path: Path) -> None:
    names = written_while_it_is_read(database_2025(tmp_path / "mlruns.db"), "WAL")
    assert names == {"Default", "before"}


def test_a_file_that_changed_while_it_was_read_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(NoStore, match="changed while it was read"):
        written_while_it_is_read(database_2025(tmp_path / "mlruns.db"), "DELETE")


def test_a_write_ahead_log_that_never_rests_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = database_2025(tmp_path / "mlruns.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        copy = shutil.copyfile

        def copy_and_write(source: Path, copied: Path) -> None:
            copy(source, copied)
            connection.execute("UPDATE experiments SET name = name || '.' WHERE experiment_id = 1")
            connection.commit()

        connection.execute("UPDATE experiments SET name = 'first' WHERE experiment_id = 1")
        connection.commit()
        monkeypatch.setattr(shutil, "copyfile", copy_and_write)
        with pytest.raises(NoStore, match="changed each time while it was copied"):
            records_of(SqliteStore(path))
