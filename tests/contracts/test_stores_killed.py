"""A server that is killed in the middle of an upload: a clear error, nothing kept, and the retry succeeds."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from artifact_proxy.artifact_path import file_path
from artifact_proxy.stores.blob_store import BlobStore, StoreUnavailable
from artifact_proxy.stores.servers.blob_store import FileTreeBlobStore
from artifact_proxy.stores.servers.ftp import FtpFileTree
from artifact_proxy.stores.uri import StoreUri
from tests.contracts.blob_store_contract import LARGE, content, entries, get, put
from tests.contracts.test_sftp_blob_store import store_on as sftp_store_on
from tests.services.ftpd import Ftpd
from tests.services.missing import ServiceMissing, leave_out
from tests.services.running import running
from tests.services.sshd import Sshd


def ftp_store_on(server: Ftpd, _root: Path) -> FileTreeBlobStore:
    uri = f"ftp://{server.user}:{server.password}@127.0.0.1:{server.port}/root"
    return FileTreeBlobStore(FtpFileTree(StoreUri.parse(uri)))


KINDS: dict[str, tuple[type[Any], Callable[[Any, Path], BlobStore]]] = {
    "sftp": (Sshd, sftp_store_on),
    "ftp": (Ftpd, ftp_store_on),
}


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def own_server(kind: str) -> Iterator[Any]:
    try:
        with running(KINDS[kind][0]) as server:
            yield server
    except ServiceMissing as missing:
        leave_out(missing)


@pytest.fixture
async def store(kind: str, own_server: Any, tmp_path: Path) -> AsyncIterator[BlobStore]:
    store = KINDS[kind][1](own_server, tmp_path / "root")
    await store.start()
    yield store
    await store.close()


async def test_a_server_killed_in_the_middle_of_an_upload_leaves_what_was_there(
    store: BlobStore, own_server: Any
) -> None:
    await put(store, "a", b"old")

    async def until_it_is_killed() -> AsyncIterator[bytes]:
        yield LARGE
        own_server.kill()
        for _ in range(50):
            yield LARGE

    with pytest.raises(StoreUnavailable):
        await store.put(file_path("a"), until_it_is_killed())
    with pytest.raises(StoreUnavailable):
        await get(store, "a")
    own_server.start()
    assert await get(store, "a") == b"old"
    await store.put(file_path("a"), content(LARGE))
    assert await get(store, "a") == LARGE
    assert [entry.name for entry in await entries(store)] == ["a"]


async def test_a_server_killed_in_the_middle_of_a_download_is_an_error(store: BlobStore, own_server: Any) -> None:
    await put(store, "a", *[LARGE] * 30)
    with pytest.raises(StoreUnavailable):
        async with store.open(file_path("a")) as blob:
            async for _chunk in blob.read(0, blob.info.size):
                if own_server.is_running:
                    own_server.kill()
