"""All attacks at once on a real server: it stays small, answers the honest, and is afterwards as it was before.

`make abuse-test` runs it for minutes (TRACKLOG_ABUSE_S); in `make test` it takes seconds.
"""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.tracklog_server import REPOSITORY, TracklogServer

ATTACK_S: Final = float(os.environ.get("TRACKLOG_ABUSE_S", "20"))

MOST_MIB: Final = 300
"""Of all processes of the server together, shared pages counted once."""

LEFT_OVER_MIB: Final = 60
"""What the allocator may keep of the worst moment, and what the first requests of every kind load."""

QUIET_S: Final = 90.0
TRY_S: Final = 60.0
"""How long an honest request may take with all its repeats, on a machine that the attack keeps busy too."""

API: Final = "/api/2.0/mlflow"


def processes(pid: int) -> list[int]:
    """A process and those below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in processes(int(child)))]


def memory_mib(server: TracklogServer) -> float:
    """The proportional set size of all processes of the server."""
    total = 0
    for pid in processes(server.pid):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        [line] = [line for line in rollup.splitlines() if line.startswith("Pss:")]
        total += int(line.split()[1])
    return total / 1024


def open_files(server: TracklogServer) -> int:
    return len(os.listdir(f"/proc/{server.pid}/fd"))


class Honest:
    """A client that does what MLflow's does: repeats what it is told to repeat, when it is told to."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: http.client.HTTPConnection | None = None
        self.answers: Counter[int] = Counter()

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The body of the answer with 200, after as many repeats as it takes in TRY_S."""
        deadline = time.monotonic() + TRY_S
        while True:
            status, retry_after, answer = self._once(method, path, body)
            self.answers[status] += 1
            if status == 200:
                return answer
            assert status in (0, 408, 429, 503, 504), (method, path, status, answer[:300])
            assert status == 0 or retry_after is not None, (status, answer[:300])
            assert time.monotonic() < deadline, (method, path, self.answers)
            time.sleep(float(retry_after or 0.2))

    def post(self, path: str, body: object) -> bytes:
        return self.ask("POST", f"{API}/{path}", json.dumps(body).encode())

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _once(self, method: str, path: str, body: bytes | None) -> tuple[int, str | None, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TRY_S)
        try:
            self._connection.request(method, path, body, {"Content-Type": "application/json"})
            # Of an answer that ends its connection nobody else closes the socket when it breaks off.
            with self._connection.getresponse() as answer:
                return answer.status, answer.headers.get("Retry-After"), answer.read()
        except (ConnectionError, http.client.HTTPException):
            self._connection.close()
            self._connection = None
            return 0, None, b""


def fat_run(honest: Honest) -> str:
    """A run whose answer is some megabytes long."""
    run_id = new_run(honest)
    for part in range(5):
        tags = [{"key": f"fat-{part}-{number}", "value": "f" * 8000} for number in range(100)]
        honest.post("runs/log-batch", {"run_id": run_id, "tags": tags})
    return run_id


def new_run(honest: Honest) -> str:
    answer = json.loads(honest.post("runs/create", {"experiment_id": "0", "start_time": 1}))
    return str(answer["run"]["info"]["run_id"])


def work(honest: Honest, goes_on: Callable[[], bool], run_id: str) -> int:
    """Log, read and keep files as training does; how many points were logged."""
    points = 0
    while goes_on():
        point = {"run_id": run_id, "key": "loss", "value": 0.5, "timestamp": points + 1, "step": points}
        honest.post("runs/log-metric", point)
        points += 1
        if points % 10 == 0:
            honest.ask("GET", f"{API}/runs/get?run_id={run_id}")
            path = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/file"
            honest.ask("PUT", path, b"x" * 100_000)
            assert len(honest.ask("GET", path)) == 100_000
    return points


@pytest.mark.timeout(ATTACK_S + 300)
def test_a_server_under_attack_stays_small_and_goes_on_and_is_as_before_afterwards(tmp_path: Path) -> None:
    with (
        TracklogServer(tmp_path, options=("--no-access-log",)) as server,
        contextlib.closing(Honest(server.port)) as honest,
    ):
        fat, run_id = fat_run(honest), new_run(honest)
        end = time.monotonic() + 2
        points = work(honest, lambda: time.monotonic() < end, run_id)
        quiet_mib, quiet_files = memory_mib(server), open_files(server)
        honest.answers.clear()

        command = [sys.executable, "-m", "tests.abuse", str(server.port), str(ATTACK_S), fat]
        attacker = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE)
        most_mib = 0.0

        def goes_on() -> bool:
            nonlocal most_mib
            most_mib = max(most_mib, memory_mib(server))
            return attacker.poll() is None

        try:
            run_under_attack = new_run(honest)
            points = work(honest, goes_on, run_under_attack)
        finally:
            attacker.kill()
            told, _ = attacker.communicate()
        answered = dict(honest.answers)
        # All of it is shown when one of these is not so.
        seen = (points, answered, quiet_mib, most_mib, json.loads(told))
        assert points > ATTACK_S / 4, seen
        assert answered[200] > 0.9 * sum(answered.values()), seen
        assert most_mib < MOST_MIB, seen

        deadline = time.monotonic() + QUIET_S
        while memory_mib(server) > quiet_mib + LEFT_OVER_MIB or open_files(server) > quiet_files + 10:
            assert time.monotonic() < deadline, (memory_mib(server), quiet_mib, open_files(server), quiet_files)
            time.sleep(1)
        history = f"{API}/metrics/get-history?run_id={run_under_attack}&metric_key=loss"
        assert len(json.loads(honest.ask("GET", history))["metrics"]) == points
        text = server.log_file.read_text()
        assert "Traceback" not in text
        assert '"exception"' not in text, text[-3000:]
