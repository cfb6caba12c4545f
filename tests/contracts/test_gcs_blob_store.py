"""Google Cloud Storage keeps the contract of blob stores."""

from collections.abc import AsyncIterator

import pytest

from artifact_proxy.stores.buckets.gcs_bucket import GcsBucket
from artifact_proxy.stores.buckets.gcs_settings import GcsSettings
from artifact_proxy.stores.buckets.object_blob_store import ObjectBlobStore
from tests.contracts.blob_store_contract import BlobStoreContract
from tests.services.fake_gcs import FakeGcs

PAGE_NAMES = 100


def settings_of(service: FakeGcs, bucket: str) -> GcsSettings:
    return GcsSettings.from_uri(f"gs://{bucket}/a/b", {"STORAGE_EMULATOR_HOST": service.url})


@pytest.fixture
async def store(gcs_service: FakeGcs, gcs_bucket: str) -> AsyncIterator[ObjectBlobStore]:
    settings = settings_of(gcs_service, gcs_bucket)
    store = ObjectBlobStore(GcsBucket(settings, page_names=PAGE_NAMES), settings.prefix)
    await store.start()
    yield store
    await store.close()


class TestGcsBlobStore(BlobStoreContract):
    """The contract."""
