"""What the stock client wrote into MLflow's own stores is read from Tracklog as it is read from them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from mlflow import MlflowClient

from tests.compatibility.mlflow_history import History, answers
from tests.tracklog_server import TracklogServer

SEEDS: Final = range(int(os.environ.get("TRACKLOG_IMPORT_SEEDS", "1")))
"""How many histories are written into each kind of store; `make soak` asks for more."""

RUNS: Final = 8

pytestmark = pytest.mark.filterwarnings("ignore")
"""MLflow's stores run in this process, and warn of their own code."""


def uri_of(kind: str, folder: Path) -> str:
    return f"sqlite:///{folder / 'mlflow.db'}" if kind == "sqlite" else str(folder / "mlruns")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["sqlite", "files"])
def test_an_imported_history_is_answered_as_by_mlflow(
    kind: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.chdir(tmp_path)
    uri = uri_of(kind, tmp_path)
    theirs = MlflowClient(uri, uri)
    History(theirs, seed, files=kind == "files").write(RUNS)
    expected = answers(theirs)

    server = TracklogServer(tmp_path / "tracklog")
    command = [sys.executable, "-m", "tracklog", "import", uri]
    done = subprocess.run(
        [*command, "--backend-store-uri", f"sqlite:///{server.event_log_file}"],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr
    with server:
        found = answers(MlflowClient(server.url, server.url))
    if found_differences := list(differences(found, expected)):
        pytest.fail("\n".join([*found_differences, done.stdout]))


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
