"""A real server and clients that send what no MLflow client does. What one connection may do is in
`tests/unit/tracklog/web/test_connection.py`."""

import json
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest

from tests.tracklog_server import TracklogServer

SECRET: Final = "Sesame0pen"
ANSWER_S: Final = 30.0

API: Final = "/api/2.0/mlflow"


class WithFewFiles(TracklogServer):
    """A server that may have only so many files and sockets open."""

    files = 256

    @property
    def command(self) -> list[str]:
        return ["sh", "-c", f'ulimit -n {self.files}; exec "$@"', "sh", *super().command]


def connected(server: TracklogServer, address: str = "127.0.0.1") -> socket.socket:
    """A connection from another address of this machine."""
    end = socket.socket()
    end.settimeout(ANSWER_S)
    end.bind((address, 0))
    end.connect(("127.0.0.1", server.port))
    return end


def answer_to(server: TracklogServer, sent: bytes) -> bytes:
    """What comes back until the server closes the connection, or an answer is whole."""
    with closing(connected(server)) as end:
        try:
            end.sendall(sent)
            got = b""
            while piece := end.recv(65536):
                got += piece
                head, separator, body = got.partition(b"\r\n\r\n")
                length = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
                if separator and length and len(body) >= int(length[0].split(b":")[1]):
                    break
        except ConnectionError:
            return b""
    return got


