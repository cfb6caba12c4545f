"""Rules of the server as an operator meets it: how it starts, what it refuses, how it ends."""

import http.client
import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from schemas.rest.route import Route
from tests.eventually import AT_MOST_S, wait_until
from tests.services.ports import free_port
from tests.services.process_tree import descendants
from tests.tracklog_server import TracklogServer
from tracklog.serving.process import DRAIN_S
from tracklog.web.unbuilt import unbuilt_routes

Start = Callable[..., TracklogServer]

EXIT_WITHIN_S = AT_MOST_S


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts servers, each in a folder of its own, and stops them after the test."""
    with ExitStack() as running:

        def started(*options: str, folder: str = "server") -> TracklogServer:
            place = tmp_path / folder
            place.mkdir(exist_ok=True)
            return running.enter_context(TracklogServer(place, options=options))

        yield started


def ask(server: TracklogServer, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    """Status and body of one request."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(server.url + path, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def refused_start(tmp_path: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and error output of a server that is not to start."""
    done = subprocess.run(
        [sys.executable, "-m", "tracklog", "server", "--port", "0", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=EXIT_WITHIN_S,
        check=False,
    )
    return done.returncode, done.stderr


# Starting


def test_a_second_server_on_one_log_refuses_to_start(start: Start, tmp_path: Path) -> None:
    server = start()
    code, said = refused_start(tmp_path, "--backend-store-uri", f"sqlite:///{server.event_log_file}")
    assert code != 0
    assert "in use by another server" in said
    assert said.count("\n") == 1
    assert ask(server, "GET", "/health") == (200, b"OK")


def test_a_port_that_is_taken_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, said = refused_start(tmp_path, "--port", str(taken.getsockname()[1]))
    assert code != 0
    assert "choose another --port" in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"just notes", b"", None])
