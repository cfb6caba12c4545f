"""A bucket of objects, or a folder in one, as a BlobStore.

Such stores know no folders: a blob `a` and blobs below `a/` can both be. Before a put this store looks for what is in
the way. Two puts at once may miss each other, and then both are kept, reachable and deletable.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from artifact_proxy.artifact_path import ROOT, ArtifactPath, refused
from artifact_proxy.attachment import content_type_of
from artifact_proxy.blob_store import (
    BlobInfo,
    BlobNotFound,
    BlobStore,
    BlobVersion,
    Entry,
    NotABlob,
    OpenBlob,
    PartedUploads,
    StoreUnavailable,
)
from artifact_proxy.object_bucket import ObjectBucket
from artifact_proxy.s3_known_folders import KnownFolders
from artifact_proxy.s3_listing import in_order
from artifact_proxy.sized_chunks import SizedChunks
from artifact_proxy.staged_parts import StagedParts
from schemas.errors import InvalidParameterValue
from schemas.rest.route import KIB

SMALL_BYTES: Final = 256 * KIB
"""A blob no larger than this is sent from memory, so that it can be sent again when the store hiccups."""

LARGE_AT_ONCE: Final = 16
"""Larger uploads hold a few mebibytes each, so others wait."""

LARGE_WAIT_S: Final = 30.0

STAGING: Final = ".tracklog-uploads"
"""The folder below the root that holds the parts of uploads that come in parts. No path may name it."""

PARTS: Final = ArtifactPath((STAGING, "parts"))


class ObjectBlobStore(BlobStore):
    """The folder `prefix` of `bucket`."""

    def __init__(self, bucket: ObjectBucket, prefix: ArtifactPath = ROOT) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self._putting: WeakValueDictionary[ArtifactPath, asyncio.Lock] = WeakValueDictionary()
        self._known_folders = KnownFolders()
        self._parted: StagedParts | None = None

    @property
    def parted(self) -> PartedUploads:
        if self._parted is None:
            self._parted = StagedParts(self, ObjectBlobStore(self._bucket, self._prefix.joined(PARTS)))
        return self._parted

    async def start(self) -> None:
        await self._bucket.start()

    async def close(self) -> None:
        await self._bucket.close()

    async def put(self, path: ArtifactPath, content: AsyncIterator[bytes], size: int | None = None) -> BlobVersion:
        check_is_below_root(path)
        await self._check_nothing_in_the_way(path)
        chunks = SizedChunks(content)
        head = await chunks.peek(SMALL_BYTES + 1)
        content_type = content_type_of(path.name)
        if len(head) <= SMALL_BYTES:
            if size not in (None, len(head)):
                raise InvalidParameterValue(f"The upload has {len(head)} bytes, and {size} were announced.")
            return await self._bucket.put(self._key(path), head, content_type)
        body = chunks.take(sys.maxsize) if size is None else chunks.take_exactly(size)
        async with self._large_put(path):
            return await self._bucket.put_stream(self._key(path), body, size, content_type)

    @asynccontextmanager
    async def open(self, path: ArtifactPath) -> AsyncIterator[OpenBlob]:
        yield _Object(self._bucket, self._key(path), await self.stat(path))

    async def stat(self, path: ArtifactPath) -> BlobInfo:
        check_is_below_root(path)
        try:
            return await self._bucket.head(self._key(path))
        except BlobNotFound:
            if await self._holds_anything(self._keys_below(path)):
                raise NotABlob(f"{str(path)!r} is a folder, not a file.") from None
            raise BlobNotFound(f"There is no artifact {str(path)!r}.") from None

    async def entries(self, folder: ArtifactPath, after: str = "") -> AsyncIterator[Entry]:
        check_not_staging(folder)
        prefix = self._keys_below(folder)

        async def is_folder(name: str) -> bool:
            return await self._holds_anything(f"{prefix}{name}/")

        async for entry in in_order(self._bucket.pages(prefix, after), is_folder, after):
            if entry.name != STAGING:
                yield entry

    async def delete(self, path: ArtifactPath) -> None:
        if not path.segments:
            raise InvalidParameterValue("The root of all artifacts cannot be deleted.")
        check_not_staging(path)
        self._known_folders.forget()
        await self._bucket.delete([self._key(path)])
        async for keys in self._bucket.keys(self._keys_below(path)):
            await self._bucket.delete(keys)

    def _key(self, path: ArtifactPath) -> str:
        return "/".join((*self._prefix.segments, *path.segments))

    def _keys_below(self, folder: ArtifactPath) -> str:
        key = self._key(folder)
        return f"{key}/" if key else ""

    @asynccontextmanager
    async def _large_put(self, path: ArtifactPath) -> AsyncIterator[None]:
        """A turn for a large upload. Of one blob there is one at a time: some stores refuse the earlier of two."""
        lock = self._putting.setdefault(path, asyncio.Lock())
        async with lock:
            try:
                async with asyncio.timeout(LARGE_WAIT_S):
                    await self._large.acquire()
            except TimeoutError as error:
                raise StoreUnavailable("Too many large uploads are under way.") from error
            try:
                yield
            finally:
                self._large.release()

    async def _check_nothing_in_the_way(self, path: ArtifactPath) -> None:
        """Raises NotABlob when `path` is a folder, or a part of it a blob."""
        above = [ArtifactPath(path.segments[:length]) for length in range(1, len(path.segments))]
        unknown = [folder for folder in above if folder not in self._known_folders]
        holds, *are_blobs = await asyncio.gather(
            self._holds_anything(self._keys_below(path)), *(self._is_blob(folder) for folder in unknown)
        )
        if holds:
            raise NotABlob(f"{str(path)!r} is a folder.")
        for folder, is_blob in zip(unknown, are_blobs, strict=True):
            if is_blob:
                raise NotABlob(f"A file is in the way of the folder {str(folder)!r}.")
            self._known_folders.add(folder)

    async def _is_blob(self, path: ArtifactPath) -> bool:
        try:
            await self._bucket.head(self._key(path))
        except BlobNotFound:
            return False
        return True

    async def _holds_anything(self, prefix: str) -> bool:
        async for keys in self._bucket.keys(prefix):
            if keys:
                return True
        return False


class _Object(OpenBlob):
    """One version of an object."""

    def __init__(self, bucket: ObjectBucket, key: str, info: BlobInfo) -> None:
        self.info = info
        self._bucket = bucket
        self._key = key

    async def read(self, start: int, length: int) -> AsyncIterator[bytes]:
        if not length:
            return
        left = length
        async with self._bucket.read(self._key, self.info, start, length) as chunks:
            async for chunk in chunks:
                left -= len(chunk)
                yield chunk
        if left:
            raise StoreUnavailable("The artifact store ended its answer too early.")


def check_is_below_root(path: ArtifactPath) -> None:
    """Raises NotABlob for the root, InvalidParameterValue for what is reserved."""
    if not path.segments:
        raise NotABlob("The root of all artifacts is a folder.")
    check_not_staging(path)


def check_not_staging(path: ArtifactPath) -> None:
    """Raises InvalidParameterValue for what lies where parts of uploads are kept."""
    if STAGING in path.segments:
        raise refused(str(path), f"the name '{STAGING}' is reserved")