def request(
    method: str, path: str, body: bytes = b"", headers: Sequence[str] = (), *, kind: str = "application/json"
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}", *headers]
    if kind:
        lines.append(f"Content-Type: {kind}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def post(path: str, body: object, *headers: str) -> bytes:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return request("POST", f"{API}/{path}", sent, headers)


def with_a_secret() -> Iterator[tuple[str, bytes]]:
    """Requests that hold the secret, each in another place."""
    ask = f"{API}/experiments/get?experiment_id=0"
    for name in (
        *("Authorization", "Cookie", "X-Api-Key", "Origin", "Referer", "Accept-Encoding", "If-None-Match", "Range"),
        *("X-Forwarded-For", "Expect", "Upgrade", "Content-Encoding", "TE", "Via", "If-Modified-Since"),
    ):
        yield f"header {name}", request("GET", ask, headers=[f"{name}: Bearer {SECRET}"])
        yield (
            f"header {name} of an upload",
            request("PUT", "/api/2.0/mlflow-artifacts/artifacts/0/x", b"x", [f"{name}: Bearer {SECRET}"]),
        )
    yield "host", f"GET / HTTP/1.1\r\nHost: {SECRET}\r\n\r\n".encode()
    yield "content type", request("POST", f"{API}/runs/create", b"{}", kind=f"text/{SECRET}")
    yield "request id that is none", request("GET", ask, headers=[f"X-Request-Id: a {SECRET}"])
    yield "header name", request("GET", ask, headers=[f"{SECRET}: x"])
    yield "bad header name", request("GET", ask, headers=[f"{SECRET}\x01: x"])
    yield "bad header value", request("GET", ask, headers=[f"Authorization: {SECRET}\x01"])
    yield "long header", request("GET", ask, headers=[f"Authorization: {SECRET * 7000}"])
    yield "long headers", request("GET", ask, headers=[f"Authorization{n}: {SECRET * 5000}" for n in range(4)])
    yield "many headers", request("GET", ask, headers=[f"Authorization: {SECRET}"] * 200)
    yield "method", f"{SECRET} / HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    yield "version", f"GET / HTTP/{SECRET}\r\nHost: a\r\n\r\n".encode()
    yield "no HTTP", SECRET.encode() * 10 + b"\r\n\r\n"
    yield "query", request("GET", f"{ask}&token={SECRET}")
    yield "bad query", request("GET", f"{API}/runs/get?run_id={SECRET}&x=%ff")
    yield "query that is no URL", f"GET {ask}&{SECRET}".encode() + b"\xff HTTP/1.1\r\nHost: a\r\n\r\n"
    yield "content length", f"POST {API}/runs/create HTTP/1.1\r\nHost: a\r\nContent-Length: {SECRET}\r\n\r\n".encode()
    chunked = f"POST {API}/runs/create HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield "no chunk", f"{chunked}{SECRET}\r\n".encode()
    yield "bad chunk", f"{chunked}5\r\n{SECRET * 3}\r\n\r\n".encode()
    upload = chunked.replace(f"POST {API}/runs/create", "PUT /api/2.0/mlflow-artifacts/artifacts/0/x")
    yield "chunks of an upload", f"{upload}5\r\n{SECRET * 3}\r\n\r\n".encode()
    yield "no JSON", post("runs/create", f'{{"a": {SECRET}'.encode())
    yield "deep JSON", post("runs/create", b"[" * 5000 + SECRET.encode())
    yield "no UTF-8", post("runs/create", b'{"a": "\xff' + SECRET.encode() + b'"}')
    yield "NUL", post("runs/create", f'{{"run_name": "{SECRET}\\u0000"}}'.encode())
    yield "wrong type", post("runs/log-metric", {"run_id": {"secret": SECRET}})
    yield "bad key", post("runs/log-metric", {"run_id": "0" * 32, "key": f"{SECRET}?", "value": 1, "timestamp": 1})
    yield "bad value", post("runs/log-metric", {"run_id": "0" * 32, "key": "a", "value": SECRET, "timestamp": 1})
    yield "unknown run", post("runs/set-tag", {"run_id": SECRET, "key": "a", "value": SECRET})
    yield "experiment", post("experiments/create", {"name": SECRET})
    yield "experiment that is there", post("experiments/create", {"name": SECRET})
    yield "location", post("experiments/create", {"name": "x", "artifact_location": f"s3://a:{SECRET}@b/c"})
    yield "run", post("runs/create", {"experiment_id": "0", "tags": [{"key": "token", "value": SECRET}]})
    yield "surrogate", post("runs/create", f'{{"experiment_id":"0","run_name":"\\udcff{SECRET}"}}'.encode())
    yield "filter", post("runs/search", {"experiment_ids": ["0"], "filter": f"params.x = '{SECRET}"})
    yield "order", post("runs/search", {"experiment_ids": ["0"], "order_by": [SECRET]})
    yield "page token", post("runs/search", {"experiment_ids": ["0"], "page_token": SECRET})
    yield "GraphQL", request("POST", "/graphql", json.dumps({"query": f"{{ {SECRET} "}).encode())
    yield (
        "GraphQL variables",
        request(
            "POST", "/graphql", json.dumps({"query": "query a($b: Int) { x }", "variables": {"b": SECRET}}).encode()
        ),
    )
    yield "upload", request("PUT", "/api/2.0/mlflow-artifacts/artifacts/0/y", SECRET.encode())
    yield "compressed", request("PUT", f"{API}/runs/create", SECRET.encode(), ["Content-Encoding: gzip"])
    yield (
        "websocket",
        request("GET", ask, headers=["Connection: Upgrade", "Upgrade: websocket", f"Sec-WebSocket-Key: {SECRET}"]),
    )
    yield (
        "early end",
        f"POST {API}/runs/create HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{SECRET}".encode(),
    )


def in_paths() -> Iterator[bytes]:
    """Requests that hold the secret in their path, which the access log is meant to show."""
    for path in (
        f"/{SECRET}",
        f"/api//{SECRET}//x",
        f"/api/2.0/mlflow-artifacts/artifacts/{SECRET}",
        f"/api/2.0/mlflow-artifacts/artifacts/..%2f{SECRET}",
        f"/static-files/{SECRET}",
        f"/api/2.0/mlflow/logged-models/{SECRET}",
        "/" + quote(f"\x00{SECRET}\u2028"),
    ):
        yield request("GET", path)
    yield request("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{SECRET}", b"x")
    yield request("DELETE", f"/api/2.0/mlflow-artifacts/artifacts/{SECRET}")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TracklogServer]:
    with TracklogServer(tmp_path_factory.mktemp("hostile")) as running:
        yield running


