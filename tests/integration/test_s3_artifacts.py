"""The artifact routes over a real S3-compatible store: who may reach what, and what happens when the store does not."""

import asyncio
import hashlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import requests

from artifact_proxy.artifact_path import folder_path
from artifact_proxy.stores.buckets.object_blob_store import ObjectBlobStore
from artifact_proxy.stores.s3.bucket import S3Bucket
from artifact_proxy.stores.s3.settings import S3Settings
from artifact_proxy.stores.streams import PATIENCE_S
from event_log.memory_event_log import MemoryEventLog
from tests.eventually import AT_MOST_S, wait_until
from tests.integration.test_constant_memory import LARGE_MIB, reset_peak, resident, up_and_down
from tests.services.s3_bucket import s3_client
from tests.unit.artifact_proxy.serving import PROXY, Answer, Served, parsed, read_all, serving

FILE = f"{PROXY}/1/run/artifacts/a.txt"
MIB = 1 << 20
IMPATIENT_S = 2.0
"""For stores that hang: enough for one that nobody else uses. Who asks waits for an answer ten times as long."""
JSON = {"Content-Type": "application/json"}


class Stored:
    """A server over a bucket, the bucket, and the log."""

    def __init__(self, server: Served, admin: Any, bucket: str, log: MemoryEventLog) -> None:
        self.server = server
        self.admin = admin
        self.bucket = bucket
        self.log = log

    def events(self) -> int:
        return len(self.log._events[0])

    def blobs(self) -> list[str]:
        listed = self.admin.list_objects_v2(Bucket=self.bucket)
        return [each["Key"] for each in listed.get("Contents", [])]

    def uploads_under_way(self, key: str) -> list[Any]:
        listed: list[Any] = self.admin.list_multipart_uploads(Bucket=self.bucket, Prefix=key).get("Uploads", [])
        return listed


def stored(
    service: Any, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience_s: float = PATIENCE_S
) -> Iterator[Stored]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", service.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", service.secret_key)
    settings = S3Settings(bucket=bucket, prefix=folder_path("root"), endpoint_url=service.url)
    log = MemoryEventLog()

    def make_store() -> ObjectBlobStore:
        return ObjectBlobStore(S3Bucket(settings, patience_s=patience_s), settings.prefix)

    with serving(tmp_path / "unused", make_store=make_store, log=log) as server:
        yield Stored(server, s3_client(service), bucket, log)


@pytest.fixture
def there(s3_service: Any, s3_bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stored]:
    """On the store that all tests share."""
    yield from stored(s3_service, s3_bucket, tmp_path, monkeypatch)


@pytest.fixture
def fragile(own_minio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stored]:
    """On a store that the test may stop."""
    s3_client(own_minio).create_bucket(Bucket="own")
    yield from stored(own_minio, "own", tmp_path, monkeypatch, IMPATIENT_S)


def error_code(answer: Answer) -> str:
    code: str = json.loads(answer.body)["error_code"]
    return code


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("page.html", "text/html"), ("picture.svg", "image/svg+xml"), ("x.bin", "application/octet-stream")],
)
def test_whatever_was_uploaded_is_a_download_and_never_a_page(there: Stored, name: str, content_type: str) -> None:
    at = f"{PROXY}/1/run/artifacts/{name}"
    script = b"<script>alert(1)</script>"
    there.server.ask("PUT", at, script, {"Content-Type": "text/html; charset=utf-7"})
    for answer in (there.server.ask("GET", at), there.server.get_artifact("proxied", name)):
        assert answer.body == script
        assert answer.headers["content-type"] == content_type
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
    signed = json.loads(there.server.ask("GET", f"/api/2.0/mlflow-artifacts/presigned/1/run/artifacts/{name}").body)
    direct = requests.get(signed["url"], headers=signed["headers"], timeout=AT_MOST_S)
    assert direct.content == script
    assert direct.headers["content-disposition"].startswith("attachment")
    assert direct.headers["content-type"] == "application/octet-stream"


