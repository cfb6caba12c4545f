"""Every change of an artifact leaves its event, after the bytes are safe; what fails leaves none."""

import asyncio
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from event_log.memory_event_log import MemoryEventLog
from event_log.port import LogUnavailable
from schemas import codec
from schemas.envelope import EventData, Position
from schemas.events import AnyEvent, ArtifactDeleted, ArtifactUploaded
from tests.unit.artifact_proxy.serving import PROXY, Served, serving

FILE = f"{PROXY}/1/run/artifacts/a.txt"
PATH = "1/run/artifacts/a.txt"


class Log(MemoryEventLog):
    """A log that can be broken, and that looks at the folder when an event comes."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root
        self.is_broken = False
        self.was_there: list[bool] = []

    async def append(self, events: Sequence[EventData]) -> list[Position]:
        if self.is_broken:
            raise LogUnavailable("The disk of the log is full.")
        self.was_there.append((self._root / PATH).exists())
        return await super().append(events)

    def events(self) -> list[AnyEvent]:
        return [codec.decode(event) for event in asyncio.run(self.read(0, 0, limit=100))]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "root")


@pytest.fixture
def server(tmp_path: Path, log: Log) -> Iterator[Served]:
    with serving(tmp_path / "root", tmp_path / "local", log=log) as served:
        yield served


def test_an_upload_is_recorded_with_its_size_and_digest_once_it_is_there(server: Served, log: Log) -> None:
    assert server.ask("PUT", FILE, b"hello").status == 200
    etag = server.ask("GET", FILE).headers["etag"].strip('"')
    sha256 = hashlib.sha256(b"hello").hexdigest()
    assert log.events() == [ArtifactUploaded(path=PATH, size=5, etag=etag, sha256=sha256)]
    assert log.was_there == [True]


def test_an_event_tells_who_changed_what_and_by_which_request(server: Served, log: Log) -> None:
    server.ask("PUT", FILE, b"hello", {"User-Agent": "a test", "X-Request-Id": "12345678-abcd"})
    [event] = asyncio.run(log.read(0, 0, limit=100))
    assert (event.stream, event.actor.user, event.actor.address) == ("artifact/1/run", "anonymous", "127.0.0.1")
    assert event.actor.user_agent == "a test"
    assert event.request_id


def test_a_deletion_is_recorded_once_it_is_done(server: Served, log: Log) -> None:
    server.ask("PUT", FILE, b"hello")
    server.ask("DELETE", f"{PROXY}/1/run")
    assert log.events()[1:] == [ArtifactDeleted(path="1/run")]
    assert log.was_there == [True, False]


def test_an_upload_by_the_page_to_a_run_elsewhere_is_recorded_with_its_root(
    server: Served, log: Log, tmp_path: Path
) -> None:
    (tmp_path / "local").mkdir()
    server.run_roots["local"] = str(tmp_path / "local" / "run")
    page = "/ajax-api/2.0/mlflow/upload-artifact"
    assert server.ask("POST", f"{page}?run_uuid=local&path=sub/b.txt", b"x").status == 200
    assert server.ask("POST", f"{page}?run_uuid=proxied&path=a.txt", b"x").status == 200
    places = [(event.path, event.root) for event in log.events() if isinstance(event, ArtifactUploaded)]
    assert places == [("run/sub/b.txt", (tmp_path / "local").as_uri()), (PATH, "")]
    assert (tmp_path / "local" / "run" / "sub" / "b.txt").read_bytes() == b"x"


def test_a_multipart_upload_is_recorded_when_it_is_complete(server: Served, log: Log) -> None:
    upload_id = multipart(server, "create", num_parts=1)["upload_id"]
    part = f"/api/2.0/mlflow-artifacts/mpu/part/{PATH}?upload_id={upload_id}&part_number=1"
    assert server.ask("PUT", part, b"hello").status == 200
    assert log.events() == []
    multipart(server, "complete", upload_id=upload_id, parts=[{"part_number": 1}])
    [event] = log.events()
    assert isinstance(event, ArtifactUploaded)
    assert (event.path, event.size, event.sha256) == (PATH, 5, hashlib.sha256(b"hello").hexdigest())


def test_what_is_refused_or_breaks_off_leaves_no_event(server: Served, log: Log) -> None:
    server.ask("PUT", f"{PROXY}/1/../x", b"x")
    with server.connect() as connection:
        connection.sendall(f"PUT {FILE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf".encode())
    upload_id = multipart(server, "create", num_parts=1)["upload_id"]
    multipart(server, "abort", upload_id=upload_id)
    assert multipart(server, "complete", upload_id=upload_id, parts=[{"part_number": 1}])["error_code"]
    assert log.events() == []


def test_when_the_log_is_away_the_client_is_asked_to_retry(server: Served, log: Log) -> None:
    log.is_broken = True
    answer = server.ask("PUT", FILE, b"hello")
    assert (answer.status, json.loads(answer.body)["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
    assert int(answer.headers["retry-after"]) > 0
    assert "could not record it" in json.loads(answer.body)["message"]
    log.is_broken = False
    assert server.ask("PUT", FILE, b"hello").status == 200
    assert len(log.events()) == 1


def multipart(server: Served, step: str, **fields: Any) -> dict[str, Any]:
    """The answer to a step of a multipart upload of PATH."""
    target = f"/api/2.0/mlflow-artifacts/mpu/{step}/1/run/artifacts"
    body = json.dumps({"path": "a.txt", **fields}).encode()
    answer: dict[str, Any] = json.loads(server.ask("POST", target, body, {"Content-Type": "application/json"}).body)
    return answer
