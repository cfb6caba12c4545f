"""`tracklog export`, as an operator types it: a log in, a store of MLflow out."""

import asyncio
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from event_log.sqlite.event_log import SqliteEventLog
from schemas.envelope import Actor, EventClock
from schemas.events import AnyEvent, ExperimentCreated, ExperimentRenamed, MetricSeries, RunCreated, RunDataLogged
from tracklog.cli.commands import tracklog

RUN_ID = "a" * 32


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of a run in an experiment, which was renamed last."""
    events: list[AnyEvent] = [
        ExperimentCreated(experiment_id=1, name="train", artifact_location="mlflow-artifacts:/1"),
        RunCreated(run_id=RUN_ID, experiment_id=1, name="n", user_id="u", start_time_ms=1, artifact_uri="s3://old/1/a"),
        RunDataLogged(run_id=RUN_ID, metrics=[MetricSeries("loss", [0.5], [1], [0])]),
        ExperimentRenamed(experiment_id=1, name="tuned"),
    ]

    async def write() -> None:
        clock = EventClock(lambda: 10**15)
        with ThreadPoolExecutor(1) as executor:
            log = SqliteEventLog.open(tmp_path / "log.db", executor)
            await log.append([clock.stamp(event, Actor("ada", "", ""), "q") for event in events])
            await log.close()

    asyncio.run(write())
    return tmp_path / "log.db"


def export(log: Path, *words: str | Path) -> Result:
    return CliRunner().invoke(tracklog, ["export", *map(str, words), "--event-log", f"sqlite:///{log}"])


def rows(database: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql).fetchall()


def test_a_database_has_what_the_log_holds_and_the_report_says_how_much(log: Path, tmp_path: Path) -> None:
    target, report = tmp_path / "mlflow.db", tmp_path / "report.json"
    done = export(
        log, "--to", "mlflow-db", f"sqlite:///{target}", "--report", report, "--map-root", "s3://old=s3://new"
    )
    assert done.exit_code == 0, done.output
    assert rows(target, "SELECT name FROM experiments WHERE experiment_id = 1") == [("tuned",)]
    assert rows(target, "SELECT run_uuid, artifact_uri FROM runs") == [(RUN_ID, "s3://new/1/a")]
    assert rows(target, "SELECT key, value FROM metrics") == [("loss", 0.5)]
    document = json.loads(report.read_text())
    assert document["source"] == f"{log} as of 0:4"
    assert {"here": 1, "written": 1}.items() <= document["counts"]["runs"].items()
    assert [line.split()[:3] for line in done.stdout.splitlines() if line.startswith("runs ")] == [["runs", "1", "1"]]


@pytest.mark.parametrize(("moment", "name"), [("0:3", "train"), ("0:4", "tuned"), ("1s", "tuned")])
def test_it_may_be_what_there_was_at_a_moment(log: Path, tmp_path: Path, moment: str, name: str) -> None:
    target = tmp_path / "mlflow.db"
    done = export(log, "mlflow-db", target, "--as-of", moment)
    assert done.exit_code == 0, done.output
    assert rows(target, "SELECT name FROM experiments WHERE experiment_id = 1") == [(name,)]


def test_a_folder_is_a_store_of_files(log: Path, tmp_path: Path) -> None:
    target = tmp_path / "mlruns"
    done = export(log, "--to=mlruns", f"file://{target}")
    assert done.exit_code == 0, done.output
    assert 'name: "tuned"' in (target / "1" / "meta.yaml").read_text()
    assert (target / "1" / RUN_ID / "metrics" / "loss").read_text() == "1 0.5 0\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mlflow-db", "oracle://db"], "oracle:// is no database that can be written"),
        (["mlflow-db", "sqlite://"], "sqlite:// is no database that can be written"),
        (["mlflow-db", "postgresql://db:port/x"], "is no URI of a database"),
        (["mlflow-db", "{folder}/taken"], "taken"),
        (["mlruns", "{folder}/taken"], "taken"),
        (["mlflow-db", "{folder}/new", "--as-of", "0:9"], "0:9"),
        (["mlflow-db", "{folder}/new", "--as-of", "yesterday"], "--as-of"),
    ],
)
def test_what_cannot_be_written_is_refused_with_a_sentence(
    log: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    (tmp_path / "taken").write_text("Mine.")
    refused = export(log, *(word.format(folder=tmp_path) for word in words))
    assert refused.exit_code == 2, refused.output
    assert said in refused.stderr
    assert ((tmp_path / "taken").read_text(), (tmp_path / "new").exists()) == ("Mine.", False)


def test_without_a_log_there_is_nothing_to_export(tmp_path: Path) -> None:
    refused = export(tmp_path / "none.db", "mlflow-db", tmp_path / "new")
    assert (refused.exit_code, list(tmp_path.iterdir())) == (2, [])
