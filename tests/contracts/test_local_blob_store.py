"""The local folder keeps the contract of blob stores, and is not led astray by what lies in the folder."""

import asyncio
import errno
import os
import shutil
import stat
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from artifact_proxy.artifact_path import file_path, folder_path
from artifact_proxy.stores.blob_store import (
    BlobNotFound,
    BlobStore,
    Entry,
    NotABlob,
    StoreFull,
    StoreRefused,
    StoreUnavailable,
)
from artifact_proxy.stores.local.blob_store import LocalBlobStore
from artifact_proxy.stores.local.contents import ABANDONED_AFTER_S
from artifact_proxy.stores.staging import PARTS, STAGING
from schemas.errors import InvalidParameterValue
from tests.contracts.blob_store_contract import LARGE, BlobStoreContract, content, entries, get, put


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "not" / "yet" / "there"


@pytest.fixture
async def store(root: Path) -> AsyncIterator[LocalBlobStore]:
    store = LocalBlobStore(root)
    await store.start()
    yield store
    await store.close()


class TestLocalBlobStore(BlobStoreContract):
    """The contract."""


def staged(root: Path) -> list[str]:
    return os.listdir(root / STAGING) if (root / STAGING).exists() else []


async def test_a_store_that_is_only_read_makes_no_folder(store: BlobStore, root: Path) -> None:
    assert await entries(store) == []
    await store.delete(file_path("a"))
    with pytest.raises(BlobNotFound):
        await get(store, "a")
    assert not root.exists()


async def test_no_upload_leaves_anything_in_the_staging_folder(store: BlobStore, root: Path) -> None:
    await put(store, "a", LARGE)
    with pytest.raises(ZeroDivisionError):
        await store.put(file_path("b"), content(LARGE, then=ZeroDivisionError()))
    with pytest.raises(NotABlob):
        await put(store, "a/b", LARGE)
    assert staged(root) == []


