"""`tracklog import --to`, and of a running MLflow: one server is read, and another gets what it has."""

import json
from pathlib import Path
from typing import Any, Final

from click.testing import Result

from tests.unit.tracklog.cli.answering import Answering, Asked, answering, refusal
from tests.unit.tracklog.cli.test_import_store import FILES
from tracklog.cli.remote import MLFLOW_2, OURS

HISTORY: Final = f"GET {OURS}/history"
EVENTS: Final = f"POST {OURS}/events"
EMPTY: Final = {"events": [], "is_last": True}


def taken(asked: Asked) -> Any:
    """Every event is new."""
    return {"appended": len(asked.body["events"]), "there": 0, "there_ids": [], "refused": [], "versions": {}}


def import_to(server: Answering, source: str | Path, *words: str) -> Result:
    return server.run("import", str(source), "--to", server.url, *words)


def test_what_a_store_of_files_has_is_sent_to_a_running_tracklog() -> None:
    with answering({HISTORY: EMPTY, EVENTS: taken}) as server:
        done = import_to(server, FILES)
        assert done.exit_code == 0, done.output
        assert done.stdout.splitlines()[1] == "experiments         4         4    4     0"
        sent = [event["type"] for path, body in server.bodies if path == EVENTS for event in body["events"]]
        assert (sent.count("experiment.created"), sent.count("run.created")) == (4, 5)


def test_a_dry_run_sends_nothing() -> None:
    with answering({HISTORY: EMPTY}) as server:
        done = import_to(server, FILES, "--dry-run")
        assert done.exit_code == 0, done.output
        assert "would be there" in done.stdout
        assert {path for path, _ in server.bodies} == {HISTORY}


def test_a_running_mlflow_is_read_into_a_log(tmp_path: Path) -> None:
    answers = {
        f"POST {MLFLOW_2}/experiments/search": {"experiments": [{"experiment_id": "7", "name": "train"}]},
        f"POST {MLFLOW_2}/runs/search": {},
    }
    with answering(answers) as server:
        words = ["--event-log", f"sqlite:///{tmp_path / 'log.db'}", "--report", str(tmp_path / "report")]
        done = server.run("import", server.url, *words)
        assert done.exit_code == 0, done.output
        report = json.loads((tmp_path / "report").read_text())
        assert (report["source"], report["counts"]["experiments"]["new"]) == (server.url, 1)
        again = server.run("import", server.url, *words)
        assert again.exit_code == 0, again.output
        assert json.loads((tmp_path / "report").read_text())["counts"]["experiments"]["new"] == 0


def test_users_are_not_taken_by_a_running_tracklog(tmp_path: Path) -> None:
    with answering({}) as server:
        refused = import_to(server, FILES, "--auth-db", f"sqlite:///{tmp_path / 'auth.db'}")
        assert (refused.exit_code, server.asked) == (2, [])
        assert "--auth-db needs the log itself" in refused.stderr


def test_what_a_tracklog_refuses_ends_an_import_with_its_words() -> None:
    with answering({HISTORY: refusal(403, "Permission denied.")}) as server:
        refused = import_to(server, FILES)
        assert refused.exit_code == 2
        assert "Permission denied." in refused.stderr
