"""What every adapter of the blob store must do, whatever it is made of.

A test module subclasses `BlobStoreContract` and gives it a fixture `store`: a new, empty, started BlobStore.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from artifact_proxy.artifact_path import ROOT, ArtifactPath, file_path, folder_path
from artifact_proxy.stores.blob_store import BlobNotFound, BlobStore, Entry, HeldPart, NotABlob, StoreUnavailable
from schemas.errors import InvalidParameterValue

LARGE = bytes(range(256)) * 4096
"""A mebibyte: several chunks of any store."""


PART = 5 << 20
"""The least that S3 takes as a part that is not the last."""


class SourceBroke(Exception):
    """What the content of an upload raises in a test."""


async def content(*chunks: bytes, then: Exception | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if then is not None:
        raise then


async def put(store: BlobStore, path: str, *chunks: bytes) -> None:
    await store.put(file_path(path), content(*chunks))


async def get(store: BlobStore, path: str) -> bytes:
    async with store.open(file_path(path)) as blob:
        return b"".join([chunk async for chunk in blob.read(0, blob.info.size)])


async def entries(store: BlobStore, folder: str = "", after: str = "") -> list[Entry]:
    return [entry async for entry in store.entries(folder_path(folder), after)]


class BlobStoreContract:
    """The rules. `refused_in_names` are characters that the store cannot keep and must refuse.

    `large_folder` is how many blobs a folder holds to be larger than what the store lists at once.
    """

    refused_in_names: ClassVar[str] = ""
    large_folder: ClassVar[int] = 1_234

    @pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, len(LARGE)])
    async def test_a_blob_is_read_back_byte_for_byte(self, store: BlobStore, size: int) -> None:
        await put(store, "a/b.bin", LARGE[:size])
        assert await get(store, "a/b.bin") == LARGE[:size]

    async def test_finding_out_whether_it_can_be_written_leaves_nothing_that_is_seen(self, store: BlobStore) -> None:
        for _ in range(3):
            await store.check_writable()
        assert await entries(store) == []
        await put(store, "a", b"1")
        await store.check_writable()
        assert await entries(store) == [Entry("a", 1)]

    async def test_the_way_a_blob_is_cut_into_chunks_does_not_show(self, store: BlobStore) -> None:
        await put(store, "a", *(LARGE[start : start + 7_001] for start in range(0, len(LARGE), 7_001)))
        assert await get(store, "a") == LARGE

    async def test_putting_again_replaces_the_blob(self, store: BlobStore) -> None:
        await put(store, "a", LARGE)
        await put(store, "a", b"short")
        assert await get(store, "a") == b"short"

    async def test_any_part_of_a_blob_can_be_read_alone(self, store: BlobStore) -> None:
        await put(store, "a", LARGE)
        async with store.open(file_path("a")) as blob:
            for start, length in ((0, 1), (500_000, 300_000), (len(LARGE) - 3, 3), (5, 0)):
                part = b"".join([chunk async for chunk in blob.read(start, length)])
                assert part == LARGE[start : start + length]

    async def test_stat_and_open_and_put_agree_about_a_blob(self, store: BlobStore) -> None:
        before = datetime.now(UTC) - timedelta(seconds=5)
        version = await store.put(file_path("a"), content(b"12345"))
        info = await store.stat(file_path("a"))
        async with store.open(file_path("a")) as blob:
            assert blob.info == info
        assert (info.size, info.etag) == (version.size, version.etag)
        assert info.size == 5
        assert before < info.modified < datetime.now(UTC) + timedelta(seconds=5)

    async def test_the_etag_stays_until_the_blob_is_put_again(self, store: BlobStore) -> None:
        first = await store.put(file_path("a"), content(b"same length"))
        assert (await store.stat(file_path("a"))).etag == first.etag
        second = await store.put(file_path("a"), content(b"SAME LENGTH"))
        assert second.etag != first.etag

    async def test_an_open_blob_is_read_as_it_was_or_not_at_all(self, store: BlobStore) -> None:
        await put(store, "a", LARGE)
        async with store.open(file_path("a")) as blob:
            await put(store, "a", b"new" * 400_000)
            try:
                was_read = b"".join([chunk async for chunk in blob.read(0, blob.info.size)])
            except StoreUnavailable:
                return
            assert was_read == LARGE

    @pytest.mark.parametrize("size", [0, 1, len(LARGE)])
    async def test_a_blob_whose_size_is_announced_is_kept(self, store: BlobStore, size: int) -> None:
        await store.put(file_path("a/b"), content(LARGE[: size // 2], LARGE[size // 2 : size]), size)
        assert await get(store, "a/b") == LARGE[:size]

    @pytest.mark.parametrize("head", [b"short", LARGE], ids=["little", "much"])
    async def test_a_put_of_announced_size_whose_source_breaks_leaves_nothing(
        self, store: BlobStore, head: bytes
    ) -> None:
        with pytest.raises(SourceBroke):
            await store.put(file_path("a/b"), content(head, then=SourceBroke()), 2 * len(LARGE))
        assert await entries(store) == []

    async def test_names_are_in_order_whatever_they_are_made_of(self, store: BlobStore) -> None:
        paths = ["a", "a!/1", "a-b", "a-/1", "a.d/1", "a0", "b/1", "b-", "b!", "b b", "b+/1", "b/2", "é", "z", "🚀/1"]
        for path in paths:
            await put(store, path, b"1")
        names = sorted({path.split("/")[0] for path in paths})
        assert [entry.name for entry in await entries(store)] == names
        for after in names:
            assert [entry.name for entry in await entries(store, after=after)] == [n for n in names if n > after]

    async def test_of_two_puts_at_once_one_wins_whole(self, store: BlobStore) -> None:
        ours, theirs = LARGE, LARGE[::-1]
        await asyncio.gather(
            *(put(store, "a", *[each[i : i + 99_999] for i in range(0, len(each), 99_999)]) for each in (ours, theirs))
        )
        assert await get(store, "a") in (ours, theirs)

    async def test_blobs_put_into_one_new_folder_at_once_are_all_there(self, store: BlobStore) -> None:
        await asyncio.gather(*(put(store, f"x/y/z/{number}", b"1") for number in range(50)))
        assert len(await entries(store, "x/y/z")) == 50

    @pytest.mark.parametrize("head", [b"", b"short", LARGE], ids=["nothing", "little", "much"])
    async def test_a_put_whose_source_breaks_leaves_nothing(self, store: BlobStore, head: bytes) -> None:
        with pytest.raises(SourceBroke):
            await store.put(file_path("a/b"), content(head, then=SourceBroke()))
        with pytest.raises(BlobNotFound):
            await get(store, "a/b")
        assert await entries(store) == []

    async def test_a_put_whose_source_breaks_leaves_the_old_version(self, store: BlobStore) -> None:
        await put(store, "a", b"old")
        with pytest.raises(SourceBroke):
            await store.put(file_path("a"), content(LARGE, then=SourceBroke()))
        assert await get(store, "a") == b"old"

    async def test_a_cancelled_put_leaves_nothing(self, store: BlobStore) -> None:
        is_under_way = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            yield LARGE
            is_under_way.set()
            await asyncio.Event().wait()

        uploading = asyncio.create_task(store.put(file_path("a"), endless()))
        await is_under_way.wait()
        uploading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await uploading
        assert await entries(store) == []

    async def test_what_is_missing_is_not_found(self, store: BlobStore) -> None:
        await put(store, "a/b", b"1")
        for missing in ("c", "a/c", "c/d", "a/b/c"):
            with pytest.raises(BlobNotFound):
                await get(store, missing)
            with pytest.raises(BlobNotFound):
                await store.stat(file_path(missing))

    async def test_a_folder_is_not_a_blob(self, store: BlobStore) -> None:
        await put(store, "a/b", b"1")
        with pytest.raises(NotABlob):
            await get(store, "a")
        with pytest.raises(NotABlob):
            await store.stat(file_path("a"))
        with pytest.raises(NotABlob):
            await put(store, "a", b"1")

    async def test_a_blob_is_not_a_folder(self, store: BlobStore) -> None:
        await put(store, "a", b"1")
        with pytest.raises(NotABlob):
            await put(store, "a/b", b"1")
        assert await get(store, "a") == b"1"

    async def test_a_folder_lists_blobs_with_their_size_and_folders_without(self, store: BlobStore) -> None:
        await put(store, "f/b.txt", b"123")
        await put(store, "f/a/deep/er", b"1")
        await put(store, "f/é", b"")
        assert await entries(store, "f") == [Entry("a", None), Entry("b.txt", 3), Entry("é", 0)]
        assert await entries(store) == [Entry("f", None)]

    async def test_listing_a_blob_or_nothing_gives_nothing(self, store: BlobStore) -> None:
        await put(store, "a", b"1")
        assert await entries(store, "a") == []
        assert await entries(store, "missing/folder") == []

    async def test_a_large_folder_is_listed_whole_in_order_from_any_name_on(self, store: BlobStore) -> None:
        names = [f"{number:04}" for number in range(self.large_folder)]
        for start in range(0, len(names), 100):
            await asyncio.gather(*(put(store, f"f/{name}", b"1") for name in names[start : start + 100]))
        assert [entry.name for entry in await entries(store, "f")] == names
        assert [entry.name for entry in await entries(store, "f", after=names[-35])] == names[-34:]

    async def test_delete_removes_a_blob_or_a_folder_and_nothing_beside(self, store: BlobStore) -> None:
        for path in ("a/1", "a/b/2", "a/b/c/3", "ab", "c"):
            await put(store, path, b"1")
        await store.delete(file_path("c"))
        await store.delete(folder_path("a/b"))
        assert await entries(store) == [Entry("a", None), Entry("ab", 1)]
        assert await entries(store, "a") == [Entry("1", 1)]

    async def test_deleting_what_is_not_there_is_no_error(self, store: BlobStore) -> None:
        await put(store, "a", b"1")
        for path in ("b", "b/c", "a/b"):
            await store.delete(file_path(path))
        assert await get(store, "a") == b"1"

    async def test_the_root_is_never_deleted(self, store: BlobStore) -> None:
        await put(store, "a", b"1")
        with pytest.raises(InvalidParameterValue):
            await store.delete(ROOT)
        assert await get(store, "a") == b"1"

    async def test_putting_and_deleting_at_once_ends_in_one_of_both(self, store: BlobStore) -> None:
        for _ in range(20):
            await asyncio.gather(
                *(put(store, f"a/b/{number}", b"1") for number in range(5)),
                *(store.delete(file_path("a")) for _ in range(3)),
            )
        await store.delete(file_path("a"))
        assert await entries(store) == []

    @pytest.mark.parametrize(
        "name",
        ["with space", "100%", "%2e%2e", "a+b", "a&b=c?d", "naïve", "漢字🚀", "'quote\"", "C:x", "...", "~", "e\u0301"],
    )
    async def test_names_mean_themselves(self, store: BlobStore, name: str) -> None:
        if set(name) & set(self.refused_in_names):
            with pytest.raises(InvalidParameterValue):
                await put(store, f"a/{name}", b"1")
            with pytest.raises((InvalidParameterValue, BlobNotFound)):
                await store.stat(file_path(f"a/{name}"))
            return
        await put(store, f"{name}/{name}", b"1")
        assert await entries(store) == [Entry(name, None)]
        assert await entries(store, name) == [Entry(name, 1)]
        assert await get(store, f"{name}/{name}") == b"1"

    async def test_the_longest_path_is_kept(self, store: BlobStore) -> None:
        path = ArtifactPath(("é" * 127, *["x" * 255] * 2, "y" * 250))
        await store.put(path, content(b"1"))
        assert (await store.stat(path)).size == 1

    async def test_parts_become_one_blob_in_the_order_of_their_naming(self, store: BlobStore) -> None:
        path, uploads = file_path("f/large"), store.multipart
        upload_id = await uploads.create(path)
        parts = [bytes([number]) * PART for number in (1, 2)] + [b"end"]
        etags = await asyncio.gather(
            *(
                uploads.put_part(path, upload_id, number, content(part), len(part))
                for number, part in enumerate(parts, 1)
            )
        )
        assert await entries(store) == []
        version = await uploads.complete(path, upload_id, list(enumerate(etags, 1)))
        assert version.size == 2 * PART + 3
        # A store that joins the parts by itself shows nobody the bytes.
        assert version.sha256 in (None, hashlib.sha256(b"".join(parts)).hexdigest())
        assert (await store.stat(path)).etag == version.etag
        assert await get(store, "f/large") == b"".join(parts)
        assert await entries(store) == [Entry("f", None)]

    async def test_an_multipart_upload_tells_what_it_holds_and_takes_a_part_again(self, store: BlobStore) -> None:
        path, uploads = file_path("a"), store.multipart
        upload_id = await uploads.create(path)
        assert await uploads.parts(path, upload_id) == []
        with pytest.raises(SourceBroke):
            await uploads.put_part(path, upload_id, 1, content(LARGE, then=SourceBroke()), 2 * len(LARGE))
        assert await uploads.parts(path, upload_id) == []
        first = await uploads.put_part(path, upload_id, 2, content(b"old"), 3)
        again = await uploads.put_part(path, upload_id, 2, content(b"second"), 6)
        assert await uploads.parts(path, upload_id) == [HeldPart(2, 6, again)]
        with pytest.raises(InvalidParameterValue):
            await uploads.complete(path, upload_id, [(2, first)])
        await uploads.complete(path, upload_id, [(2, "")])
        assert await get(store, "a") == b"second"

    async def test_an_multipart_upload_that_is_aborted_is_gone(self, store: BlobStore) -> None:
        path, uploads = file_path("a"), store.multipart
        upload_id = await uploads.create(path)
        etag = await uploads.put_part(path, upload_id, 1, content(b"1"), 1)
        await uploads.abort(path, upload_id)
        with pytest.raises(InvalidParameterValue):
            await uploads.complete(path, upload_id, [(1, etag)])
        with pytest.raises(InvalidParameterValue):
            await uploads.put_part(path, upload_id, 1, content(b"1"), 1)
        assert await entries(store) == []

    async def test_an_multipart_upload_is_of_one_path_and_its_id_of_one_upload(self, store: BlobStore) -> None:
        path, uploads = file_path("a"), store.multipart
        upload_id = await uploads.create(path)
        etag = await uploads.put_part(path, upload_id, 1, content(b"1"), 1)
        # Not the last character: MinIO's ids are base64, where that may hold bits that nobody reads.
        never_given = upload_id[:-8] + ("x" if upload_id[-8] != "x" else "y") + upload_id[-7:]
        for wrong_path, wrong_id in ((file_path("b"), upload_id), (path, never_given), (path, "../a")):
            with pytest.raises(InvalidParameterValue):
                await uploads.put_part(wrong_path, wrong_id, 1, content(b"2"), 1)
            with pytest.raises(InvalidParameterValue):
                await uploads.complete(wrong_path, wrong_id, [(1, etag)])
            await uploads.abort(wrong_path, wrong_id)
        await uploads.complete(path, upload_id, [(1, etag)])
        assert await get(store, "a") == b"1"

    async def test_a_part_that_was_not_sent_cannot_be_named(self, store: BlobStore) -> None:
        path, uploads = file_path("a"), store.multipart
        upload_id = await uploads.create(path)
        await uploads.put_part(path, upload_id, 1, content(b"1"), 1)
        with pytest.raises(InvalidParameterValue):
            await uploads.complete(path, upload_id, [(1, ""), (2, "")])
        assert await entries(store) == []
