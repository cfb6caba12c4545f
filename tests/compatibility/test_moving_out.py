"""What is exported is opened by MLflow, which answers of it what it answers of the store that it wrote itself."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.compatibility.mlflow_history import History, answers
from tests.compatibility.test_moving_in import RUNS, SEEDS, differences, uri_of

pytestmark = pytest.mark.filterwarnings("ignore")
"""MLflow's stores run in this process, and warn of their own code."""


def tracklog(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tracklog", *arguments], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def schema_of(path: Path) -> dict[str, Any]:
    """Of each table its columns, keys, indexes and what they refer to."""
    with closing(sqlite3.connect(path)) as database:

        def asked(pragma: str, name: str) -> list[Any]:
            return database.execute(f"PRAGMA {pragma}('{name}')").fetchall()

        found: dict[str, Any] = {}
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            columns = [(*row[1:4], str(row[4]).strip("'").upper(), row[5]) for row in asked("table_xinfo", table)]
            found[table] = {
                "columns": [(*row[:3], {"FALSE": "0", "TRUE": "1"}.get(row[3], row[3]), row[4]) for row in columns],
                "refers to": sorted(row[2:7] for row in asked("foreign_key_list", table)),
                "indexes": sorted(
                    (
                        [row[1], row[2], [one[2:4] for one in asked("index_xinfo", row[1])]]
                        for row in asked("index_list", table)
                    ),
                    key=str,
                ),
            }
    return found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["sqlite", "files", "database"])
def test_an_exported_history_is_answered_by_mlflow_as_its_own(
    kind: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.chdir(tmp_path)
    uri = uri_of(kind, tmp_path)
    written = MlflowClient(uri, uri)
    History(written, seed, files=kind == "files").write(RUNS)
    both = {"evaluated": kind == "database", "reviewed": kind == "database"}  # what no files have
    expected = answers(written, **both)

    ours = ["--backend-store-uri", f"sqlite:///{tmp_path / 'tracklog.db'}"]
    tracklog("import", uri, *ours)
    # From files to a database, from a database to files, and from a database to another.
    if kind == "sqlite":
        back = str(tmp_path / "back")
        told = tracklog("export", "mlruns", back, *ours)
    else:
        back = f"sqlite:///{tmp_path / 'back.db'}"
        told = tracklog("export", "--to", "mlflow-db", back, *ours)
    found = answers(MlflowClient(back, back), **both)
    if found_differences := list(differences(found, expected)):
        pytest.fail("\n".join([*found_differences, told]))
    if kind == "files":
        own = MlflowClient(f"sqlite:///{tmp_path / 'own.db'}")
        own.search_experiments()
        assert schema_of(tmp_path / "back.db") == schema_of(tmp_path / "own.db")
        back_client = MlflowClient(back, back)
        run = back_client.create_run(back_client.create_experiment("a new one"))
        back_client.log_metric(run.info.run_id, "goes on", 1.0)