def test_nothing_of_a_request_but_its_path_is_ever_in_a_log(server: TracklogServer) -> None:
    for place, sent in with_a_secret():
        if place == "early end":
            with closing(connected(server)) as end:
                end.sendall(sent)
            continue
        status = answer_to(server, sent).partition(b"\r\n")[0]
        assert b" 5" not in status.replace(b" 501 ", b""), (place, status)
    own = [f"User-Agent: agent-{SECRET}", f"X-Request-Id: id-{SECRET}"]
    assert b" 200 OK" in answer_to(server, request("GET", "/health", headers=own))
    for sent in in_paths():
        status = answer_to(server, sent).partition(b"\r\n")[0]
        assert status
        assert b" 5" not in status, (sent, status)
    server.stop()
    lines = server.log_file.read_text().split("\n")
    access = [json.loads(line) for line in lines if '"route":' in line]
    assert len(access) > 80
    for line in access:
        for name in {"path", "user_agent", "request_id"} & line.keys():  # what the log is meant to show
            line[name] = line[name].replace(SECRET, "")
    others = [line for line in lines if '"route":' not in line]
    assert SECRET not in json.dumps(access)
    assert SECRET not in "\n".join(others)
    assert "Traceback" not in "\n".join(others)
    server.start()


def test_silent_connections_end_neither_the_service_nor_one_client_of_another_address(tmp_path: Path) -> None:
    """256 files, and three times as many connections of one client that say nothing."""
    with WithFewFiles(tmp_path) as server:
        honest = connected(server)
        silent: list[socket.socket] = []
        try:
            for number in range(3 * server.files):
                silent.append(connected(server, "127.0.0.2"))
                if number % 50 == 0:
                    assert b" 200 OK" in answer_to(server, request("GET", "/ready"))
            for sent in (
                post("runs/create", {"experiment_id": "0"}),
                request("GET", f"{API}/experiments/get?experiment_id=0"),
            ):
                honest.sendall(sent)
                assert honest.recv(65536).startswith(b"HTTP/1.1 200 OK")
                assert b" 200 OK" in answer_to(server, sent)
            upload = request("PUT", "/api/2.0/mlflow-artifacts/artifacts/0/x", b"x" * 100_000)
            assert b" 200 OK" in answer_to(server, upload)
            turned_away = silent[-1].recv(65536)
            assert turned_away.startswith(b"HTTP/1.1 429 ")
            assert json.loads(turned_away.partition(b"\r\n\r\n")[2])["error_code"] == "REQUEST_LIMIT_EXCEEDED"
            text = server.log_file.read_text()
            assert text.count("connections are turned away") == 1
            assert "Traceback" not in text
            # Those that were let in are ended for their silence.
            silent[0].settimeout(60.0)
            assert silent[0].recv(1) == b""
        finally:
            for end in (honest, *silent):
                end.close()


def test_a_server_without_any_file_left_goes_on_when_there_are_again(tmp_path: Path) -> None:
    """What is taken away here is the room for sockets that other programs of a real machine would take."""
    import resource

    with WithFewFiles(tmp_path) as server:
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (20, 256))
        waiting = [connected(server) for _ in range(5)]
        deadline = time.monotonic() + ANSWER_S
        while "connections are turned away" not in server.log_file.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (256, 256))
        for end in waiting:
            end.sendall(request("GET", "/health"))
            assert end.recv(65536).startswith(b"HTTP/1.1 200 OK")
            end.close()
        assert "Too many open files" in server.log_file.read_text()
        assert "Traceback" not in server.log_file.read_text()
