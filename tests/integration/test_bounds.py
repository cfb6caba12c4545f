"""What a server does at its limits: long histories, more load than it takes, a disk that is full.

TRACKLOG_BOUNDED_POINTS sets how long the longest history is.
"""

import http.client
import json
import os
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import pytest

from tests.tracklog_server import TracklogServer

pytestmark = pytest.mark.no_cover

POINTS = int(os.environ.get("TRACKLOG_BOUNDED_POINTS", "2000000"))
BATCH = 1000
GROWTH_MIB = 60
"""What the allocator and the caches of a busy server may take; two million points held at once would be 200 MB."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TracklogServer]:
    with TracklogServer(tmp_path, options=("--no-access-log",)) as server:
        yield server


class Client:
    """One keep-alive connection that speaks JSON."""

    def __init__(self, server: TracklogServer) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        self.was_behind = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def post(self, path: str, body: bytes | dict[str, object]) -> tuple[int, dict[str, Any]]:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._connection.request("POST", f"/api/2.0/mlflow/{path}", sent, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        self._connection.request("GET", f"/api/2.0/mlflow/{path}")
        answer = self._connection.getresponse()
        self.was_behind = "X-Tracklog-Behind" in answer.headers
        return answer.status, json.loads(answer.read())

    def new_run(self) -> str:
        status, answer = self.post("runs/create", {"experiment_id": "0", "start_time": 1})
        assert status == 200, answer
        return str(answer["run"]["info"]["run_id"])

    def set_tag(self, run_id: str, key: str, value: str) -> tuple[int, dict[str, Any]]:
        return self.post("runs/set-tag", {"run_id": run_id, "key": key, "value": value})

    def length_of(self, path: str) -> int:
        """How many bytes an answer has, reading it a little at a time."""
        self._connection.request("GET", f"/api/2.0/mlflow/{path}")
        answer = self._connection.getresponse()
        assert answer.status == 200
        length = 0
        while piece := answer.read(1 << 20):
            length += len(piece)
        return length


def peak_mib(server: TracklogServer) -> dict[str, float]:
    """The most memory that each process of the server ever had, by what it is."""
    found: dict[str, float] = {}
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    for name, pid in (("front", str(server.pid)), *(("projector", child) for child in children)):
        status = Path(f"/proc/{pid}/status").read_text()
        [peak] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
        found[name] = int(peak) / 1024
    return found


def batch(run_id: str, start: int) -> bytes:
    points = ",".join(
        f'{{"key":"loss","value":{1 / (step + 1)!r},"timestamp":{1_700_000_000_000 + step},"step":{step}}}'
        for step in range(start, start + BATCH)
    )
    return f'{{"run_id":"{run_id}","metrics":[{points}]}}'.encode()


@pytest.mark.timeout(600)
def test_memory_stays_flat_over_millions_of_points_logged_and_read(server: TracklogServer) -> None:
    warm_up = 20

    def log(run_id: str, numbers: range) -> None:
        with Client(server) as client:
            for number in numbers:
                assert client.post("runs/log-batch", batch(run_id, number * BATCH)) == (200, {})

    with Client(server) as client:
        run_id = client.new_run()
        history = f"metrics/get-history?run_id={run_id}&metric_key=loss"
        log(run_id, range(warm_up))
        client.length_of(history)
        before = peak_mib(server)
        with ThreadPoolExecutor(4) as threads:
            parts = [range(warm_up + first, POINTS // BATCH, 4) for first in range(4)]
            list(threads.map(log, [run_id] * 4, parts))
        logged = peak_mib(server)
        assert client.length_of(history) > 60 * POINTS
        read = peak_mib(server)
        for name, peak in read.items():
            assert logged[name] - before[name] < GROWTH_MIB, (before, logged)
            assert peak - before[name] < GROWTH_MIB, (before, logged, read)
        chart = f"metrics/get-history-bulk-interval?run_ids={run_id}&metric_key=loss&max_results=320"
        status, answer = client.get(chart)
        assert status == 200
        assert answer["metrics"][-1]["step"] == POINTS - 1


def test_more_load_than_the_server_takes_is_told_to_come_again_and_nothing_acknowledged_is_lost(
    server: TracklogServer,
) -> None:
    """Many clients send large batches at once: each is taken whole or told 429 or 503, never dropped."""
    clients, rounds, parts = 64, 3, 100
    with Client(server) as client:
        run_id = client.new_run()

    def flood(number: int) -> dict[str, int]:
        told: dict[str, int] = {}
        with Client(server) as client:
            for one in range(rounds):
                key = f"t{number}-{one}"
                tags = [{"key": f"{key}-{part}", "value": "v" * 8000} for part in range(parts)]
                told[key], _ = client.post("runs/log-batch", {"run_id": run_id, "tags": tags})
        return told

    with ThreadPoolExecutor(clients) as threads:
        told = {key: status for one in threads.map(flood, range(clients)) for key, status in one.items()}
    assert set(told.values()) <= {200, 429, 503}
    assert 200 in told.values()
    with Client(server) as client:
        kept = tags_of(client, run_id)
    for key, status in told.items():
        there = sum(f"{key}-{part}" in kept for part in range(parts))
        assert there == (parts if status == 200 else 0), (key, status, there)


def test_a_full_disk_answers_429_and_loses_nothing(tmp_path: Path) -> None:
    """A limit on the size of files stands for the end of the disk: writes beyond it fail just so."""
    with TracklogServer(tmp_path, options=("--no-access-log",)) as server:
        with Client(server) as client:
            run_id = client.new_run()
            kept = {f"before-{number}" for number in range(20)}
            for key in kept:
                assert client.set_tag(run_id, key, "x")[0] == 200
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
            refused = 0
            for number in range(100):
                key = f"during-{number}"
                status, answer = client.set_tag(run_id, key, os.urandom(3000).hex())
                if status == 200:
                    kept.add(key)
                else:
                    refused += 1
                    assert (status, answer["error_code"]) == (429, "TEMPORARILY_UNAVAILABLE")
            assert refused > 0
            assert tags_of(client, run_id) == {*kept, "mlflow.runName"}
        server.kill()
        server.start()
        with Client(server) as client:
            assert client.set_tag(run_id, "after", "x")[0] == 200
            assert tags_of(client, run_id) == {*kept, "after", "mlflow.runName"}


def tags_of(client: Client, run_id: str) -> set[str]:
    """The run's tags, once the read model has caught up: an answer that is behind says so."""
    deadline = time.monotonic() + 120
    status, answer = client.get(f"runs/get?run_id={run_id}")
    while client.was_behind and time.monotonic() < deadline:
        status, answer = client.get(f"runs/get?run_id={run_id}")
    assert (status, client.was_behind) == (200, False)
    return {tag["key"] for tag in answer["run"]["data"]["tags"]}
