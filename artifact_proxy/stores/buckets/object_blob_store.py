"""A bucket of objects, or a folder in one, as a BlobStore."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from artifact_proxy.artifact_path import ROOT, ArtifactPath
from artifact_proxy.attachment import content_type_of
from artifact_proxy.stores.blob_store import (
    BlobInfo,
    BlobNotFound,
    BlobStore,
    BlobVersion,
    Entry,
    MultipartUploads,
    OpenBlob,
    Presigner,
)
from artifact_proxy.stores.buckets.folders import BucketFolders
from artifact_proxy.stores.buckets.listing import in_order
from artifact_proxy.stores.buckets.object_bucket import ObjectBucket
from artifact_proxy.stores.buckets.object_keys import ObjectKeys
from artifact_proxy.stores.staged_multipart import StagedMultipartUploads
from artifact_proxy.stores.staging import PARTS, PROBE, STAGING, check_not_all, check_not_root, check_not_staging
from artifact_proxy.stores.streams import SizedChunks, whole
from artifact_proxy.stores.sweeping import Sweeping
from artifact_proxy.stores.turns import Turns
from schemas.errors import InvalidParameterValue
from schemas.rest.route import KIB

SMALL_BYTES: Final = 256 * KIB
"""A blob no larger than this is sent from memory, so that it can be sent again when the store hiccups."""

LARGE_AT_ONCE: Final = 16
"""How many larger uploads are under way at once to a bucket where they wait."""

LARGE_WAIT_S: Final = 30.0

PROBED: Final = ArtifactPath((STAGING, PROBE))
STAGED_PARTS: Final = ArtifactPath((STAGING, PARTS))


class ObjectBlobStore(BlobStore):
    """The folder `prefix` of `bucket`. Its multipart uploads are the bucket's own, or staged as objects of it."""

    def __init__(self, bucket: ObjectBucket, prefix: ArtifactPath = ROOT) -> None:
        self._bucket = bucket
        self._keys = ObjectKeys(prefix)
        self._multipart = bucket.multipart_uploads(self._keys)
        self._is_staging = self._multipart is None
        self._presigner = bucket.presigner(self._keys)
        self._large = Turns(LARGE_AT_ONCE, LARGE_WAIT_S, "Too many large uploads are under way.")
        self._putting: WeakValueDictionary[ArtifactPath, asyncio.Lock] = WeakValueDictionary()
        self._folders = BucketFolders(self._is_blob, self._is_folder)
        self._sweeping = Sweeping(self.sweep)

    @property
    def multipart(self) -> MultipartUploads:
        if self._multipart is None:
            parts = ObjectBlobStore(self._bucket, self._keys.below(STAGED_PARTS).prefix)
            self._multipart = StagedMultipartUploads(self, parts)
        return self._multipart

    @property
    def presigner(self) -> Presigner | None:
        return self._presigner

    async def start(self, *, sweeps: bool = True) -> None:
        await self._bucket.start()
        if sweeps:
            self._sweeping.start()

    async def sweep(self) -> None:
        """Remove multipart uploads that were abandoned. A put that was killed leaves nothing else in a bucket.

        Raises StoreUnavailable.
        """
        await self.multipart.sweep()

    async def close(self) -> None:
        await self._sweeping.close()
        await self._bucket.close()

    async def check_writable(self) -> None:
        await self._bucket.check_writable(self._keys.of(PROBED))

    async def put(self, path: ArtifactPath, content: AsyncIterator[bytes], size: int | None = None) -> BlobVersion:
        self._check_blob(path)
        await self._folders.check_nothing_in_the_way(path)
        key, content_type = self._keys.of(path), content_type_of(path.name)
        chunks = SizedChunks(content)
        head = await chunks.peek(SMALL_BYTES + 1)
        if len(head) <= SMALL_BYTES:
            if size not in (None, len(head)):
                raise InvalidParameterValue(f"The upload has {len(head)} bytes, and {size} were announced.")
            return await self._bucket.put(key, head, content_type)
        body = chunks.take(sys.maxsize) if size is None else chunks.take_exactly(size)
        if not self._bucket.large_puts_wait:
            return await self._bucket.put_stream(key, body, size, content_type)
        async with self._putting.setdefault(path, asyncio.Lock()), self._large.turn():
            return await self._bucket.put_stream(key, body, size, content_type)

    @asynccontextmanager
    async def open(self, path: ArtifactPath) -> AsyncIterator[OpenBlob]:
        self._check_blob(path)
        key = self._keys.of(path)
        try:
            info, head = await self._bucket.open(key)
        except BlobNotFound:
            raise await self._folders.missing(path) from None
        yield _Object(self._bucket, key, info, head)

    async def stat(self, path: ArtifactPath) -> BlobInfo:
        self._check_blob(path)
        try:
            return await self._bucket.head(self._keys.of(path))
        except BlobNotFound:
            raise await self._folders.missing(path) from None

    async def entries(self, folder: ArtifactPath, after: str = "") -> AsyncIterator[Entry]:
        self._check_not_staging(folder)
        pages = self._bucket.pages(self._keys.begin(folder), after)
        async for entry in in_order(pages, folder, self._is_folder, after):
            if not (self._is_staging and entry.name == STAGING):
                yield entry

    async def delete(self, path: ArtifactPath) -> None:
        check_not_all(path)
        self._check_not_staging(path)
        self._folders.forget()
        await self._bucket.delete([self._keys.of(path)])
        async for keys in self._bucket.keys(self._keys.begin(path)):
            await self._bucket.delete(keys)

    def _check_blob(self, path: ArtifactPath) -> None:
        """Raises NotABlob for the root, InvalidParameterValue for what is reserved."""
        check_not_root(path)
        self._check_not_staging(path)

    def _check_not_staging(self, path: ArtifactPath) -> None:
        if self._is_staging:
            check_not_staging(path)

    async def _is_blob(self, path: ArtifactPath) -> bool:
        try:
            await self._bucket.head(self._keys.of(path))
        except BlobNotFound:
            return False
        return True

    async def _is_folder(self, path: ArtifactPath) -> bool:
        return await self._bucket.has_keys(self._keys.begin(path))


class _Object(OpenBlob):
    """One version of an object, and its first bytes."""

    def __init__(self, bucket: ObjectBucket, key: str, info: BlobInfo, head: bytes) -> None:
        self.info = info
        self._bucket = bucket
        self._key = key
        self._head = head

    async def read(self, start: int, length: int) -> AsyncIterator[bytes]:
        known = self._head[start : start + length]
        if known:
            yield known
        if len(known) < length:
            start, length = start + len(known), length - len(known)
            async with self._bucket.read(self._key, self.info, start, length) as chunks:
                async for chunk in whole(chunks, length):
                    yield chunk