async def test_an_upload_is_synced_before_it_is_in_its_place(
    store: BlobStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append(("folder" if is_folder else "file", (root / "a").exists()))
        sync(descriptor)

    await put(store, "z", b"1")  # the staging folder is made
    monkeypatch.setattr(os, "fsync", watched)
    await put(store, "a", b"1")
    assert synced == [("file", False), ("folder", True)]


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, StoreFull),
        (errno.EDQUOT, StoreFull),
        (errno.EIO, StoreUnavailable),
        (errno.EROFS, StoreRefused),
        (errno.EACCES, StoreRefused),
        (errno.EPERM, StoreRefused),
    ],
)
async def test_a_disk_that_takes_no_more_is_told_as_what_it_is_and_leaves_nothing(
    store: BlobStore, root: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception]
) -> None:
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if os.fstat(descriptor).st_size > 300_000:
            raise OSError(number, os.strerror(number))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(error, match=os.strerror(number)):
        await put(store, "a", *[LARGE[:100_000]] * 8)
    assert await entries(store) == []
    assert staged(root) == []


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, StoreFull),
        (errno.EDQUOT, StoreFull),
        (errno.EIO, StoreUnavailable),
        (errno.EROFS, StoreRefused),
        (errno.EACCES, StoreRefused),
    ],
)
@pytest.mark.parametrize("call", ["open", "write", "fsync"])
async def test_a_store_that_cannot_be_written_says_why_and_keeps_nothing(
    store: BlobStore, root: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, error: type[Exception]
) -> None:
    await put(store, "a", b"1")

    def refused(*_args: object, **_options: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as broken, pytest.raises(error, match=os.strerror(number)):
        broken.setattr(os, call, refused)
        await store.check_writable()
    assert staged(root) == []
    await store.check_writable()
    assert staged(root) == []


async def test_a_disk_that_is_full_at_the_sync_leaves_the_old_version(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(store, "a", b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreFull):
        await put(store, "a", b"new")
    assert await get(store, "a") == b"old"


@pytest.mark.parametrize("size", [5, len(LARGE)], ids=["small", "large"])
async def test_a_disk_that_hangs_is_told_within_a_bound(root: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """As a mount does whose server is gone."""
    store = LocalBlobStore(root, patience_s=0.2)
    await put(store, "a", b"old")
    write, goes_on = os.write, threading.Event()

    def hung(descriptor: int, data: bytes) -> int:
        goes_on.wait(20)
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", hung)
    with pytest.raises(StoreUnavailable, match="does not answer"):
        await asyncio.wait_for(put(store, "b", LARGE[:size]), 5)
    goes_on.set()
    await store.close()
    assert staged(root) == []
    again = LocalBlobStore(root)
    assert await get(again, "a") == b"old"
    await again.close()


async def test_only_old_leftovers_of_uploads_are_swept_at_the_start(store: BlobStore, root: Path) -> None:
    await put(store, "a", b"1")
    for name, age_s in (("old", ABANDONED_AFTER_S + 60), ("young", 60)):
        (root / STAGING / name).touch()
        os.utime(root / STAGING / name, (time.time() - age_s,) * 2)
    await store.start()
    assert staged(root) == ["young"]


UPLOADER = """
import asyncio, sys
from pathlib import Path
from artifact_proxy.artifact_path import file_path
from artifact_proxy.stores.local.blob_store import LocalBlobStore

async def endless():
    while True:
        yield bytes(1 << 20)
        await asyncio.sleep(0.01)

async def main():
    store = LocalBlobStore(Path(sys.argv[1]))
    await store.start()
    upload_id = await store.multipart.create(file_path("a"))
    print(upload_id, flush=True)
    await store.multipart.put_part(file_path("a"), upload_id, 1, endless(), 1 << 40)

asyncio.run(main())
"""
"""Sends a part without an end."""


async def test_a_part_that_was_killed_in_the_middle_is_swept_and_one_under_way_is_not(
    store: LocalBlobStore, root: Path
) -> None:
    parts = root / STAGING / PARTS
    uploading = await asyncio.create_subprocess_exec(
        sys.executable, "-c", UPLOADER, str(root), stdout=asyncio.subprocess.PIPE
    )
    assert uploading.stdout is not None
    upload_id = (await uploading.stdout.readline()).decode().strip()
    while not (half := staged(parts)):
        await asyncio.sleep(0.01)
    await store.sweep()
    assert staged(parts) == half, "another process writes it"
    uploading.kill()
    await uploading.wait()
    await store.sweep()
    assert staged(parts) == half, "it may be under way"
    long_ago = (time.time() - ABANDONED_AFTER_S - 60,) * 2
    os.utime(parts / STAGING / half[0], long_ago)
    await store.sweep()
    assert staged(parts) == []
    assert await store.multipart.parts(file_path("a"), upload_id) == []


async def test_the_staging_folder_cannot_be_reached_by_any_path(store: BlobStore, root: Path) -> None:
    await put(store, "sub/a", b"1")
    (root / STAGING / "upload").touch()
    (root / "sub" / STAGING).mkdir()
    for path in (STAGING, f"{STAGING}/upload", f"sub/{STAGING}/x"):
        for reached in (get(store, path), put(store, path, b"1"), store.delete(file_path(path)), entries(store, path)):
            with pytest.raises(InvalidParameterValue):
                await reached
    assert await entries(store) == [Entry("sub", None)]
    assert await entries(store, "sub") == [Entry("a", 1)]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the root, with a file that must not be seen or touched."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("canary")
    return folder


LINKS = ["to-folder", "to-file", "to-parent", "to-root", "dangling", "inside"]


@pytest.fixture
async def linked(store: BlobStore, root: Path, outside: Path) -> BlobStore:
    """A store in whose root somebody laid links, out of it and inside it."""
    await put(store, "dir/real", b"1")
    (root / "to-folder").symlink_to(outside)
    (root / "to-file").symlink_to(outside / "secret")
    (root / "to-parent").symlink_to("..")
    (root / "to-root").symlink_to("/")
    (root / "dangling").symlink_to(outside / "new")
    (root / "inside").symlink_to("dir")
    return store


async def test_links_are_not_listed_nor_followed_to_read(linked: BlobStore) -> None:
    assert await entries(linked) == [Entry("dir", None)]
    for link in LINKS:
        assert await entries(linked, link) == []
        for path in (link, f"{link}/secret", f"{link}/real", f"{link}/outside/secret"):
            with pytest.raises(BlobNotFound):
                await get(linked, path)
            with pytest.raises(BlobNotFound):
                await linked.stat(file_path(path))


async def test_links_are_not_followed_to_write(linked: BlobStore, root: Path, outside: Path) -> None:
    for link in LINKS:
        with pytest.raises(NotABlob):
            await put(linked, f"{link}/new", b"1")
    assert os.listdir(outside) == ["secret"]
    assert os.listdir(root / "dir") == ["real"]


async def test_putting_a_blob_where_a_link_is_replaces_the_link(linked: BlobStore, outside: Path) -> None:
    for link in LINKS:
        await put(linked, link, b"new")
        assert await get(linked, link) == b"new"
    assert [(file.name, file.read_text()) for file in outside.iterdir()] == [("secret", "canary")]


async def test_deleting_removes_links_and_never_what_they_point_at(
    linked: BlobStore, root: Path, outside: Path
) -> None:
    await linked.delete(file_path("to-folder/secret"))
    await linked.delete(file_path("to-folder"))
    (root / "dir" / "deep").mkdir()
    (root / "dir" / "deep" / "link").symlink_to(outside)
    await linked.delete(folder_path("dir"))
    assert not (root / "dir").exists()
    assert (outside / "secret").read_text() == "canary"


async def test_a_folder_that_becomes_a_link_between_two_requests_leads_nowhere(
    store: BlobStore, root: Path, outside: Path
) -> None:
    """Swap a folder and a link to the outside as fast as possible, while others read, write, list and delete there."""
    is_over = False
    (root / "swapped").mkdir(parents=True)
    (root / "link").symlink_to(outside)

    def rename(source: str, target: str) -> None:
        while True:
            try:
                return os.rename(root / source, root / target)
            except OSError:  # an upload made the folder anew
                shutil.rmtree(root / target, ignore_errors=True)

    def swap() -> None:
        while not is_over:
            rename("swapped", "aside")
            rename("link", "swapped")
            rename("swapped", "link")
            rename("aside", "swapped")

    async def attempt(number: int) -> None:
        for work in (put(store, f"swapped/{number}", b"1"), store.delete(file_path("swapped/secret"))):
            with suppress(NotABlob, StoreUnavailable):
                await work
        assert "secret" not in [entry.name for entry in await entries(store, "swapped")]
        with pytest.raises(BlobNotFound):
            await get(store, "swapped/secret")

    swapping = asyncio.create_task(asyncio.to_thread(swap))
    try:
        for start in range(0, 400, 8):
            await asyncio.gather(*(attempt(number) for number in range(start, start + 8)))
    finally:
        is_over = True
        await swapping
    assert [(file.name, file.read_text()) for file in outside.iterdir()] == [("secret", "canary")]


async def test_pipes_and_devices_are_not_blobs_and_do_not_block(store: BlobStore, root: Path) -> None:
    await put(store, "a", b"1")
    os.mkfifo(root / "pipe")
    assert await entries(store) == [Entry("a", 1)]
    with pytest.raises(BlobNotFound):
        await asyncio.wait_for(get(store, "pipe"), 5)


async def test_names_that_no_path_can_hold_are_not_listed(store: BlobStore, root: Path) -> None:
    await put(store, "a", b"1")
    for name in (b"a#b", b"back\\slash", b"line\nfeed", b"C:", b"latin-\xe9"):
        (root / os.fsdecode(name)).touch()
    assert await entries(store) == [Entry("a", 1)]


async def test_the_root_itself_may_be_a_link(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "root").symlink_to(outside)
    store = LocalBlobStore(tmp_path / "root")
    assert await get(store, "secret") == b"canary"
    await store.close()


async def test_a_download_that_is_ended_in_the_middle_closes_its_file(store: BlobStore) -> None:
    await put(store, "a", LARGE)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        async with store.open(file_path("a")) as blob:
            async for _chunk in blob.read(0, blob.info.size):
                break
    assert len(os.listdir("/proc/self/fd")) == before


async def test_cancelling_at_any_moment_leaves_no_file_open_or_staged(store: BlobStore, root: Path) -> None:
    await put(store, "a", LARGE)
    before = len(os.listdir("/proc/self/fd"))
    for step in range(40):
        tasks = [asyncio.create_task(get(store, "a")), asyncio.create_task(put(store, "b", *[LARGE[:100_000]] * 6))]
        await asyncio.sleep(step * 0.0002)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.to_thread(wait_until, lambda: staged(root) == [] and len(os.listdir("/proc/self/fd")) <= before)


def wait_until(is_true: Callable[[], bool], timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
