"""An SFTP server keeps the contract of blob stores, and no link there leads anywhere."""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from artifact_proxy.artifact_path import file_path, folder_path
from artifact_proxy.stores.blob_store import BlobNotFound, Entry, NotABlob, StoreRefused, StoreUnavailable
from artifact_proxy.stores.servers.blob_store import ABANDONED_AFTER, FileTreeBlobStore
from artifact_proxy.stores.servers.sftp import SftpFileTree
from artifact_proxy.stores.staging import PARTS, STAGING
from artifact_proxy.stores.uri import StoreUri
from tests.contracts.blob_store_contract import BlobStoreContract, content, entries, get, put
from tests.services.sshd import Sshd


def store_on(server: Sshd, root: Path) -> FileTreeBlobStore:
    uri = StoreUri.parse(f"sftp://{server.user}@127.0.0.1:{server.port}{root}")
    tree = SftpFileTree(uri, known_hosts=str(server.known_hosts), client_keys=[str(server.client_key)], config=[])
    return FileTreeBlobStore(tree)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "there" / "root"


@pytest.fixture
async def store(sftp_service: Sshd, root: Path) -> AsyncIterator[FileTreeBlobStore]:
    store = store_on(sftp_service, root)
    await store.start()
    yield store
    await store.close()


class TestSftpBlobStore(BlobStoreContract):
    """The contract."""


@pytest.fixture
def outside(root: Path) -> Path:
    """A folder beside the root, and links in the root to it and to a file in it."""
    outside = root.parent / "outside"
    outside.mkdir(parents=True)
    (outside / "secret").write_text("canary")
    root.mkdir()
    (root / "folder-link").symlink_to(outside)
    (root / "file-link").symlink_to(outside / "secret")
    (root / "gone-link").symlink_to(outside / "nothing")
    return outside


async def test_links_on_the_server_lead_nowhere(store: FileTreeBlobStore, root: Path, outside: Path) -> None:
    assert await entries(store) == []
    assert await entries(store, "folder-link") == []
    for path in ("file-link", "gone-link", "folder-link/secret", "folder-link"):
        with pytest.raises(BlobNotFound):
            await get(store, path)
        with pytest.raises(BlobNotFound):
            await store.stat(file_path(path))
    for path in ("folder-link/new", "folder-link/deep/new", "file-link/new"):
        with pytest.raises((NotABlob, StoreUnavailable)):
            await put(store, path, b"1")
    await store.delete(file_path("folder-link/secret"))
    assert [(file.name, file.read_text()) for file in outside.iterdir()] == [("secret", "canary")]


async def test_a_link_is_replaced_or_deleted_and_what_it_points_at_is_not(
    store: FileTreeBlobStore, root: Path, outside: Path
) -> None:
    await put(store, "file-link", b"mine")
    assert await get(store, "file-link") == b"mine"
    await put(store, "deep/er/blob", b"1")
    (root / "deep" / "link").symlink_to(outside)
    await store.delete(folder_path("deep"))
    await store.delete(file_path("folder-link"))
    assert [(file.name, file.read_text()) for file in outside.iterdir()] == [("secret", "canary")]
    assert await entries(store) == [Entry("file-link", 4)]


async def test_names_that_no_path_can_hold_are_not_listed(store: FileTreeBlobStore, root: Path) -> None:
    await put(store, "a", b"1")
    for name in (b"a#b", b"back\\slash", b"latin-\xe9"):
        Path(os.fsdecode(bytes(root) + b"/" + name)).touch()
    assert await entries(store) == [Entry("a", 1)]


async def test_many_versions_within_a_second_have_etags_of_their_own(store: FileTreeBlobStore) -> None:
    etags = [(await store.put(file_path("a"), content(b"same size"))).etag for _ in range(5)]
    await store.delete(file_path("a"))
    etags.append((await store.put(file_path("a"), content(b"same size"))).etag)
    assert len(set(etags)) == 6


async def test_a_start_removes_what_a_crash_left_long_ago_and_nothing_younger(
    sftp_service: Sshd, store: FileTreeBlobStore, root: Path
) -> None:
    await put(store, "a", b"1")
    upload_id = await store.multipart.create(file_path("b"))
    staging = root / STAGING
    long_ago = time.time() - ABANDONED_AFTER.total_seconds() - 60
    for folder in (staging, staging / PARTS / STAGING):
        for name in ("old", "young"):
            (folder / name).write_text("half")
        os.utime(folder / "old", (long_ago, long_ago))
    again = store_on(sftp_service, root)
    await again.start()
    await again._sweeping.swept_once.wait()
    assert sorted(file.name for file in staging.iterdir()) == [PARTS, "young"]
    assert [file.name for file in (staging / PARTS / STAGING).iterdir()] == ["young"]
    assert await again.multipart.parts(file_path("b"), upload_id) == []
    await again.close()


async def test_a_connection_that_broke_is_made_again(store: FileTreeBlobStore, sftp_service: Sshd) -> None:
    await put(store, "a", b"1")
    tree = store._tree
    assert isinstance(tree, SftpFileTree)
    assert tree._connection is not None
    tree._connection.abort()
    await tree._connection.wait_closed()
    assert await get(store, "a") == b"1"


async def test_a_host_that_is_not_known_is_not_trusted(sftp_service: Sshd, root: Path, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("")
    uri = StoreUri.parse(f"sftp://{sftp_service.user}@127.0.0.1:{sftp_service.port}{root}")
    tree = SftpFileTree(
        uri, known_hosts=str(tmp_path / "known_hosts"), client_keys=[str(sftp_service.client_key)], config=[]
    )
    store = FileTreeBlobStore(tree)
    with pytest.raises(StoreRefused):
        await put(store, "a", b"1")
    await store.close()


async def test_a_server_that_is_away_is_unavailable_and_not_empty(root: Path, unused_tcp_port: int) -> None:
    store = FileTreeBlobStore(SftpFileTree(StoreUri.parse(f"sftp://u@127.0.0.1:{unused_tcp_port}{root}"), config=[]))
    for reached in (get(store, "a"), put(store, "a", b"1"), store.delete(file_path("a")), entries(store)):
        with pytest.raises(StoreUnavailable):
            await reached
    await store.close()
