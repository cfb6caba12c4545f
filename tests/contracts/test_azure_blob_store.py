"""Azure Blob Storage keeps the contract of blob stores."""

from collections.abc import AsyncIterator

import pytest

from artifact_proxy.stores.buckets.azure_bucket import AzureBucket
from artifact_proxy.stores.buckets.azure_settings import AzureSettings
from artifact_proxy.stores.buckets.object_blob_store import ObjectBlobStore
from schemas.rest.route import KIB
from tests.contracts.blob_store_contract import BlobStoreContract
from tests.services.azurite import Azurite


def settings_of(service: Azurite, container: str) -> AzureSettings:
    return AzureSettings.from_uri(
        f"wasbs://{container}@account.blob.core.windows.net/a/b",
        {"AZURE_STORAGE_CONNECTION_STRING": service.connection_string},
    )


@pytest.fixture
async def store(azure_service: Azurite, azure_container: str) -> AsyncIterator[ObjectBlobStore]:
    settings = settings_of(azure_service, azure_container)
    store = ObjectBlobStore(AzureBucket(settings, block_bytes=300 * KIB), settings.prefix)
    await store.start()
    yield store
    await store.close()


class TestAzureBlobStore(BlobStoreContract):
    """The contract."""
