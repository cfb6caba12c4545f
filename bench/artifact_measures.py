"""Artifacts through the proxy: one large file, many small ones, and the listing of a large folder."""

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bench import process_tree
from bench.measures import Measure, NotMeasurableError, Row, Sample, Stage
from bench.on_minio import ADDRESS_FILE, BUCKET
from tests.services.s3_bucket import s3_client

MEBIBYTE = 1 << 20
PROXY = "/api/2.0/mlflow-artifacts/artifacts"
LARGE = "1/large/artifacts/large.bin"
LISTED_FILES = 100_000
SMALL_BYTES = 4096
TIMEOUT_S = 600
BLOCK = bytes(range(256)) * (MEBIBYTE // 256)


@dataclass(frozen=True, slots=True)
class Account:
    """How the store behind a server is reached."""

    url: str
    access_key: str
    secret_key: str


def account_of(stage: Stage) -> Account | None:
    """The store behind a server; None for a local folder."""
    file = stage.running.folder / ADDRESS_FILE
    return Account(**json.loads(file.read_text())) if file.exists() else None


class LargeFile(Measure):
    """A file of 1 GiB up and down through the proxy, and beside it, on the same store, by a client of the store's own.

    The direct client is the same code on a signed URL, so that what differs is the proxy.
    """

    name = "large"
    rows = (
        Row("large-up", "1 GiB up", 100, "MB/s", "higher"),
        Row("large-down", "1 GiB down", 100, "MB/s", "higher"),
        Row("large-up-share", "1 GiB up, of what a direct client reaches", 60, "%", "higher"),
        Row("large-down-share", "1 GiB down, of what a direct client reaches", 60, "%", "higher"),
    )

    def measure(self, stage: Stage, prepared: Any) -> Sample:
        size = stage.settings.size(1024, 128) * MEBIBYTE
        url = f"http://127.0.0.1:{stage.running.port}{PROXY}/{LARGE}"
        cpu_before = process_tree.cpu_seconds(stage.running.pid)
        values = {"large-up": sent(url, size), "large-down": fetched(url, size)}
        cpu_spent = process_tree.cpu_spent(cpu_before, process_tree.cpu_seconds(stage.running.pid))
        detail: dict[str, object] = {"server_cpu_s": cpu_spent}
        account = account_of(stage)
        if account is not None:
            client = s3_client(account)
            place = {"Bucket": BUCKET, "Key": "direct.bin"}
            direct_up = sent(client.generate_presigned_url("put_object", Params=place), size)
            direct_down = fetched(client.generate_presigned_url("get_object", Params=place), size)
            values["large-up-share"] = 100 * values["large-up"] / direct_up
            values["large-down-share"] = 100 * values["large-down"] / direct_down
            detail |= {"direct_up": direct_up, "direct_down": direct_down}
        return Sample(values, detail=detail)


class SmallFiles(Measure):
    """10,000 files of 4 KiB up and down at 32 connections."""

    name = "small-files"
    rows = (
        Row("small-up", "files of 4 KiB up, 32 connections", 2_000, "files/s", "higher"),
        Row("small-down", "files of 4 KiB down, 32 connections", 2_000, "files/s", "higher"),
    )

    def measure(self, stage: Stage, prepared: Any) -> Sample:
        files = {"folder": f"1/small-{stage.round}/artifacts", "count": stage.settings.size(10_000, 1_000)}
        up = stage.load("put_files", {**files, "size": SMALL_BYTES}, connections=32, limit_s=TIMEOUT_S)
        down = stage.load("get_files", files, connections=32, limit_s=TIMEOUT_S)
        values = {"small-up": up.per_second, "small-down": down.per_second}
        return Sample(values, up.errors + down.errors, detail={"up": up.summary(), "down": down.summary()})


class LargeListing(Measure):
    """The listing of a folder of 100,000 files that lie in it already."""

    name = "listing"
    rows = (Row("listing", "listing of 100,000 files", 2, "s", "lower"),)

    def prepare(self, stage: Stage) -> int:
        if account_of(stage) is not None:
            raise NotMeasurableError("measured on the local folder")
        folder = stage.running.folder / "artifacts" / "listed"
        folder.mkdir(parents=True)
        count = stage.settings.size(LISTED_FILES, LISTED_FILES // 10)
        for number in range(count):
            (folder / f"{number:06}.txt").touch()
        return count

    def measure(self, stage: Stage, prepared: int) -> Sample:
        began = time.perf_counter()
        answer = b"".join(received(f"http://127.0.0.1:{stage.running.port}{PROXY}?path=listed"))
        took_s = time.perf_counter() - began
        found = len(json.loads(answer)["files"])
        return Sample({"listing": took_s}, errors=int(found != prepared))


def sent(url: str, size: int) -> float:
    """MB/s at which `size` bytes go up to `url`."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_S)
    blocks: Iterator[bytes] = (BLOCK for _ in range(size // MEBIBYTE))
    began = time.perf_counter()
    connection.request("PUT", target(parts), blocks, {"Content-Length": str(size)})
    answer = connection.getresponse()
    content = answer.read()
    took_s = time.perf_counter() - began
    connection.close()
    if answer.status != 200:
        raise NotMeasurableError(f"the upload was answered {answer.status}: {content[:200]!r}")
    return size / took_s / 1e6


def fetched(url: str, size: int) -> float:
    """MB/s at which the `size` bytes at `url` come down."""
    began = time.perf_counter()
    found = sum(map(len, received(url)))
    took_s = time.perf_counter() - began
    if found != size:
        raise NotMeasurableError(f"{found} bytes of {size} came down")
    return size / took_s / 1e6


def received(url: str) -> Iterator[bytes]:
    """The body at `url`, a mebibyte at a time."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_S)
    connection.request("GET", target(parts))
    answer = connection.getresponse()
    if answer.status != 200:
        raise NotMeasurableError(f"the download was answered {answer.status}: {answer.read(200)!r}")
    while block := answer.read(MEBIBYTE):
        yield block
    connection.close()


def target(parts: Any) -> str:
    """What stands in the request line."""
    return f"{parts.path}?{parts.query}" if parts.query else str(parts.path)
