"""What conflicts with a put into a bucket, and how often it is looked for."""

import pytest

from artifact_proxy.artifact_path import ArtifactPath, file_path
from artifact_proxy.stores.blob_store import BlobNotFound, NotABlob
from artifact_proxy.stores.buckets.folders import KNOWN_FOR_S, BucketFolders


class Bucket:
    """Blobs by their paths, a clock, and the paths of which was asked whether they are blobs."""

    def __init__(self, *blobs: str) -> None:
        self.blobs = set(blobs)
        self.now_s = 100.0
        self.asked: list[str] = []
        self.folders = BucketFolders(self._is_blob, self._is_folder, lambda: self.now_s)

    async def _is_blob(self, path: ArtifactPath) -> bool:
        self.asked.append(str(path))
        return str(path) in self.blobs

    async def _is_folder(self, path: ArtifactPath) -> bool:
        return any(blob.startswith(f"{path}/") for blob in self.blobs)


async def test_a_blob_cannot_be_put_where_a_folder_is_or_below_a_blob() -> None:
    folders = Bucket("a/b", "c").folders
    for conflicting in ("a", "c/d", "a/b/x/y"):
        with pytest.raises(NotABlob):
            await folders.check_nothing_in_the_way(file_path(conflicting))
    await folders.check_nothing_in_the_way(file_path("a/c"))


async def test_the_folders_on_the_way_are_looked_at_once_in_a_while() -> None:
    bucket = Bucket()
    for name in ("1", "2"):
        await bucket.folders.check_nothing_in_the_way(file_path(f"a/b/{name}"))
    assert bucket.asked == ["a", "a/b"]
    bucket.now_s += KNOWN_FOR_S
    await bucket.folders.check_nothing_in_the_way(file_path("a/b/3"))
    assert bucket.asked == ["a", "a/b"] * 2


async def test_every_folder_is_looked_at_again_after_a_deletion() -> None:
    bucket = Bucket()
    await bucket.folders.check_nothing_in_the_way(file_path("a/1"))
    bucket.folders.forget()
    bucket.blobs.add("a")
    with pytest.raises(NotABlob):
        await bucket.folders.check_nothing_in_the_way(file_path("a/2"))


async def test_a_missing_blob_may_be_a_folder() -> None:
    folders = Bucket("a/b").folders
    assert isinstance(await folders.missing(file_path("a")), NotABlob)
    assert isinstance(await folders.missing(file_path("b")), BlobNotFound)
