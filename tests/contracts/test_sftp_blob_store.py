"""An SFTP server keeps the contract of blob stores, and no link there leads anywhere."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from artifact_proxy.file_tree_blob_store import FileTreeBlobStore
from artifact_proxy.sftp_file_tree import SftpFileTree
from artifact_proxy.store_uri import StoreUri
from tests.contracts.blob_store_contract import BlobStoreContract
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
