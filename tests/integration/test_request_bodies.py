"""Bodies as clients send them to a server: packed, or so large that decoding them would hold up everybody else."""

import gzip
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import zstandard

from tests.tracklog_server import TracklogServer

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
API = "/api/2.0/mlflow/"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TracklogServer]:
    with TracklogServer(tmp_path_factory.mktemp("server"), options=("--no-access-log",)) as server:
        yield server


class Answer:
    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def send(
    server: TracklogServer, path: str, body: bytes, encoding: str | None = None, method: str = "POST", **headers: str
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        sent = {"Content-Type": "application/json", **headers} | ({"Content-Encoding": encoding} if encoding else {})
        connection.request(method, path if path.startswith("/") else API + path, body, sent)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def new_run(server: TracklogServer) -> str:
    answer = send(server, "runs/create", b'{"experiment_id":"0"}')
    assert answer.status == 200, answer.body
    return str(answer.json["run"]["info"]["run_id"])


def metrics_of(server: TracklogServer, run_id: str) -> dict[str, float]:
    answer = send(server, f"runs/get?run_id={run_id}", b"", method="GET")
    return {metric["key"]: metric["value"] for metric in answer.json["run"]["data"].get("metrics", [])}


def batch(run_id: str, count: int = 1000) -> bytes:
    points = [{"key": f"m{n}", "value": n / 7, "timestamp": n, "step": n} for n in range(count)]
    return json.dumps({"run_id": run_id, "metrics": points}).encode()


@pytest.mark.parametrize("encoding", PACKERS)
def test_a_packed_batch_is_a_batch(server: TracklogServer, encoding: str) -> None:
    run_id = new_run(server)
    answer = send(server, "runs/log-batch", PACKERS[encoding](batch(run_id)), encoding)
    assert (answer.status, answer.json) == (200, {})
    assert len(metrics_of(server, run_id)) == 1000


@pytest.mark.parametrize("encoding", PACKERS)
@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [
        ("POST", "runs/create", {"experiment_id": "0"}),
        ("POST", "runs/search", {"experiment_ids": ["0"]}),
        ("POST", "experiments/search", {"max_results": 5}),
        ("POST", "/graphql", {"query": "query { __typename }"}),
        ("GET", "experiments/get", {"experiment_id": "0"}),
    ],
)
def test_writes_searches_and_reads_take_packed_bodies(
    server: TracklogServer, encoding: str, method: str, path: str, fields: dict[str, object]
) -> None:
    answer = send(server, path, PACKERS[encoding](json.dumps(fields).encode()), encoding, method)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("encoding", ["br", "gzip, zstd"])
def test_other_encodings_are_told_which_there_are(server: TracklogServer, encoding: str) -> None:
    answer = send(server, "runs/search", b'{"experiment_ids":["0"]}', encoding)
    assert answer.status == 415
    assert answer.headers["Accept-Encoding"] == "gzip, deflate, zstd"
    assert answer.json["error_code"] == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize("encoding", PACKERS)
@pytest.mark.parametrize(
    ("path", "limit"), [("runs/log-metric", 2**20), ("runs/log-batch", 2**24), ("runs/search", 2**20)]
)
def test_what_unpacks_to_more_than_a_route_takes_is_refused(
    server: TracklogServer, encoding: str, path: str, limit: int
) -> None:
    answer = send(server, path, PACKERS[encoding](b" " * (limit + 1)), encoding)
    assert (answer.status, answer.json["error_code"]) == (413, "INVALID_PARAMETER_VALUE")
    assert str(limit) in answer.json["message"]


@pytest.mark.parametrize("encoding", PACKERS)
def test_a_broken_stream_is_refused_and_stores_nothing(server: TracklogServer, encoding: str) -> None:
    run_id = new_run(server)
    packed = PACKERS[encoding](batch(run_id))
    for spoiled in (packed[:-5], packed + b"x", b"x" + packed, batch(run_id)):
        assert send(server, "runs/log-batch", spoiled, encoding).status == 400
    assert metrics_of(server, run_id) == {}


def test_an_artifact_is_stored_as_it_was_packed(server: TracklogServer) -> None:
    path = "/api/2.0/mlflow-artifacts/artifacts/0/packed/file.bin"
    packed = gzip.compress(b"content")
    headers = {"Content-Type": "application/octet-stream"}
    assert send(server, path, packed, "gzip", "PUT", **headers).status == 200
    assert send(server, path, b"", method="GET").body == packed


def hostile_bodies(run_id: str) -> list[tuple[str, bytes]]:
    start = f'{{"run_id":"{run_id}",'.encode()
    return [
        ("runs/log-batch", start + b",".join(b'"k%d":1' % number for number in range(1_000_000)) + b"}"),
        ("runs/log-batch", start + b'"' + b"aA" * 8_000_000 + b'":1}'),
        ("runs/log-batch", start + b'"metrics":[' + b"{}," * 5_000_000 + b"{}]}"),
        ("runs/log-batch", start + b'"x":[' + b"[]," * 5_000_000 + b"[]]}"),
        ("runs/set-tag", start + b'"key":"k","value":"' + b',\\"' * 5_000_000 + b'"}'),
        ("runs/log-batch", b"[" * 16_000_000),
    ]


def test_others_are_answered_while_hostile_bodies_are_looked_at(server: TracklogServer) -> None:
    """Each of these bodies held the server for seconds. The bound is on the slowest of the answers meanwhile, and wide:
    it tells seconds from milliseconds on a machine with other work."""
    bodies = hostile_bodies(new_run(server))
    done = threading.Event()
    answered = 0

    def ask() -> None:
        nonlocal answered
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=2.0)
        while not done.is_set():
            connection.request("GET", "/health")
            assert connection.getresponse().read() == b"OK"
            answered += 1
        connection.close()

    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(ask)
        try:
            statuses = [send(server, path, body).status for path, body in bodies]
        finally:
            done.set()
        asking.result()
    assert statuses == [413, 200, 413, 413, 200, 413]
    assert answered
