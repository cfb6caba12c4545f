"""No request, however written, reaches what is outside the destination, whatever store that is in.

The local folder, which alone has links and a file system around it, is fuzzed by the tests of the routes.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest

from artifact_proxy.artifact_path import ArtifactPath, file_path
from artifact_proxy.client_names import as_asked
from artifact_proxy.stores.blob_store import BlobStore
from artifact_proxy.stores.by_uri import store_at
from tests.compatibility.artifact_stores import STORES, artifact_store
from tests.unit.artifact_proxy.fortress import CANARY, HIDDEN_NAME, TRICKS, requests_for
from tests.unit.artifact_proxy.serving import PROXY, serving

OUTSIDE = (f"outside/{HIDDEN_NAME}", HIDDEN_NAME, f"root2/{HIDDEN_NAME}", f"root2-{HIDDEN_NAME}")
INSIDE = "root"
"""The folder that is the destination, beside those outside."""


IN_SHORT: Final = ("s3", "sftp")
"""A bucket and a server. The others run in `make soak`; the tricks against a folder are in `tests/unit`."""


@pytest.fixture(
    params=[
        pytest.param(store, marks=() if store in IN_SHORT else pytest.mark.soak) for store in STORES if store != "local"
    ]
)
def uri(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty place in a store that is not this machine's file system."""
    with artifact_store(request.param, tmp_path, request) as there:
        for name, value in there.environment.items():
            monkeypatch.setenv(name, value)
        yield there.uri


async def put_canaries(uri: str) -> None:
    async with opened(uri) as store:
        for path in OUTSIDE:
            await store.put(file_path(path), content())


async def all_outside(uri: str) -> dict[str, bytes]:
    """What lies beside the destination, by path."""
    async with opened(uri) as store:
        return {
            str(path): await read(store, path)
            async for path in files(store, ArtifactPath())
            if path.segments[0] != INSIDE
        }


@asynccontextmanager
async def opened(uri: str) -> AsyncIterator[BlobStore]:
    store = store_at(uri, os.environ)
    await store.start()
    try:
        yield store
    finally:
        await store.close()


async def files(store: BlobStore, folder: ArtifactPath) -> AsyncIterator[ArtifactPath]:
    """The paths of all below a folder, but for the destination."""
    async for entry in store.entries(folder):
        path = ArtifactPath((*folder.segments, entry.name))
        if path.segments == (INSIDE,):
            continue
        if entry.size is not None:
            yield path
        else:
            async for below in files(store, path):
                yield below


async def read(store: BlobStore, path: ArtifactPath) -> bytes:
    async with store.open(path) as blob:
        return b"".join([chunk async for chunk in blob.read(0, blob.info.size)])


async def content() -> AsyncIterator[bytes]:
    yield CANARY


def test_no_known_trick_leads_out_of_the_destination(uri: str, tmp_path: Path) -> None:
    asyncio.run(put_canaries(uri))
    unharmed = dict.fromkeys(OUTSIDE, CANARY)
    assert asyncio.run(all_outside(uri)) == unharmed
    with serving(tmp_path / "unused", make_store=lambda: store_at(f"{uri}/{INSIDE}", os.environ)) as server:
        for trick, path in TRICKS.items():
            for request, answer in requests_for(server, path.replace("{base}", "/outside")):
                assert answer.status < 500, (trick, request)
                assert CANARY not in answer.body, (trick, request)
                assert b"root2" not in answer.body or "root2" in request, (trick, request)
        assert server.ask("PUT", f"{PROXY}/plain", b"served").status == 200
        assert server.ask("GET", f"{PROXY}/plain").body == b"served"
    # Once, and not after each trick: what one of them put outside, no other takes away.
    assert asyncio.run(all_outside(uri)) == unharmed


NAMES = ("a%20b", "a b", "100%accuracy", "k%step%23%1", "lr%2520sweep", "what?", "Model:v1")


def test_every_name_leads_to_its_file_and_so_does_what_the_client_makes_of_it(uri: str, tmp_path: Path) -> None:
    folder = f"{PROXY}/1/run/artifacts/x%2520y"
    with serving(tmp_path / "unused", make_store=lambda: store_at(f"{uri}/{INSIDE}", os.environ)) as server:
        kept = [
            name for name in NAMES if server.ask("PUT", f"{folder}/{quote(name, safe='')}", name.encode()).status == 200
        ]
        assert set(NAMES) - set(kept) <= {"Model:v1"}, "HDFS refuses colons"
        listing = f"{PROXY}?path=1/run/artifacts/x%20y"
        assert [file["path"] for file in json.loads(server.ask("GET", listing).body)["files"]] == sorted(kept)
        for name in kept:
            assert server.ask("GET", f"{folder}/{quote(name, safe='')}").body == name.encode()
        told = json.loads(server.ask("GET", listing, headers={"User-Agent": "mlflow-python-client/3.17.2"}).body)
        for name, file in zip(sorted(kept), told["files"], strict=True):
            asked = as_asked(file["path"])
            assert asked is not None
            assert server.ask("GET", f"{folder}/{quote(asked, safe='')}").body == name.encode()
