"""`tracklog shadow`, on its terminal: what it brings, what it waits for, and what ends it."""

import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import Result

from tests.unit.tracklog.cli.answering import Answering, Asked, Said, answering, refusal
from tracklog.cli import shadow
from tracklog.cli.remote import MLFLOW_2
from tracklog.cli.shadow import EVENTS
from tracklog.moving.export_report import ExportReport
from tracklog.moving.records import ExperimentRecord, RunRecord
from tracklog.moving.roots import Roots
from tracklog.moving.sqlite_target import SqliteTarget
from tracklog.shadowing.source import SqliteSource
from tracklog.shadowing.state import ShadowState

pytestmark = pytest.mark.slow

RUN_ID: Final = "a" * 32

DEFAULT: Final = {"experiments": [{"experiment_id": "0"}]}

NEW: Final = {
    f"POST {MLFLOW_2}/experiments/search": DEFAULT,
    f"POST {MLFLOW_2}/runs/search": {},
    f"POST {EVENTS}": {"refused": []},
}
"""What a new Tracklog answers."""


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """The command takes signals for itself, in a process that is its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "mlflow.db"
    experiment = ExperimentRecord(
        where="", key="7", experiment_id="7", name="train", artifact_location="s3://b/7", creation_time_ms=1
    )
    run = RunRecord(
        where="",
        run_id=RUN_ID,
        experiment_key="7",
        name="first",
        user_id="ada",
        status="FINISHED",
        start_time_ms=1,
        end_time_ms=2,
        artifact_uri="s3://b/7/a",
    )
    SqliteTarget(path, Roots((), None)).write(iter([experiment, run]), ExportReport("", "", dry_run=False))
    return path


@pytest.fixture
def database(made: Path, tmp_path: Path) -> Path:
    """A store of MLflow with an experiment and a run."""
    return Path(shutil.copyfile(made, tmp_path / "mlflow.db"))


def follow(server: Answering, database: Path, *words: str) -> Result:
    state = ["--state", str(database.with_name("state.db"))]
    return server.run("shadow", str(database), "--to", server.url, *state, "--every", "0.1", *words)


def brought(server: Answering) -> list[str]:
    """The types of the events that were sent, of all requests."""
    return [event["type"] for path, body in server.bodies if path == f"POST {EVENTS}" for event in body["events"]]


def in_turn(*answers: Any) -> Callable[[Asked], Any]:
    """One answer after the other, the last of them again and again."""
    left = list(answers)
    return lambda asked: left.pop(0) if len(left) > 1 else left[0]


def test_a_shadow_brings_what_there_is_and_once_ends_there(database: Path) -> None:
    with answering(NEW) as server:
        done = follow(server, database, "--once")
        assert (done.exit_code, done.stderr) == (0, "")
        types = brought(server)
        assert types[0] == "experiment.created"
        assert "run.created" in types
        assert done.stdout.endswith(f"  {len(types)} events\n")
        again = follow(server, database, "--once")
        assert (again.exit_code, again.stdout, brought(server)) == (0, "", types)


def test_it_says_when_it_has_caught_up_with_more_than_a_round(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracklog.shadowing.following.POINTS_PER_ROUND", 1)
    with closing(sqlite3.connect(database)) as connection:
        for step in range(3):
            connection.execute(
                "INSERT INTO metrics (run_uuid, key, value, timestamp, step) VALUES (?, 'loss', 1.0, 1, ?)",
                (RUN_ID, step),
            )
        connection.commit()
    with answering(NEW) as server:
        done = follow(server, database, "--once")
        assert done.exit_code == 0, done.output
        assert done.stdout.splitlines()[-1].endswith("everything is here")
        assert brought(server).count("run.data-logged") == 3


def test_once_looks_at_every_run_as_tags_are_set_again_without_a_hint(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracklog.shadowing.following.SWEPT_PER_ROUND", 1)
    copied = "INSERT INTO runs SELECT {columns} FROM runs WHERE run_uuid = ?"
    with closing(sqlite3.connect(database)) as connection:
        names = [name for _, name, *_ in connection.execute("PRAGMA table_info(runs)")]
        for run_id in ("b" * 32, "c" * 32):
            columns = ", ".join(f"'{run_id}'" if name == "run_uuid" else name for name in names)
            connection.execute(copied.format(columns=columns), (RUN_ID,))
            connection.execute("INSERT INTO tags (run_uuid, key, value) VALUES (?, 't', 'v')", (run_id,))
        connection.commit()
        with answering(NEW) as server:
            follow(server, database, "--once")
            connection.execute("UPDATE tags SET value = 'w' WHERE key = 't'")
            connection.commit()
            server.asked.clear()
            assert follow(server, database, "--once").exit_code == 0
            events = [event for path, body in server.bodies if path == f"POST {EVENTS}" for event in body["events"]]
            assert sorted((event["data"]["run_id"], event["data"]["tags"]) for event in events) == [
                (run_id, [{"key": "t", "value": "w"}]) for run_id in ("b" * 32, "c" * 32)
            ]


@pytest.mark.parametrize("source", ["sqlite:///{}", "{}"])
def test_a_source_is_named_as_mlflow_names_it_or_by_its_path(database: Path, source: str) -> None:
    with answering(NEW) as server:
        named = source.format(database)
        state = str(database.with_name("state.db"))
        done = server.run("shadow", named, "--to", server.url, "--state", state, "--once")
        assert done.exit_code == 0, done.output
        sent = [body["source"] for path, body in server.bodies if path == f"POST {EVENTS}"]
        assert set(sent) == {f"sqlite:///{database}"}


def test_what_a_tracklog_cannot_take_just_now_waits_and_is_told_of_once(database: Path) -> None:
    away = refusal(503, "starting")
    with answering({**NEW, f"POST {EVENTS}": in_turn(away, away, {"refused": []})}) as server:
        done = follow(server, database, "--once")
        assert done.exit_code == 0, done.output
        state = database.with_name("state.db")
        assert done.stderr == f"The Tracklog answers 503 just now. What is new waits in {state}.\n"
        bodies = [body for path, body in server.bodies if path == f"POST {EVENTS}"]
        assert bodies[0] == bodies[1] == bodies[2]


def test_an_event_that_is_not_taken_is_told_of_and_the_others_come(database: Path) -> None:
    def takes_no_run(asked: Asked) -> Any:
        types = [one["type"] for one in asked.body["events"]]
        return refusal(400, "no runs") if "run.created" in types else {"refused": []}

    with answering({**NEW, f"POST {EVENTS}": takes_no_run}) as server:
        done = follow(server, database, "--once")
        assert done.exit_code == 0
        [line] = done.stderr.splitlines()
        assert line.startswith("not taken: The Tracklog does not take what is new: no runs: ")
        assert "run.created" in line


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (refusal(403, "Permission denied."), "Permission denied."),
        (Said(b"You are not authenticated.", 401), "You are not authenticated."),
        (Said(b"", 404), "404"),
        (Said(b"<html>", 200), "<html>"),
        (Said(b"[]", 200), "[]"),
    ],
)
def test_a_tracklog_that_takes_nothing_ends_a_shadow_with_its_words(database: Path, answer: Said, said: str) -> None:
    with answering({**NEW, f"POST {EVENTS}": answer}) as server:
        done = follow(server, database, "--once")
        assert done.exit_code == 1
        assert done.stderr == f"Error: The Tracklog does not take what is new: {said}\n"


@pytest.mark.parametrize(
    "holds",
    [
        {f"POST {MLFLOW_2}/experiments/search": {"experiments": [{}, {}]}},
        {f"POST {MLFLOW_2}/runs/search": {"runs": [{}]}},
    ],
)
def test_a_shadow_begins_with_a_new_tracklog(database: Path, holds: dict[str, Any]) -> None:
    with answering({**NEW, **holds}) as server:
        refused = follow(server, database, "--once")
        assert (refused.exit_code, brought(server)) == (2, [])
        assert "a shadow needs a new one" in refused.stderr


def test_a_round_that_the_source_breaks_off_is_begun_anew(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[str] = []
    glance = SqliteSource.glance

    def busy_once(source: SqliteSource) -> Iterator[tuple[str, int]]:
        rounds.append("")
        if len(rounds) == 1:
            from tracklog.moving.database_rows import errors_of_sqlite

            with errors_of_sqlite():
                raise sqlite3.OperationalError("database is locked")
        return glance(source)

    monkeypatch.setattr(SqliteSource, "glance", busy_once)
    with answering(NEW) as server:
        done = follow(server, database, "--once")
        assert done.exit_code == 0, done.output
        assert done.stderr == f"sqlite:///{database} cannot be read just now: database is locked.\n"
        types = brought(server)
        assert (types.count("experiment.created"), types.count("run.created")) == (1, 1)


def test_a_source_that_is_damaged_meanwhile_ends_a_shadow(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(_source: SqliteSource) -> Any:
        from tracklog.moving.database_rows import errors_of_sqlite

        with errors_of_sqlite():
            raise sqlite3.DatabaseError("malformed")

    monkeypatch.setattr(SqliteSource, "experiments", damaged)
    with answering(NEW) as server:
        done = follow(server, database, "--once")
        assert (done.exit_code, done.stderr) == (1, f"Error: sqlite:///{database} cannot be read: malformed.\n")


def test_a_state_that_cannot_be_written_ends_a_shadow(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(ShadowState, "send", full)
    with answering(NEW) as server:
        done = follow(server, database, "--once")
        state = database.with_name("state.db")
        said = f"Error: {state} cannot be written: database or disk is full.\n"
        assert (done.exit_code, done.stderr, brought(server)) == (1, said, [])


def test_a_signal_ends_a_shadow(database: Path) -> None:
    def stops(_asked: Asked) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return {"refused": []}

    with answering({**NEW, f"POST {EVENTS}": stops}) as server:
        done = follow(server, database)
        assert done.exit_code == 0, done.output
        assert "run.created" in brought(server)


def test_a_state_is_of_one_source_and_one_target(database: Path) -> None:
    with answering(NEW) as server:
        state = database.with_name("state.db")
        ShadowState(state, f"sqlite:///{database}", "http://other").close()
        refused = follow(server, database)
        assert (refused.exit_code, server.asked) == (2, [])
        assert "whose target is http://other" in refused.stderr
        state.write_bytes(b"no database at all" * 100)
        refused = follow(server, database)
        assert (refused.exit_code, server.asked) == (2, [])
        assert f"{state} cannot be used: file is not a database." in refused.stderr


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("mysql://db/mlflow", "only databases of SQLite and PostgreSQL are followed"),
        ("none.db", "cannot be read: unable to open database file"),
        ("empty.db", "It has no tables of MLflow: experiments, runs and metrics."),
        ("text.db", "cannot be read: file is not a database"),
    ],
)
def test_what_is_no_database_of_mlflow_is_refused(tmp_path: Path, source: str, said: str) -> None:
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_text("Not a database, but longer than the head of one. " * 10)
    named = source if "://" in source else str(tmp_path / source)
    with answering(NEW) as server:
        refused = server.run("shadow", named, "--to", server.url, "--state", str(tmp_path / "state.db"))
        assert (refused.exit_code, server.asked) == (2, [])
        assert said in refused.stderr


# --- comparing --------------------------------------------------------------------------------------------------------


def test_two_servers_that_answer_the_same_are_equal() -> None:
    with answering(NEW) as theirs, answering(NEW) as ours:
        done = ours.run("shadow", theirs.url, "--compare", "--to", ours.url)
        assert (done.exit_code, done.stderr) == (0, "")
        assert done.stdout.startswith("equal since ")
        reads = [one for one in ours.asked if one.path != EVENTS]
        assert done.stdout.endswith(f": {len(reads)} reads\n")


@pytest.fixture
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "_ASKED_AGAIN_S", 0.0)
    monkeypatch.setattr(shadow, "_WATCH_S", 0.0)


@pytest.mark.usefixtures("without_waiting")
def test_where_they_differ_each_difference_is_a_line_and_the_exit_code_1(tmp_path: Path) -> None:
    reads = tmp_path / "reads"
    reads.write_text('{"path": "a", "query": {"x": "1"}}\n{"path": "b"}\n{"path": "c"}\n')
    here = {"GET a": {"n": 1}, "GET b": Said(b"<html>"), "GET c": refusal(400, "other words", "BAD")}
    there = {"GET a": {"n": 2}, "GET b": {"n": 1}, "GET c": refusal(400, "words", "BAD")}
    with answering({**NEW, **there}) as theirs, answering({**NEW, **here}) as ours:
        done = ours.run("shadow", theirs.url, "--compare", "--to", ours.url, "--reads", str(reads), "--runs", "0")
        assert done.exit_code == 1
        *lines, last = done.stdout.splitlines()
        assert lines == [
            'a {"x": "1"}: n is 1 here and 2 there',
            "b {}: n is nothing here and 1 there",
            "b {}: status is 200 here and nothing there",
        ]
        assert last.endswith(f"3 differences in {len(ours.asked) - 6} reads, 6 times asked again")


@pytest.mark.usefixtures("without_waiting")
def test_it_watches_until_a_signal_and_tells_since_when_they_are_equal() -> None:
    asked: list[int] = []

    def experiments(_asked: Asked) -> Any:
        asked.append(0)
        if len(asked) == 8:
            os.kill(os.getpid(), signal.SIGINT)
        return {"experiments": [{"experiment_id": "0", "name": "other"}]} if len(asked) <= 4 else DEFAULT

    with answering(NEW) as theirs, answering({**NEW, f"POST {MLFLOW_2}/experiments/search": experiments}) as ours:
        done = ours.run("shadow", theirs.url, "--compare", "--watch", "--to", ours.url)
        assert done.exit_code == 0
        lines = [line for line in done.stdout.splitlines() if "name is" not in line]
        assert "1 differences" in lines[0]
        assert {line[:12] for line in lines[1:]} == {"equal since "}
        assert len({line[12:32] for line in lines[1:]}) == 1


@pytest.mark.parametrize("text", ["[]", "{"])
def test_recorded_reads_that_are_none_are_bad_usage(tmp_path: Path, text: str) -> None:
    reads = tmp_path / "reads"
    reads.write_text(text)
    with answering(NEW) as server:
        refused = server.run("shadow", server.url, "--compare", "--to", server.url, "--reads", str(reads))
        assert (refused.exit_code, server.asked) == (2, [])
        assert f"--reads {reads}: " in refused.stderr


def test_events_are_sent_with_the_moment_at_which_they_happened(database: Path) -> None:
    with answering(NEW) as server:
        follow(server, database, "--once")
        [body] = [body for path, body in server.bodies if path == f"POST {EVENTS}"]
        [created] = [one for one in body["events"] if one["type"] == "run.created"]
        assert created["time"].startswith("1970-01-01T00:00:00.001")
        assert json.dumps(created["data"]).count(RUN_ID) == 1
