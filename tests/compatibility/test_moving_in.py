"""What the stock client wrote into MLflow's own stores is read from Tracklog as it is read from them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

import pytest
from mlflow import MlflowClient

from tests.compatibility.mlflow_history import History, answers
from tests.mlflow_server import mlflow_server
from tests.services.mariadb import MysqlDatabase
from tests.tracklog_server import TracklogServer

SEEDS: Final = range(int(os.environ.get("TRACKLOG_IMPORT_SEEDS", "1")))
"""How many histories are written into each kind of store; `make soak` asks for more."""

RUNS: Final = 8

pytestmark = pytest.mark.filterwarnings("ignore")
"""MLflow's stores run in this process, and warn of their own code."""


def uri_of(kind: str, folder: Path) -> str:
    """Where a history is written. What a server answers lies in a database."""
    return f"sqlite:///{folder / 'mlflow.db'}" if kind != "files" else str(folder / "mlruns")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["sqlite", "files", "server", pytest.param("mysql", marks=pytest.mark.soak)])
def test_an_imported_history_is_answered_as_by_mlflow(
    kind: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.chdir(tmp_path)
    uri = reader = uri_of(kind, tmp_path)
    if kind == "mysql":
        database: MysqlDatabase = request.getfixturevalue("mysql_database")
        uri, reader = database.url, database.reader
    theirs = MlflowClient(uri, uri)
    History(theirs, seed, files=kind == "files").write(RUNS)
    handed_over = {
        "traced": kind != "server",
        "evaluated": kind not in ("server", "files"),
        "reviewed": kind != "files",
    }
    expected = answers(theirs, **handed_over)
    server = TracklogServer(tmp_path / "tracklog")
    run_id = ""
    with mlflow_server(tmp_path, uri) if kind == "server" else nullcontext(reader) as source:
        if kind == "server":
            run_id = served_artifact(MlflowClient(source, source))
            expected = answers(theirs, **handed_over)
        done = imported(source, server, tmp_path)
    assert done.returncode == 0, done.stderr
    with server:
        ours = MlflowClient(server.url, server.url)
        found = answers(ours, **handed_over)
        if kind == "server":
            fetched = ours.download_artifacts(run_id, "notes/a b.txt", str(tmp_path))
            assert Path(fetched).read_text() == "served"
    if found_differences := list(differences(found, expected)):
        pytest.fail("\n".join([*found_differences, done.stdout]))


def imported(source: str, server: TracklogServer, folder: Path) -> subprocess.CompletedProcess[str]:
    """What came of an import; what the old server passes is copied, and only that."""
    command = [sys.executable, "-m", "tracklog", "import", source, "--report", str(folder / "report.json")]
    copying = ["--copy-artifacts", "--artifacts-destination", str(server.artifacts_dir)]
    return subprocess.run(
        [
            *command,
            "--backend-store-uri",
            f"sqlite:///{server.event_log_file}",
            *(copying if source.startswith("http") else []),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def served_artifact(client: MlflowClient) -> str:
    """A run with an artifact that went through the server."""
    run_id: str = client.create_run(client.create_experiment("served")).info.run_id
    client.log_text(run_id, "served", "notes/a b.txt")
    return run_id


def differences(found: Any, expected: Any, at: str = "") -> Iterator[str]:
    """Where two answers differ, and how."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in sorted({*found, *expected}, key=str):
            yield from differences(found.get(key), expected.get(key), f"{at}/{key}")
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for index, (one, other) in enumerate(zip(found, expected, strict=True)):
            yield from differences(one, other, f"{at}/{index}")
    elif found != expected:
        yield f"{at}: {found!r:.300} and not {expected!r:.300}"
