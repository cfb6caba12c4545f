"""HDFS keeps the contract of blob stores, except for names with a colon, which it refuses."""

from collections.abc import AsyncIterator
from typing import ClassVar
from uuid import uuid4

import pytest

from artifact_proxy.stores.servers.blob_store import FileTreeBlobStore
from artifact_proxy.stores.servers.webhdfs import WebhdfsFileTree
from artifact_proxy.stores.servers.webhdfs_settings import WebhdfsSettings
from tests.contracts.blob_store_contract import BlobStoreContract
from tests.services.hdfs import LISTED_AT_ONCE, Hdfs


def settings_of(service: Hdfs) -> WebhdfsSettings:
    return WebhdfsSettings.from_uri(f"hdfs://namenode:8020/{uuid4().hex}/root", {"TRACKLOG_WEBHDFS_URL": service.url})


@pytest.fixture
async def store(hdfs_service: Hdfs) -> AsyncIterator[FileTreeBlobStore]:
    store = FileTreeBlobStore(WebhdfsFileTree(settings_of(hdfs_service)))
    await store.start()
    yield store
    await store.close()


class TestHdfsBlobStore(BlobStoreContract):
    """The contract."""

    refused_in_names: ClassVar[str] = ":"
    large_folder: ClassVar[int] = 2 * LISTED_AT_ONCE + 34
