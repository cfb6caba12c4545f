"""GET /ready of an embedded server is 200 only when a write would be acknowledged and become visible."""

import http.client
import json
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from read_model.sqlite_link import current
from tests.small_disk import fill, read_only, small_disk
from tests.tracklog_server import TracklogServer

WITHIN_S: Final = 60.0
"""For what takes a second or two on an idle machine."""


class Asking:
    """One connection that is kept, for a server that cannot take another."""

    def __init__(self, server: TracklogServer) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def close(self) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body)
        self._connection.request(method, path, data, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")

    def missing(self) -> dict[str, str]:
        """What the server says that it lacks."""
        status, told = self.ask("GET", "/ready")
        assert (status == 200) == told["ready"]
        missing: dict[str, str] = told.get("missing", {})
        return missing

    def log_metric(self, run_id: str, step: int = 0) -> tuple[int, Any]:
        body = {"run_id": run_id, "key": "m", "value": 1.0, "timestamp": 1, "step": step}
        return self.ask("POST", "/api/2.0/mlflow/runs/log-metric", body)

    def create_run(self) -> str:
        status, told = self.ask("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"})
        assert status == 200, told
        run_id: str = told["run"]["info"]["run_id"]
        return run_id


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TracklogServer]:
    with TracklogServer(tmp_path) as running:
        yield running


@pytest.fixture
def client(server: TracklogServer) -> Iterator[Asking]:
    with closing(Asking(server)) as asking:
        yield asking


def eventually(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, f"not within {WITHIN_S} s: {what}"
        time.sleep(0.05)


def projector_of(server: TracklogServer) -> int:
    """The process id of the projector child."""
    found: list[int] = []

    def is_there() -> bool:
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        found[:] = [int(one) for one in children if b"projector_child" in Path(f"/proc/{one}/cmdline").read_bytes()]
        return len(found) == 1

    eventually(is_there, "a projector child")
    return found[0]


def test_a_projector_that_is_suspended_is_told_and_goes_on(server: TracklogServer, client: Asking) -> None:
    assert client.missing() == {}
    projector = projector_of(server)
    os.kill(projector, signal.SIGSTOP)
    try:
        eventually(lambda: "does not answer" in client.missing().get("projector", ""), "told that it does not answer")
    finally:
        os.kill(projector, signal.SIGCONT)
    eventually(lambda: client.missing() == {}, "ready")


def test_a_projector_that_cannot_be_started_is_told_and_started_when_it_can(
    server: TracklogServer, client: Asking
) -> None:
    run_id = client.create_run()
    limits = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    descriptors = len(list(Path(f"/proc/{server.pid}/fd").iterdir()))
    projector = projector_of(server)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (descriptors - 2, limits[1]))
    os.kill(projector, signal.SIGKILL)
    eventually(
        lambda: "could not be started" in client.missing().get("projector", ""), "told that none could be started"
    )
    assert client.log_metric(run_id)[0] == 200
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limits)
    eventually(lambda: client.missing() == {}, "ready")
    _, told = client.ask("GET", f"/api/2.0/mlflow/runs/get?run_id={run_id}")
    assert [one["key"] for one in told["run"]["data"]["metrics"]] == ["m"]
    assert "Traceback" not in server.log_tail()


def test_a_full_disk_is_told_until_there_is_room(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk", "12m") as disk,
        TracklogServer(disk) as server,
        closing(Asking(server)) as client,
    ):
        run_id = client.create_run()
        assert client.missing() == {}
        filling = fill(disk)
        eventually(lambda: client.log_metric(run_id)[0] == 429, "a refused write")
        eventually(lambda: "full" in client.missing().get("event log", ""), "told that the log has no room")
        filling.unlink()
        eventually(lambda: client.missing() == {}, "ready")
        assert client.log_metric(run_id, 2)[0] == 200


def test_a_full_disk_of_the_read_model_alone_is_told_until_there_is_room(tmp_path: Path) -> None:
    place = tmp_path / "server"
    place.mkdir()
    server = TracklogServer(place)
    with small_disk(tmp_path / "disk", "2m") as disk:
        with server, closing(Asking(server)) as client:
            client.create_run()
        read_model = current(server.event_log_file)
        assert read_model is not None
        moved = read_model.rename(tmp_path / "moved")
        (disk / read_model.name).write_bytes(moved.read_bytes())
        link = server.event_log_file.with_name(server.event_log_file.name + ".read-model")
        link.unlink()
        link.symlink_to(disk / read_model.name)
        with server, closing(Asking(server)) as client:
            filling = fill(disk)
            eventually(lambda: "full" in client.missing().get("projector", ""), "told that the read model has no room")
            assert "event log" not in client.missing()
            run_id = client.create_run()
            assert client.log_metric(run_id)[0] == 200
            projector = projector_of(server)
            filling.unlink()
            eventually(lambda: client.missing() == {}, "ready")
            _, told = client.ask("GET", f"/api/2.0/mlflow/runs/get?run_id={run_id}")
            assert [one["key"] for one in told["run"]["data"]["metrics"]] == ["m"]
            assert projector_of(server) == projector
    assert "Traceback" not in server.log_tail()


def put_artifact(client: Asking) -> tuple[int, str]:
    """Status and error code of an upload."""
    status, told = client.ask("PUT", "/api/2.0/mlflow-artifacts/artifacts/0/a.txt", "content")
    return status, told.get("error_code", "")


def test_artifacts_that_cannot_be_stored_are_told_and_refused_with_why(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        server = TracklogServer(tmp_path / "server", options=("--artifacts-destination", str(disk / "artifacts")))
        with server, closing(Asking(server)) as client:
            assert client.missing() == {}
            assert put_artifact(client) == (200, "")
            with read_only(disk):
                assert put_artifact(client) == (403, "PERMISSION_DENIED")
                eventually(
                    lambda: "Read-only" in client.missing().get("artifact store", ""), "told that it is read-only"
                )
            eventually(lambda: client.missing() == {}, "ready")
            filling = fill(disk)
            assert put_artifact(client) == (507, "RESOURCE_EXHAUSTED")
            eventually(lambda: "No space" in client.missing().get("artifact store", ""), "told that it is full")
            assert set(client.missing()) == {"artifact store"}
            filling.unlink()
            eventually(lambda: client.missing() == {}, "ready")
            assert put_artifact(client) == (200, "")
        assert sorted(one.name for one in (disk / "artifacts").rglob("*") if one.is_file()) == ["a.txt"]


def test_a_missing_artifact_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    server = TracklogServer(tmp_path, options=("--artifacts-destination", str(tmp_path / "file" / "artifacts")))
    server.spawn()
    try:
        eventually(lambda: answers(server), "an answer")
        with closing(Asking(server)) as client:
            eventually(lambda: "artifact store" in client.missing(), "told that it cannot be written")
    finally:
        server.stop()


def answers(server: TracklogServer) -> bool:
    try:
        with closing(Asking(server)) as client:
            client.missing()
    except ConnectionError:
        return False
    return True