def test_a_signed_url_shows_no_secret_and_opens_nothing_else(there: Stored, s3_service: Any) -> None:
    there.server.ask("PUT", FILE, b"hello")
    answer = there.server.ask("GET", "/api/2.0/mlflow-artifacts/presigned/1/run/artifacts/a.txt")
    assert s3_service.secret_key.encode() not in answer.body
    url = json.loads(answer.body)["url"]
    assert requests.get(url, timeout=AT_MOST_S).content == b"hello"
    assert requests.get(url.replace("a.txt?", "b.txt?"), timeout=AT_MOST_S).status_code == 403
    assert requests.put(url, b"evil", timeout=AT_MOST_S).status_code == 403
    assert requests.get(url, headers={"Range": "bytes=1-2"}, timeout=AT_MOST_S).content == b"el"


def test_ranges_and_conditions_hold_for_large_and_small(there: Stored) -> None:
    for content in (b"", b"hello", os.urandom(3 * MIB)):
        there.server.ask("PUT", FILE, content)
        whole = there.server.ask("GET", FILE)
        assert whole.body == content
        head = there.server.ask("HEAD", FILE)
        assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(content)))
        if content:
            part = there.server.ask("GET", FILE, headers={"Range": f"bytes={len(content) - 3}-"})
            assert (part.status, part.body) == (206, content[-3:])
        assert there.server.ask("GET", FILE, headers={"If-None-Match": whole.headers["etag"]}).status == 304
        assert there.server.ask("GET", FILE, headers={"If-Match": '"other"'}).status == 412


def test_an_upload_is_recorded_with_the_digest_of_its_bytes(there: Stored) -> None:
    content = os.urandom(5 * MIB)
    assert there.server.ask("PUT", FILE, content).status == 200
    [event] = there.log._events[0]
    payload = json.loads(event.payload)
    assert payload["size"] == len(content)
    assert payload["sha256"] == hashlib.sha256(content).hexdigest()


def test_parts_go_to_the_store_itself(there: Stored) -> None:
    at = "/api/2.0/mlflow-artifacts/mpu/{}/1/run/artifacts"
    parts = [os.urandom(5 * MIB), b"end"]
    created = json.loads(
        there.server.ask("POST", at.format("create"), json.dumps({"path": "x", "num_parts": 2}).encode(), JSON).body
    )
    sent = []
    for credential, part in zip(created["credentials"], parts, strict=True):
        assert urlsplit(credential["url"]).port == urlsplit(there.admin.meta.endpoint_url).port
        answer = requests.put(credential["url"], part, headers=credential["headers"], timeout=AT_MOST_S)
        sent.append({"part_number": credential["part_number"], "etag": answer.headers["ETag"]})
    body = {"path": "x", "upload_id": created["upload_id"], "parts": sent}
    assert there.server.ask("POST", at.format("complete"), json.dumps(body).encode(), JSON).status == 200
    assert there.server.ask("GET", f"{PROXY}/1/run/artifacts/x").body == b"".join(parts)
    assert there.events() == 1


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks of memory are read from Linux's /proc")
@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("files", "mebibytes", "announced", "bound_mib"),
    [(1, LARGE_MIB, True, 16.0), (1, 64, False, 48.0), (100, 6, True, 192.0)],
    ids=["one", "one of unknown size", "a hundred"],
)
async def test_memory_does_not_grow_with_what_passes(
    there: Stored, files: int, mebibytes: int, announced: bool, bound_mib: float
) -> None:
    """Client and server share the process here, so the bound holds for both together."""
    url = f"http://127.0.0.1:{there.server.port}{PROXY}"
    timeout = aiohttp.ClientTimeout(total=200)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        await up_and_down(session, f"{url}/warm", MIB)
        before = reset_peak()
        sizes = [mebibytes * MIB] * files
        await asyncio.gather(*(up_and_down(session, f"{url}/{n}", size, announced) for n, size in enumerate(sizes)))
        assert resident("VmHWM") - before < bound_mib
    assert there.events() == files + 1


