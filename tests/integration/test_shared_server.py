"""One server on shared stores, and the commands that read and rebuild what it keeps."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.eventually import AT_MOST_S
from tests.services.postgresql import execute
from tests.services.process_tree import descendants
from tests.systems import shared_stores
from tests.tracklog_server import REPOSITORY, TracklogServer

WITHIN_S = AT_MOST_S


@dataclass(frozen=True)
class SharedServer:
    """A running server and the environment that names its stores."""

    server: TracklogServer
    environment: dict[str, str]

    def post(self, path: str, **body: Any) -> Any:
        answer = requests.post(f"{self.server.url}/api/2.0/mlflow/{path}", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, path: str, **query: str) -> requests.Response:
        return requests.get(f"{self.server.url}{path}", params=query, timeout=30)

    def new_run(self) -> str:
        return str(self.post("runs/create", experiment_id="0")["run"]["info"]["run_id"])

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of Tracklog's on the same stores."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "TRACKLOG_"))}
        return subprocess.run(
            [sys.executable, "-m", "tracklog", *arguments],
            env={**inherited, "PYTHONPATH": str(REPOSITORY), **self.environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module", params=["postgresql", "kafka"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedServer]:
    """A server with its log in PostgreSQL or Kafka."""
    with ExitStack() as stack:
        environment = stack.enter_context(shared_stores(request, kafka=request.param == "kafka"))
        folder = tmp_path_factory.mktemp("shared")
        server = stack.enter_context(TracklogServer(folder, stores=(), environment=environment))
        yield SharedServer(server, environment)


def test_the_events_of_any_log_are_printed(shared: SharedServer) -> None:
    run_id = shared.new_run()
    shared.post("runs/set-tag", run_id=run_id, key="a", value="b")
    done = shared.command("events", "--stream", f"run/{run_id}")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["type"] for event in events] == ["run.created", "run.data-logged"]


def test_nothing_is_set_aside_by_itself(shared: SharedServer) -> None:
    done = shared.command("events", "--set-aside")
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_set_aside_in_a_database_is_listed(shared: SharedServer) -> None:
    place = "tracklog_read_model_1.set_aside"
    row = "7, 3, 'run/x', 'id', 'run.created', 'its fold raised ValueError()'"
    execute(shared.environment["MLFLOW_BACKEND_STORE_URI"], f"INSERT INTO {place} VALUES ({row})")
    try:
        done = shared.command("events", "--set-aside")
    finally:
        execute(shared.environment["MLFLOW_BACKEND_STORE_URI"], f"DELETE FROM {place}")
    assert json.loads(done.stdout) == {
        "partition": 7,
        "offset": 3,
        "stream": "run/x",
        "type": "run.created",
        "reason": "its fold raised ValueError()",
    }


def projector_child(shared: SharedServer) -> int:
    """The process id of the server's projector."""
    [child] = [
        pid for pid in descendants(shared.server.pid) if b"projector_child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    return child


def test_a_projector_child_that_is_killed_is_followed_by_another(shared: SharedServer) -> None:
    for _ in range(2):
        os.kill(projector_child(shared), 9)
        run_id = shared.new_run()
        deadline = time.monotonic() + WITHIN_S
        while (answer := shared.get("/api/2.0/mlflow/runs/get", run_id=run_id)).status_code != 200:
            assert time.monotonic() < deadline, answer.text
        while (told := shared.get("/ready").json()) != {"ready": True}:
            assert time.monotonic() < deadline, told
            time.sleep(0.05)


def test_no_password_is_in_the_command_line_of_the_child(shared: SharedServer) -> None:
    command_line = Path(f"/proc/{projector_child(shared)}/cmdline").read_bytes()
    assert b"postgresql://" not in command_line


def test_a_read_model_is_rebuilt_while_reads_and_writes_go_on(shared: SharedServer) -> None:
    run_id = shared.new_run()
    done = shared.command("rebuild", "--no-progress", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert "it was compared with the live one" in done.stderr
    assert shared.get("/api/2.0/mlflow/runs/get", run_id=run_id).status_code == 200
    assert shared.get("/api/2.0/mlflow/runs/get", run_id=shared.new_run()).status_code == 200


def test_a_server_starts_again_where_it_was_and_ends_with_zero(shared: SharedServer) -> None:
    run_id = shared.new_run()
    assert shared.server.stop() == 0
    shared.server.start()
    assert shared.get("/api/2.0/mlflow/runs/get", run_id=run_id).status_code == 200


def test_a_server_that_is_killed_leaves_no_projector_behind(shared: SharedServer) -> None:
    child = projector_child(shared)
    os.kill(shared.server.pid, 9)
    deadline = time.monotonic() + WITHIN_S
    while Path(f"/proc/{child}/cmdline").exists() and Path(f"/proc/{child}/cmdline").read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    shared.server.kill()
    shared.server.start()
    assert shared.get("/ready").json() == {"ready": True}