def test_a_file_that_is_no_log_is_refused_untouched(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "other.db"
    if content is None:
        with sqlite3.connect(file) as other:
            other.execute("CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT)")
        other.close()
    elif content:
        file.write_bytes(content)
    else:
        file.mkdir()
    before = None if file.is_dir() else file.read_bytes()
    code, said = refused_start(tmp_path, "--backend-store-uri", str(file))
    assert code != 0
    assert said.startswith("Error: ")
    assert said.count("\n") == 1
    assert (None if file.is_dir() else file.read_bytes()) == before
    assert [path.name for path in tmp_path.iterdir()] == ["other.db"]


@pytest.mark.parametrize("place", ["/proc/nowhere/log.db", "/dev/null/log.db"])
def test_a_place_where_no_log_can_be_made_is_told_in_a_sentence(tmp_path: Path, place: str) -> None:
    code, said = refused_start(tmp_path, "--backend-store-uri", f"sqlite:///{place}")
    assert code == 1
    assert said.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in said


def test_a_start_costs_each_process_little_beside_its_imports(start: Start) -> None:
    """By what a processor does, and not by a clock: the machine may be slow, and busy with other things."""
    before = time_of_children_s()
    subprocess.run([sys.executable, "-c", "import tracklog.embedded.server, tracklog.web.app"], check=True)
    imports_s = time_of_children_s() - before
    server = start()
    processes = (server.pid, *descendants(server.pid))
    assert sum(map(cpu_s, processes)) < 3 * imports_s * len(processes)


def time_of_children_s() -> float:
    """How long processes that this one has waited for were at work."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def cpu_s(pid: int) -> float:
    """How long a process has been at work."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# What is served


def endpoints(routes: list[Route]) -> list[tuple[str, str]]:
    """Method and an example path of every endpoint."""
    return [
        (route.method, prefix + route.path.replace(":.+}", "}").replace("{", "").replace("}", ""))
        for route in routes
        for prefix in route.prefixes
    ]


def test_every_route_of_mlflow_answers(start: Start) -> None:
    server = start("--no-access-log")
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    not_there = []
    for method, path in endpoints(unbuilt_routes()):
        connection.request(method, path, body=b"{}", headers={"Content-Type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status in (404, 405) and b"ENDPOINT_NOT_FOUND" in body:
            not_there.append((method, path))
    connection.close()
    assert not_there == []


def test_metrics_tell_of_requests_and_of_the_log(start: Start) -> None:
    server = start()
    assert ask(server, "POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"})[0] == 200
    status, text = ask(server, "GET", "/metrics")
    assert status == 200
    lines = text.decode().splitlines()
    counted = 'tracklog_http_responses_total{method="POST",route="/api/2.0/mlflow/runs/create",status="200"} 1.0'
    assert counted in lines
    (end,) = [line for line in lines if line.startswith('tracklog_log_end_offset{partition="0"}')]
    assert float(end.split()[-1]) == 2  # the default experiment and the run


def test_an_event_carries_the_request_id_and_the_user_agent(start: Start) -> None:
    server = start()
    headers = {"X-Request-Id": "job-7", "User-Agent": "curl/8"}
    assert ask(server, "POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"}, **headers)[0] == 200
    command = [sys.executable, "-m", "tracklog", "events", "--type", "run.created"]
    done = subprocess.run(
        [*command, "--backend-store-uri", f"sqlite:///{server.event_log_file}"],
        capture_output=True,
        text=True,
        check=True,
    )
    (event,) = map(json.loads, done.stdout.splitlines())
    assert event["request_id"] == "job-7"
    assert event["actor"] == {"user": "anonymous", "address": "127.0.0.1", "user_agent": "curl/8"}


def test_everything_is_below_a_static_prefix(start: Start, tmp_path: Path) -> None:
    # The helper that starts servers asks /ready, so that the bare path must not be what tells it is up.
    server = TracklogServer(tmp_path, options=("--static-prefix", "/ml"))
    server.spawn()
    try:
        deadline = time.monotonic() + AT_MOST_S
        while time.monotonic() < deadline:
            try:
                if ask(server, "GET", "/ml/health") == (200, b"OK"):
                    break
            except urllib.error.URLError:
                time.sleep(0.05)
        assert ask(server, "GET", "/ml/version")[0] == 200
        assert ask(server, "POST", "/ml/api/2.0/mlflow/runs/create", {"experiment_id": "0"})[0] == 200
        assert ask(server, "PUT", "/ml/api/2.0/mlflow-artifacts/artifacts/0/a.txt", b"bytes")[0] == 200
        assert ask(server, "GET", "/ml/ajax-api/2.0/mlflow-artifacts/artifacts/0/a.txt") == (200, b"bytes")
        assert ask(server, "GET", "/health")[0] == 404
        assert ask(server, "GET", "/ml")[0] == 200  # 308 to /ml/, the page
    finally:
        server.stop()


def test_a_server_without_artifacts_says_so(start: Start) -> None:
    server = start("--no-serve-artifacts")
    assert ask(server, "PUT", "/api/2.0/mlflow-artifacts/artifacts/a.txt", b"bytes")[0] == 503
    status, body = ask(server, "GET", "/api/2.0/mlflow/experiments/get?experiment_id=0")
    assert status == 200
    assert json.loads(body)["experiment"]["artifact_location"] == f"file://{server.artifacts_dir}/0"


def test_artifacts_only_passes_artifacts_and_nothing_else(start: Start) -> None:
    server = start("--artifacts-only")
    assert ask(server, "PUT", "/api/2.0/mlflow-artifacts/artifacts/a.txt", b"bytes")[0] == 200
    assert ask(server, "GET", "/api/2.0/mlflow-artifacts/artifacts/a.txt") == (200, b"bytes")
    for method, path in (
        ("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0"),
        ("POST", "/api/2.0/mlflow/runs/create"),
        ("POST", "/graphql"),
        ("GET", "/"),
    ):
        assert ask(server, method, path, {} if method == "POST" else None)[0] == 503
    assert not server.event_log_file.exists()
    assert ask(server, "GET", "/metrics")[0] == 200


# Ending


def refuses_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_server_that_is_told_to_stop_answers_what_is_under_way(start: Start) -> None:
    server = start()
    body = json.dumps({"experiment_id": "0"}).encode()
    head = b"POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with (
        socket.create_connection(("127.0.0.1", server.port)) as late,
        socket.create_connection(("127.0.0.1", server.port)),
    ):
        late.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body[:5])
        under_way = b"\ntracklog_http_requests_in_flight 2.0\n"  # that one, and the one that asks
        wait_until(lambda: under_way in ask(server, "GET", "/metrics")[1])
        subprocess.run(["kill", "-TERM", str(server.pid)], check=True)
        wait_until(lambda: refuses_connections(server.port))
        late.sendall(body[5:])
        late.settimeout(10)
        assert late.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert server.wait(EXIT_WITHIN_S) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_ends_at_once(start: Start, number: signal.Signals) -> None:
    server = start()
    with socket.create_connection(("127.0.0.1", server.port)) as idle:
        idle.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(1000).startswith(b"HTTP/1.1 200 ")
        subprocess.run(["kill", f"-{number.value}", str(server.pid)], check=True)
        assert server.wait(DRAIN_S) == 0  # it did not wait for the connection


def test_a_signal_to_every_process_lets_the_projector_finish_first(start: Start) -> None:
    server = start()
    assert ask(server, "POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"})[0] == 200
    os.killpg(server.pid, signal.SIGTERM)
    assert server.wait(EXIT_WITHIN_S) == 0
    assert "the projector ended" not in server.log_tail()


def test_what_is_said_is_json_and_the_access_log_is_apart(tmp_path: Path) -> None:
    port = free_port()
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "tracklog", "server", "--port", str(port)], cwd=tmp_path, stdout=out, stderr=err
        )
        try:
            for _ in range(300):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close()
                    break
                except urllib.error.URLError:
                    time.sleep(0.1)
        finally:
            process.terminate()
            assert process.wait(EXIT_WITHIN_S) == 0
    (line,) = map(json.loads, (tmp_path / "out").read_text().splitlines())
    assert (line["method"], line["path"], line["status"]) == ("GET", "/health", 200)
    said = (tmp_path / "err").read_text()
    assert f"export MLFLOW_TRACKING_URI=http://127.0.0.1:{port}" in said
    assert (tmp_path / "tracklog-data" / "tracklog.db").exists()
