"""What stores of objects have in common beside the contract: large uploads, and a prefix that is not left."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from artifact_proxy.artifact_path import ROOT, file_path
from artifact_proxy.stores.blob_store import Entry, StoreRefused
from artifact_proxy.stores.buckets.azure_bucket import AzureBucket
from artifact_proxy.stores.buckets.gcs_bucket import GcsBucket
from artifact_proxy.stores.buckets.object_blob_store import ObjectBlobStore
from artifact_proxy.stores.buckets.object_bucket import ObjectBucket
from artifact_proxy.stores.s3.bucket import S3Bucket
from artifact_proxy.stores.staged_multipart import ABANDONED_AFTER_S, NoSuchUpload, StagedMultipartUploads
from schemas.errors import InvalidParameterValue
from schemas.rest.route import MIB
from tests.contracts.blob_store_contract import SourceBroke, entries, get, put
from tests.contracts.test_azure_blob_store import settings_of as azure_settings
from tests.contracts.test_gcs_blob_store import settings_of as gcs_settings
from tests.contracts.test_s3_blob_store import settings_of as s3_settings

MakeBucket = Callable[[Any], ObjectBucket]


@pytest.fixture(params=["s3", "gs", "wasbs"])
def made(request: pytest.FixtureRequest) -> tuple[MakeBucket, Any]:
    """How a bucket is made, and the settings of one that is empty."""
    value: Any = request.getfixturevalue
    if request.param == "s3":
        return S3Bucket, s3_settings(value("s3_service"), value("s3_bucket"), value("monkeypatch"))
    if request.param == "gs":
        return GcsBucket, gcs_settings(value("gcs_service"), value("gcs_bucket"))
    return AzureBucket, azure_settings(value("azure_service"), value("azure_container"))


@pytest.fixture
async def bucket(made: tuple[MakeBucket, Any]) -> AsyncIterator[ObjectBucket]:
    make, settings = made
    bucket = make(settings)
    await bucket.start()
    yield bucket
    await bucket.close()


@pytest.fixture
def store(bucket: ObjectBucket, made: tuple[MakeBucket, Any]) -> ObjectBlobStore:
    return ObjectBlobStore(bucket, made[1].prefix)


@pytest.mark.parametrize("made", ["gs", "wasbs"], indirect=True)
async def test_staged_parts_of_an_abandoned_upload_are_swept(store: ObjectBlobStore) -> None:
    uploads = store.multipart
    assert isinstance(uploads, StagedMultipartUploads)
    path = file_path("a")
    upload_id = await store.multipart.create(path)
    await store.sweep()
    assert await store.multipart.parts(path, upload_id) == []
    later = StagedMultipartUploads(store, uploads._parts, lambda: time.time() + ABANDONED_AFTER_S + 60)
    await later.sweep()
    with pytest.raises(NoSuchUpload):
        await store.multipart.parts(path, upload_id)


async def megabytes(count: int, first: int = 0, then: Exception | None = None) -> AsyncIterator[bytes]:
    for number in range(first, first + count):
        yield bytes([number]) * MIB
    if then is not None:
        raise then


@pytest.mark.parametrize("announced", [True, False], ids=["of-known-size", "of-unknown-size"])
@pytest.mark.parametrize("count", [4, 7])
async def test_a_large_blob_is_kept_whole(store: ObjectBlobStore, announced: bool, count: int) -> None:
    version = await store.put(file_path("large"), megabytes(count), count * MIB if announced else None)
    assert version.size == count * MIB
    assert (await store.stat(file_path("large"))).etag == version.etag
    assert await get(store, "large") == b"".join([chunk async for chunk in megabytes(count)])


@pytest.mark.parametrize("announced", [True, False], ids=["of-known-size", "of-unknown-size"])
async def test_a_large_upload_that_breaks_leaves_nothing(store: ObjectBlobStore, announced: bool) -> None:
    with pytest.raises(SourceBroke):
        await store.put(file_path("a/large"), megabytes(5, then=SourceBroke()), 6 * MIB if announced else None)
    assert await entries(store) == []


@pytest.mark.parametrize("count", [0, 4])
async def test_an_upload_that_is_shorter_than_announced_leaves_nothing(store: ObjectBlobStore, count: int) -> None:
    with pytest.raises(InvalidParameterValue):
        await store.put(file_path("short"), megabytes(count), count * MIB + 1)
    assert await entries(store) == []


async def test_of_large_puts_at_once_one_wins_whole(store: ObjectBlobStore) -> None:
    await asyncio.gather(*(store.put(file_path("a"), megabytes(5, first=first)) for first in (10, 20, 30)))
    kept = await get(store, "a")
    assert kept in [b"".join([chunk async for chunk in megabytes(5, first=first)]) for first in (10, 20, 30)]


async def test_nothing_beside_the_prefix_is_listed_or_deleted(store: ObjectBlobStore, bucket: ObjectBucket) -> None:
    for key in ("a/bc", "a/b-", "a/c/1", "b"):
        await bucket.put(key, b"beside", "text/plain")
    await put(store, "c", b"1")
    assert await entries(store) == [Entry("c", 1)]
    await store.delete(file_path("c"))
    assert sorted([key async for keys in bucket.keys("") for key in keys]) == ["a/b-", "a/bc", "a/c/1", "b"]


async def test_keys_that_no_path_can_name_are_not_listed(store: ObjectBlobStore, bucket: ObjectBucket) -> None:
    for key in ("a/b/good", "a/b/x#y"):
        await bucket.put(key, b"1", "text/plain")
    assert await entries(store) == [Entry("good", 1)]


async def test_a_bucket_without_prefix_is_a_store_too(store: ObjectBlobStore, bucket: ObjectBucket) -> None:
    await put(store, "x/y", b"1")
    whole = ObjectBlobStore(bucket, ROOT)
    await put(whole, "top", b"12")
    assert await entries(whole) == [Entry("a", None), Entry("top", 2)]
    assert await get(whole, "a/b/x/y") == b"1"


async def test_a_bucket_that_is_not_there_is_refused_and_not_empty(made: tuple[MakeBucket, Any]) -> None:
    make, settings = made
    name = "container" if hasattr(settings, "container") else "bucket"
    bucket = make(replace(settings, **{name: "no-such-bucket-anywhere"}))
    await bucket.start()
    store = ObjectBlobStore(bucket)
    for reached in (put(store, "a", b"1"), entries(store), store.check_writable()):
        with pytest.raises(StoreRefused):
            await reached
    await bucket.close()
