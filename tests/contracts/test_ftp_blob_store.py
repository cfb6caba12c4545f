"""An FTP server keeps the contract of blob stores."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from artifact_proxy.file_tree_blob_store import FileTreeBlobStore
from artifact_proxy.ftp_file_tree import FtpFileTree
from artifact_proxy.store_uri import StoreUri
from tests.contracts.blob_store_contract import BlobStoreContract
from tests.services.ftpd import Ftpd


@pytest.fixture
async def store(ftp_service: Ftpd) -> AsyncIterator[FileTreeBlobStore]:
    uri = f"ftp://{ftp_service.user}:{ftp_service.password}@127.0.0.1:{ftp_service.port}/{uuid4().hex}/root"
    store = FileTreeBlobStore(FtpFileTree(StoreUri.parse(uri)))
    await store.start()
    yield store
    await store.close()


class TestFtpBlobStore(BlobStoreContract):
    """The contract."""