def begun(server: Served, size: int, announced: bool = True) -> socket.socket:
    """A connection on which an upload of `size` bytes has begun, the only request under way."""
    connection = server.connect()
    length = f"Content-Length: {size}" if announced else "Transfer-Encoding: chunked"
    connection.sendall(f"PUT {FILE} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{length}\r\n\r\n".encode())
    wait_until(lambda: server.counts.in_flight == 1)
    return connection


@pytest.mark.parametrize("sent", [0, 1000, MIB, 12 * MIB])
def test_an_upload_that_its_client_breaks_off_leaves_nothing(there: Stored, sent: int) -> None:
    with begun(there.server, 20 * MIB) as connection:
        connection.sendall(bytes(sent))
    wait_until(lambda: there.server.counts.in_flight == 0)
    assert there.server.ask("GET", FILE).status == 404
    assert there.blobs() == []
    assert there.uploads_under_way("root/1/run/artifacts/a.txt") == []
    assert there.events() == 0


def test_an_upload_in_pieces_of_unknown_number_that_breaks_off_leaves_no_part(there: Stored) -> None:
    with begun(there.server, 0, announced=False) as connection:
        for _ in range(20):
            connection.sendall(b"100000\r\n" + bytes(MIB) + b"\r\n")
        wait_until(lambda: there.uploads_under_way("root/1/run/artifacts/a.txt") != [])
    wait_until(lambda: there.uploads_under_way("root/1/run/artifacts/a.txt") == [])
    assert there.blobs() == []
    assert there.events() == 0


def test_a_store_that_hangs_is_told_within_a_bound(fragile: Stored, own_minio: Any) -> None:
    fragile.server.ask("PUT", FILE, b"hello")
    own_minio.suspend()
    try:
        for method, target, body in (
            ("GET", FILE, None),
            ("PUT", FILE, b"new"),
            ("PUT", FILE, bytes(MIB)),
            ("GET", f"{PROXY}?path=1", None),
            ("DELETE", FILE, None),
        ):
            answer = fragile.server.ask(method, target, body)
            assert (answer.status, error_code(answer)) == (503, "TEMPORARILY_UNAVAILABLE"), target
            assert int(answer.headers["retry-after"]) > 0
    finally:
        own_minio.resume()
    assert fragile.events() == 1
    assert fragile.server.ask("GET", FILE).body == b"hello"


def test_a_store_that_hangs_in_the_middle_of_an_upload_is_told_within_a_bound(fragile: Stored, own_minio: Any) -> None:
    with begun(fragile.server, 256 * MIB) as connection:
        connection.sendall(bytes(4 * MIB))
        own_minio.suspend()
        try:
            sending = threading.Thread(target=send_on, args=(connection, 252 * MIB))
            sending.start()
            answer = parsed(read_all(connection))
            assert (answer.status, error_code(answer)) == (503, "TEMPORARILY_UNAVAILABLE")
        finally:
            own_minio.resume()
    sending.join(AT_MOST_S)
    wait_until(lambda: fragile.blobs() == [])
    assert fragile.events() == 0


def send_on(connection: socket.socket, size: int) -> None:
    """Send until all is sent, or nobody takes it any more."""
    try:
        for _ in range(size // MIB):
            connection.sendall(bytes(MIB))
    except OSError:
        return


def test_a_store_that_dies_in_the_middle_of_an_upload_leaves_nothing_and_the_retry_succeeds(
    fragile: Stored, own_minio: Any
) -> None:
    content = os.urandom(8 * MIB)
    with begun(fragile.server, len(content)) as connection:
        connection.sendall(content[: 4 * MIB])
        own_minio.kill()
        answer = parsed(read_all(connection))
    assert (answer.status, error_code(answer)) == (503, "TEMPORARILY_UNAVAILABLE")
    assert fragile.server.ask("GET", FILE).status == 503
    assert fragile.events() == 0
    own_minio.start()
    assert fragile.server.ask("GET", FILE).status == 404
    assert fragile.server.ask("PUT", FILE, content).status == 200
    assert fragile.server.ask("GET", FILE).body == content
    assert fragile.events() == 1
