"""What `tracklog import` says, and what it refuses."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from event_log.sqlite.log_file import take_lock
from tests.unit.tracklog.moving.imports import STORES, database_2025
from tracklog.cli.commands import tracklog

FILES = STORES / "fs-2020-trash" / "mlruns"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(tracklog, ["import", *map(str, arguments)])


def test_it_reports_what_came_over_and_what_was_left(tmp_path: Path) -> None:
    done = run(FILES, "--event-log", f"sqlite:///{tmp_path / 'log.db'}", "--report", tmp_path / "report.json")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[:3] == [
        "               source  imported  new  left",
        "experiments         4         4    4     0",
        "runs                7         5    5     2",
    ]
    assert "runs: .trash/0/340512a144ff439cb25d33c0edcc1227: left: a run without meta.yaml" in lines
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["source"], report["complete"], report["dry_run"]) == (str(FILES), False, False)
    assert report["counts"]["runs"] == {"source": 7, "imported": 5, "new": 5, "left": 2, "unexplained": 0}
    assert report["oddities_by_kind"] == {"runs": 4, "artifacts of runs": 5}, "git keeps no empty folders"


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    database = database_2025(tmp_path / "mlruns.db")
    done = run(database, "--event-log", f"sqlite:///{tmp_path / 'log.db'}", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "would be there" in done.output
    assert not (tmp_path / "log.db").exists()


def test_a_log_that_a_server_has_open_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "log.db"
    with take_lock(log):
        done = run(FILES, "--event-log", f"sqlite:///{log}")
    assert done.exit_code == 2
    assert "is in use by another server" in done.output


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("/nowhere", "is neither a folder nor a database"),
        ("http://127.0.0.1:1", "It cannot be reached"),
        ("oracle://host/db", "is no kind of store that can be read"),
        ("postgresql://host:port/db", "is no URI of a database"),
        ("sqlite://mlflow.db", "must look like sqlite:///FILE"),
        ("mssql://reader:secret@127.0.0.1/mlflow", "needs the driver"),
    ],
)
def test_what_is_no_store_is_refused_with_a_sentence(source: str, said: str, tmp_path: Path) -> None:
    done = run(source, "--event-log", f"sqlite:///{tmp_path / 'log.db'}")
    assert done.exit_code == 2
    assert said in done.output
    assert "secret" not in done.output


def test_a_map_of_roots_has_two_sides() -> None:
    done = run(FILES, "--map-root", "s3://old")
    assert done.exit_code == 2
    assert "must look like OLD=NEW" in done.output
