"""The history of running servers: what was acknowledged is found, followed live, and found again after everything."""

import contextlib
import http.client
import json
import select
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any, Self

import pytest

from tests.eventually import wait_until
from tests.systems import running_system
from tests.tracklog_server import TracklogServer


def post(url: str, path: str, **body: Any) -> Any:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/api/2.0/mlflow/{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def history(url: str, query: str) -> Any:
    with urllib.request.urlopen(f"{url}/api/tracklog/v1/history?{query}", timeout=30) as answer:
        return json.load(answer)


def offsets(url: str, query: str) -> list[tuple[int, int]]:
    return [(event["partition"], event["offset"]) for event in history(url, query)["events"]]


def is_answered(url: str) -> bool:
    """Whether there is an index: until then a server says that it is being made."""
    try:
        history(url, "limit=1")
    except urllib.error.HTTPError as error:
        if error.code != 503:
            raise
        return False
    return True


def new_run(url: str) -> str:
    run_id: str = post(url, "runs/create", experiment_id="0")["run"]["info"]["run_id"]
    return run_id


def log_metric(url: str, run_id: str, step: int) -> None:
    post(url, "runs/log-metric", run_id=run_id, key="loss", value=0.5, timestamp=1, step=step)


class Listener:
    """Follows the history of a run in a thread, from a cursor on."""

    def __init__(self, url: str, run_id: str, cursor: str = "") -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
        headers = {"Last-Event-ID": cursor} if cursor else {}
        self._connection.request("GET", f"/api/tracklog/v1/history/stream?run_id={run_id}", headers=headers)
        self._socket = self._connection.sock
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200
        self.heard: Queue[tuple[str, Any]] = Queue()
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._answer.close()
        self._connection.close()

    def _listen(self) -> None:
        cursor = ""
        for line in self._lines():
            field, _, value = line.partition(": ")
            if field == "id":
                cursor = value
            if field == "data":
                self.heard.put((cursor, json.loads(value)))

    def _lines(self) -> Iterator[str]:
        try:
            for line in self._answer:
                yield line.decode().rstrip("\n")
        except (OSError, ValueError, http.client.HTTPException):
            return  # cut

    def steps(self, number: int) -> tuple[str, list[int]]:
        """The steps of the next so many points, and the cursor after them."""
        found = [self.heard.get(timeout=60) for _ in range(number)]
        return found[-1][0], [event["data"]["metrics"][0]["step"][0] for _, event in found]


@pytest.mark.service
@pytest.mark.parametrize("name", ["embedded", "postgresql", "distributed"])
def test_what_was_acknowledged_is_found_and_followed(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with running_system(name, tmp_path, request) as system:
        url = system.url
        run_id, other = new_run(url), new_run(url)
        post(url, "runs/set-tag", run_id=run_id, key="team", value="blue")
        with Listener(url, run_id) as listener:
            for step in range(5):
                log_metric(url, run_id, step)
                log_metric(url, other, step)
                assert len(offsets(url, f"run_id={run_id}")) == step + 3
            cursor, steps = listener.steps(5)
        assert steps == list(range(5))
        for step in range(5, 8):
            log_metric(url, run_id, step)
        with Listener(url, run_id, cursor) as listener:
            assert listener.steps(3)[1] == [5, 6, 7]
        (tagged,) = history(url, "field=tags.team&value=blue")["events"]
        assert (tagged["stream"], tagged["summary"]) == (f"run/{run_id}", 'logged tag team = "blue"')
        newest = history(url, "experiment_id=0&limit=7")
        rest = history(url, f"experiment_id=0&limit=1000&cursor={newest['next_cursor']}")
        assert rest["is_last"]
        times = [event["time"] for event in (*newest["events"], *rest["events"])]
        assert len(times) == 17
        assert times == sorted(times, reverse=True)
        assert (
            offsets(url, "experiment_id=0&order=oldest&limit=1000") == offsets(url, "experiment_id=0&limit=1000")[::-1]
        )


def test_a_server_that_is_killed_and_an_index_that_is_lost_lose_nothing(tmp_path: Path) -> None:
    server = TracklogServer(tmp_path)
    server.start()
    try:
        run_id = new_run(server.url)
        with Listener(server.url, run_id) as listener:
            log_metric(server.url, run_id, 0)
            cursor, _ = listener.steps(1)
            log_metric(server.url, run_id, 1)
            server.kill()
        server.start()
        log_metric(server.url, run_id, 2)
        with Listener(server.url, run_id, cursor) as listener:
            assert listener.steps(2)[1] == [1, 2]
        before = offsets(server.url, "limit=1000")
        index = server.data_dir / "tracklog.db.history"
        index.unlink()
        wait_until(index.exists)
        wait_until(lambda: is_answered(server.url))
        assert offsets(server.url, "limit=1000") == before
    finally:
        server.stop()


def test_the_command_asks_a_server_and_follows_it(tmp_path: Path) -> None:
    with TracklogServer(tmp_path) as server:
        run_id = new_run(server.url)
        log_metric(server.url, run_id, 0)
        command = (sys.executable, "-m", "tracklog", "events", "--url", server.url, "--run", run_id)
        table = subprocess.run((*command, "--format", "csv"), capture_output=True, text=True, check=True).stdout
        assert [line.split(",")[3] for line in table.splitlines()] == ["type", "run.created", "run.data-logged"]
        newest = subprocess.run((*command, "--order", "newest", "--limit", "1"), capture_output=True, check=True).stdout
        assert json.loads(newest)["type"] == "run.data-logged"
        with subprocess.Popen((*command, "--follow", "--limit", "2"), stdout=subprocess.PIPE) as following:
            assert following.stdout is not None
            step = 1
            while not select.select((following.stdout,), (), (), 0.2)[0]:  # it hears what comes once it listens
                log_metric(server.url, run_id, step)
                step += 1
            log_metric(server.url, run_id, step)
            heard = [json.loads(line)["data"]["metrics"][0]["step"][0] for line in following.stdout]
        assert len(heard) == 2
        assert heard[1] == heard[0] + 1
