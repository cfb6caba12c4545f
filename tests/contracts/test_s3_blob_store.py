"""An S3-compatible store keeps the contract of blob stores, and S3's own limits do not show."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from artifact_proxy.artifact_path import ROOT, file_path, folder_path
from artifact_proxy.stores.blob_store import BlobNotFound, BlobStore, Entry, StoreRefused, StoreUnavailable
from artifact_proxy.stores.buckets.object_blob_store import ObjectBlobStore
from artifact_proxy.stores.s3.bucket import S3Bucket
from artifact_proxy.stores.s3.client import S3Client
from artifact_proxy.stores.s3.settings import S3Settings
from artifact_proxy.stores.staging import STAGING
from schemas.errors import InvalidParameterValue
from schemas.rest.route import MIB
from tests.contracts.blob_store_contract import LARGE, BlobStoreContract, SourceBroke, content, entries, get, put

PART_BYTES = 5 * MIB
"""The least S3 takes as a part that is not the last."""

PAGE_KEYS = 100


def settings_of(service: Any, bucket: str, monkeypatch: pytest.MonkeyPatch) -> S3Settings:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", service.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", service.secret_key)
    return S3Settings(bucket=bucket, prefix=folder_path("a/b"), endpoint_url=service.url)


@pytest.fixture
def settings(s3_service: Any, s3_bucket: str, monkeypatch: pytest.MonkeyPatch) -> S3Settings:
    return settings_of(s3_service, s3_bucket, monkeypatch)


def store_of(settings: S3Settings, **sizes: Any) -> ObjectBlobStore:
    return ObjectBlobStore(S3Bucket(settings, **sizes), settings.prefix)


@pytest.fixture
async def store(settings: S3Settings) -> AsyncIterator[ObjectBlobStore]:
    store = store_of(settings, part_bytes=PART_BYTES, single_put_bytes=PART_BYTES, page_keys=PAGE_KEYS)
    await store.start()
    yield store
    await store.close()


@pytest.fixture
async def client(settings: S3Settings) -> AsyncIterator[S3Client]:
    """The bucket without the store."""
    client = S3Client(settings)
    await client.start()
    yield client
    await client.close()


class TestS3BlobStore(BlobStoreContract):
    """The contract."""


async def uploads_under_way(client: S3Client, key: str) -> list[Any]:
    # MinIO lists the uploads of one blob only.
    found: list[Any] = (await client.call("list_multipart_uploads", Prefix=key)).get("Uploads", [])
    return found


async def megabytes(count: int, then: Exception | None = None) -> AsyncIterator[bytes]:
    for number in range(count):
        yield bytes([number]) * MIB
    if then is not None:
        raise then


@pytest.mark.parametrize("announced", [True, False], ids=["of-known-size", "of-unknown-size"])
@pytest.mark.parametrize("count", [5, 12, 15])
async def test_a_blob_larger_than_a_part_is_kept_whole(store: BlobStore, announced: bool, count: int) -> None:
    version = await store.put(file_path("large"), megabytes(count), count * MIB if announced else None)
    assert version.size == count * MIB
    assert await get(store, "large") == b"".join([chunk async for chunk in megabytes(count)])


@pytest.mark.parametrize("announced", [True, False], ids=["of-known-size", "of-unknown-size"])
async def test_an_multipart_upload_that_breaks_leaves_no_part(
    store: BlobStore, client: S3Client, announced: bool
) -> None:
    with pytest.raises(SourceBroke):
        await store.put(file_path("large"), megabytes(12, then=SourceBroke()), 13 * MIB if announced else None)
    assert await entries(store) == []
    assert await uploads_under_way(client, "a/b/large") == []


@pytest.mark.parametrize("size", [2, MIB - 1, 4 * MIB, 9 * MIB])
async def test_an_upload_of_another_size_than_announced_leaves_nothing(
    store: BlobStore, client: S3Client, size: int
) -> None:
    with pytest.raises(InvalidParameterValue):
        await store.put(file_path("short"), megabytes(size // MIB), size + 1)
    assert await entries(store) == []
    assert await uploads_under_way(client, "a/b/short") == []


async def test_a_version_that_was_replaced_is_not_read_on(store: BlobStore) -> None:
    await put(store, "a", LARGE)
    async with store.open(file_path("a")) as blob:
        await put(store, "a", LARGE[::-1])
        with pytest.raises(StoreUnavailable):
            assert [chunk async for chunk in blob.read(500_000, 100_000)] == []


async def test_a_version_that_was_deleted_is_not_read_on(store: BlobStore) -> None:
    await put(store, "a", LARGE)
    async with store.open(file_path("a")) as blob:
        await store.delete(file_path("a"))
        with pytest.raises(StoreUnavailable):
            assert [chunk async for chunk in blob.read(500_000, 100_000)] == []


async def test_a_bucket_without_prefix_is_a_store_too(settings: S3Settings, store: BlobStore) -> None:
    await put(store, "x/y", b"1")
    whole = store_of(replace(settings, prefix=ROOT))
    await whole.start()
    await put(whole, "top", b"12")
    assert await entries(whole) == [Entry("a", None), Entry("top", 2)]
    assert await get(whole, "a/b/x/y") == b"1"
    await whole.close()


async def test_nothing_beside_the_prefix_is_listed_or_deleted(store: BlobStore, client: S3Client) -> None:
    for key in ("a/bc", "a/b-", "a/c/1", "b"):
        await client.call("put_object", Key=key, Body=b"beside")
    await put(store, "c", b"1")
    assert await entries(store) == [Entry("c", 1)]
    await store.delete(file_path("c"))
    listed = await client.call("list_objects_v2")
    assert [blob["Key"] for blob in listed["Contents"]] == ["a/b-", "a/bc", "a/c/1", "b"]


async def test_folder_markers_of_other_tools_are_folders_and_no_blobs(store: BlobStore, client: S3Client) -> None:
    for key in ("a/b/", "a/b/empty/"):
        await client.call("put_object", Key=key, Body=b"")
    assert await entries(store) == [Entry("empty", None)]
    assert await entries(store, "empty") == []


async def test_keys_that_no_path_can_name_are_not_listed(store: BlobStore, client: S3Client) -> None:
    for key in ("a/b/good", "a/b/x#y", "a/b/back\\slash"):
        await client.call("put_object", Key=key, Body=b"1")
    assert await entries(store) == [Entry("good", 1)]


async def test_a_large_folder_is_deleted_whole(store: BlobStore, client: S3Client) -> None:
    for number in range(PAGE_KEYS * 2 + 5):
        await client.call("put_object", Key=f"a/b/f/{number}", Body=b"")
    await store.delete(folder_path("f"))
    assert await entries(store) == []


async def test_names_around_the_end_of_a_page_are_in_order(store: BlobStore, client: S3Client) -> None:
    """S3 lists the folder `x` after many names that begin with `x-`, on the second page."""
    names = ["x", *(f"x-{number:03}.txt" for number in range(PAGE_KEYS * 2 + 5)), "y"]
    for name in names[1:-1]:
        await client.call("put_object", Key=f"a/b/{name}", Body=b"")
    await put(store, "x/1", b"1")
    await put(store, "y", b"1")
    assert [entry.name for entry in await entries(store)] == names
    assert [entry.name for entry in await entries(store, after="x")] == names[1:]


async def test_the_arguments_of_uploads_reach_the_store(settings: S3Settings, client: S3Client) -> None:
    store = store_of(replace(settings, upload_args={"ContentLanguage": "de"}), single_put_bytes=PART_BYTES)
    await store.start()
    for size in (1, 4 * MIB, 6 * MIB):
        await store.put(file_path("a.json"), content(*[b"x" * (size // 4)] * 4, b"x" * (size % 4)), size)
        found = await client.call("head_object", Key="a/b/a.json")
        assert found["ContentLanguage"] == "de"
        assert found["ContentType"].startswith("text/plain")
    await store.close()


async def test_a_store_that_is_away_is_unavailable_and_not_empty(settings: S3Settings, unused_tcp_port: int) -> None:
    store = store_of(replace(settings, endpoint_url=f"http://127.0.0.1:{unused_tcp_port}"))
    await store.start()
    reached = (get(store, "a"), put(store, "a", b"1"), store.delete(file_path("a")), entries(store))
    for asked in (*reached, store.check_writable()):
        with pytest.raises(StoreUnavailable):
            await asked
    await store.close()


async def test_a_bucket_that_is_not_there_is_refused_and_not_empty(settings: S3Settings) -> None:
    store = store_of(replace(settings, bucket="no-such-bucket-anywhere"))
    await store.start()
    for reached in (put(store, "a", b"1"), entries(store), get(store, "a"), store.check_writable()):
        with pytest.raises(StoreRefused):
            await reached
    await store.close()


async def test_finding_out_whether_it_can_be_written_leaves_no_upload(store: BlobStore, client: S3Client) -> None:
    await store.check_writable()
    assert await uploads_under_way(client, "a/b/") == []


async def test_errors_show_no_credentials(settings: S3Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    store = store_of(settings)
    await store.start()
    for asked in (put(store, "a", b"1"), store.check_writable()):
        with pytest.raises(StoreRefused) as refused:
            await asked
        assert "SignatureDoesNotMatch" in refused.value.message
        assert "secret" not in refused.value.message
        assert "tracklog" not in refused.value.message
    await store.close()


async def test_deleting_a_missing_blob_of_an_opened_store_finds_nothing(store: BlobStore) -> None:
    with pytest.raises(BlobNotFound):
        await store.stat(file_path("nothing"))


async def test_no_name_is_reserved_where_nothing_is_staged(store: BlobStore) -> None:
    await put(store, f"{STAGING}/a", b"1")
    assert await entries(store) == [Entry(STAGING, None)]
    assert await get(store, f"{STAGING}/a") == b"1"
