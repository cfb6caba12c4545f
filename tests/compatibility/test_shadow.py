"""A shadow of a real MLflow server that clients write to, killed on its way, comes to answer as that server does."""

import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.compatibility.mlflow_history import History, answers
from tests.compatibility.test_moving_in import RUNS, differences
from tests.mlflow_server import mlflow_server
from tests.tracklog_server import TracklogServer

pytestmark = pytest.mark.filterwarnings("ignore")


@contextmanager
def shadowed(command: list[str]) -> Iterator[None]:
    """A shadow as long as the context lasts, killed at each of its reports, and started again."""
    stopping = threading.Event()
    shadows: list[subprocess.Popen[str]] = []

    def keep_running() -> None:
        while not stopping.is_set():
            shadow = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            shadows.append(shadow)
            assert shadow.stdout is not None
            for _ in itertools.islice(shadow.stdout, 2):
                pass
            shadow.kill()
            shadow.communicate()

    thread = threading.Thread(target=keep_running)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        while thread.is_alive():
            shadows[-1].kill()
            thread.join(0.1)


def test_a_shadow_that_is_killed_again_and_again_becomes_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.chdir(tmp_path)
    database = tmp_path / "mlflow.db"
    with mlflow_server(tmp_path, f"sqlite:///{database}") as theirs, TracklogServer(tmp_path / "tracklog") as ours:
        tracklog = [sys.executable, "-m", "tracklog", "shadow"]
        follow = [*tracklog, f"sqlite:///{database}", "--to", ours.url, "--state", str(tmp_path / "state.db")]
        client = MlflowClient(theirs, theirs)
        history = History(client, 3, files=False)
        with shadowed([*follow, "--every", "0.1"]):
            history.write(RUNS)
            run_id = history.changes()
        done = subprocess.run([*follow, "--once"], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr

        # What it does not follow, an import brings: nothing of it a second time.
        fetch = [sys.executable, "-m", "tracklog", "import", f"sqlite:///{database}", "--to", ours.url]
        for _ in range(2):
            done = subprocess.run(fetch, capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode == 0, done.stderr
        kinds = ("traces", "evaluation datasets", "reviews")
        expected, found = answers(client), answers(MlflowClient(ours.url, ours.url))
        assert list(differences({one: found[one] for one in kinds}, {one: expected[one] for one in kinds})) == []

        compare = [*tracklog, theirs, "--compare", "--to", ours.url]
        equal = subprocess.run(compare, capture_output=True, text=True, timeout=120, check=False)
        assert (equal.returncode, equal.stdout[:11]) == (0, "equal since"), equal.stdout

        client.set_tag(run_id, "not", "followed")
        reads = tmp_path / "reads"
        reads.write_text(f'{{"path": "api/2.0/mlflow/runs/get", "query": {{"run_id": "{run_id}"}}}}\n')
        other = subprocess.run(
            [*compare, "--reads", str(reads), "--runs", "0"], capture_output=True, text=True, timeout=120, check=False
        )
        assert other.returncode == 1
        assert f'runs/get {{"run_id": "{run_id}"}}: run.data.tags' in other.stdout
