"""A bucket of objects, or a folder in one, as a BlobStore."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from artifact_proxy.artifact_path import ROOT, ArtifactPath
from artifact_proxy.http.attachment import content_type_of
from artifact_proxy.stores.blob_store import (
    BlobInfo,
    BlobNotFound,
    BlobStore,
    BlobVersion,
    Entry,
    OpenBlob,
    PartedUploads,
    StoreUnavailable,
)
from artifact_proxy.stores.buckets.folders import BucketFolders
from artifact_proxy.stores.buckets.listing import in_order
from artifact_proxy.stores.buckets.object_bucket import ObjectBucket
from artifact_proxy.stores.sized_chunks import SizedChunks
from artifact_proxy.stores.staged_parts import StagedParts
from artifact_proxy.stores.staging import PARTS, PROBE, STAGING, check_is_below_root, check_not_staging
from artifact_proxy.stores.sweeping import Sweeping
from schemas.errors import InvalidParameterValue
from schemas.rest.route import KIB

SMALL_BYTES: Final = 256 * KIB
"""A blob no larger than this is sent from memory, so that it can be sent again when the store hiccups."""

LARGE_AT_ONCE: Final = 16
"""Larger uploads hold a few mebibytes each, so others wait."""

LARGE_WAIT_S: Final = 30.0


class ObjectBlobStore(BlobStore):
    """The folder `prefix` of `bucket`."""

    def __init__(self, bucket: ObjectBucket, prefix: ArtifactPath = ROOT) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self._putting: WeakValueDictionary[ArtifactPath, asyncio.Lock] = WeakValueDictionary()
        self._folders = BucketFolders(self._is_blob, self._is_folder)
        self._parted: StagedParts | None = None
        self._sweeping = Sweeping(self.sweep)

    @property
    def parted(self) -> PartedUploads:
        return self._staged_parts()

    def _staged_parts(self) -> StagedParts:
        if self._parted is None:
            self._parted = StagedParts(
                self, ObjectBlobStore(self._bucket, self._prefix.joined(ArtifactPath((STAGING, PARTS))))
            )
        return self._parted

    async def start(self) -> None:
        await self._bucket.start()
        self._sweeping.start()

    async def sweep(self) -> None:
        """Remove the parts of uploads that nobody goes on with. Half objects a bucket never shows, and drops itself.

        Raises StoreUnavailable.
        """
        await self._staged_parts().sweep()

    async def close(self) -> None:
        await self._sweeping.close()
        await self._bucket.close()

    async def check_writable(self) -> None:
        await self._bucket.check_writable(self._key(ArtifactPath((STAGING, PROBE))))

    async def put(self, path: ArtifactPath, content: AsyncIterator[bytes], size: int | None = None) -> BlobVersion:
        check_is_below_root(path)
        await self._folders.check_nothing_in_the_way(path)
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
            raise await self._folders.missing(path) from None

    async def entries(self, folder: ArtifactPath, after: str = "") -> AsyncIterator[Entry]:
        check_not_staging(folder)
        prefix = self._keys_below(folder)

        async def is_folder(name: str) -> bool:
            return await self._is_folder(ArtifactPath((*folder.segments, name)))

        async for entry in in_order(self._bucket.pages(prefix, after), is_folder, after):
            if entry.name != STAGING:
                yield entry

    async def delete(self, path: ArtifactPath) -> None:
        if not path.segments:
            raise InvalidParameterValue("The root of all artifacts cannot be deleted.")
        check_not_staging(path)
        self._folders.forget()
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

    async def _is_blob(self, path: ArtifactPath) -> bool:
        try:
            await self._bucket.head(self._key(path))
        except BlobNotFound:
            return False
        return True

    async def _is_folder(self, path: ArtifactPath) -> bool:
        async for keys in self._bucket.keys(self._keys_below(path)):
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
