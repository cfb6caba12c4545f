"""A server under measurement: started on a free port with an empty folder, asked over HTTP, ended by pid."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench import process_tree
from bench.http_requests import API
from bench.servers import PROJECT, Server
from tests.services.ports import free_port

START_LIMIT_S = 120
STOP_LIMIT_S = 30
ANSWER_LIMIT_S = 300
POLL_S = 0.005
SETTLE_LIMIT_S = 60
SETTLE_WINDOW_S = 0.5
IDLE_SHARE = 0.1
"""Below this share of one core a server counts as idle; MLflow's workers keep looking for jobs."""


class UnexpectedAnswerError(Exception):
    """A server answered a request of ours with something else than 200."""


class ServerDidNotStartError(Exception):
    """A server ended or stayed silent at its start; the text ends with the last line it printed."""


class ServerProcess:
    """A running server. `folder` holds its data and `server.log`, its output."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.port = free_port()
        self.spawned_at = time.perf_counter()
        with (folder / "server.log").open("ab") as output:
            self._process = subprocess.Popen(
                server.command(self.port, folder),
                cwd=PROJECT if server.runs_in_project else folder,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_healthy(self, limit_s: float = START_LIMIT_S) -> float:
        """Seconds from the start of the process to the first 200 of /health."""
        return self._wait_for("/health", limit_s)

    def wait_until_searchable(self, limit_s: float = START_LIMIT_S) -> float:
        """Seconds from the start of the process to the first 200 of experiments/search."""
        return self._wait_for(f"{API}/experiments/search?max_results=10", limit_s)

    def get(self, route: str, query: list[tuple[str, str]]) -> Any:
        """The JSON answer to a GET below the API prefix."""
        return json.loads(self._request("GET", f"{API}/{route}?{urlencode(query)}", None))

    def post(self, route: str, body: dict[str, Any]) -> Any:
        """The JSON answer to a POST below the API prefix."""
        return json.loads(self._request("POST", f"{API}/{route}", json.dumps(body).encode()) or b"{}")

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The JSON answer to a request of any path."""
        return json.loads(self.raw(method, path, body) or b"{}")

    def raw(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        """The answer to a request of any path as it came."""
        return self._request(method, path, None if body is None else json.dumps(body).encode())

    def answers_behind(self, route: str, query: list[tuple[str, str]]) -> bool:
        """Whether the answer to a GET says that it may lack the latest writes, as Tracklog's does when it must."""
        headers, _ = self._ask("GET", f"{API}/{route}?{urlencode(query)}", None)
        return "X-Tracklog-Behind" in headers

    def settle(self) -> None:
        """Wait until the process tree is idle: what a server still starts would cost the first measure."""
        deadline = time.perf_counter() + SETTLE_LIMIT_S
        spent = sum(process_tree.cpu_seconds(self.pid).values())
        while time.perf_counter() < deadline:
            time.sleep(SETTLE_WINDOW_S)
            before, spent = spent, sum(process_tree.cpu_seconds(self.pid).values())
            if spent - before < IDLE_SHARE * SETTLE_WINDOW_S:
                return

    def stop(self) -> None:
        """Ask it to end and wait; end what is left of its process tree by force."""
        births = {pid: process_tree.birth(pid) for pid in process_tree.tree(self.pid)}
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            print(f"{self.server.title} did not end within {STOP_LIMIT_S} s of SIGTERM", flush=True)
            self._process.kill()
            self._process.wait()
        for pid, birth in births.items():
            if birth is not None and process_tree.birth(pid) == birth:
                os.kill(pid, signal.SIGKILL)

    def _last_line(self) -> str:
        lines = (self.folder / "server.log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "(no output)"

    def _wait_for(self, path: str, limit_s: float = START_LIMIT_S) -> float:
        deadline = time.perf_counter() + limit_s
        while time.perf_counter() < deadline:
            if self._process.poll() is not None:
                raise ServerDidNotStartError(f"{self.server.title} ended at start: {self._last_line()}")
            try:
                self._request("GET", path, None)
                return time.perf_counter() - self.spawned_at
            except (OSError, http.client.HTTPException, UnexpectedAnswerError):
                time.sleep(POLL_S)
        raise ServerDidNotStartError(f"{self.server.title} does not answer {path}: {self._last_line()}")

    def _request(self, method: str, path: str, body: bytes | None) -> bytes:
        return self._ask(method, path, body)[1]

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_LIMIT_S)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise UnexpectedAnswerError(f"{method} {path[:100]}: {answer.status} {content[:500]!r}")
        return answer.headers, content


@contextmanager
def running(server: Server, data_root: Path) -> Iterator[ServerProcess]:
    """A started and healthy server on an empty folder; ended and its folder removed at exit."""
    with empty_folder(server, data_root) as folder:
        process = ServerProcess(server, folder)
        try:
            process.wait_until_healthy()
            process.wait_until_searchable()
            process.settle()
            yield process
        finally:
            process.stop()


@contextmanager
def empty_folder(server: Server, data_root: Path) -> Iterator[Path]:
    """A folder for a server's data, removed at exit."""
    folder = Path(tempfile.mkdtemp(prefix=f"bench-{server.name}-", dir=data_root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
