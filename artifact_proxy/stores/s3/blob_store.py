"""A bucket of an S3-compatible store, or a folder in one, as a BlobStore."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from artifact_proxy.artifact_path import ArtifactPath
from artifact_proxy.stores.blob_store import (
    BlobInfo,
    BlobNotFound,
    BlobStore,
    BlobVersion,
    Entry,
    NotABlob,
    OpenBlob,
    PartedUploads,
    Presigner,
    StoreUnavailable,
)
from artifact_proxy.stores.buckets.folders import BucketFolders
from artifact_proxy.stores.buckets.listing import ListedPage, in_order
from artifact_proxy.stores.s3.bucket import RangeBeyondEnd, S3Bucket, store_errors
from artifact_proxy.stores.s3.multipart import COMPLETE_TIMEOUT_S, MAX_PARTS, S3PartedUploads
from artifact_proxy.stores.s3.presigner import S3Presigner
from artifact_proxy.stores.s3.settings import S3Settings
from artifact_proxy.stores.sized_chunks import SizedChunks
from artifact_proxy.stores.staging import PROBE, STAGING
from artifact_proxy.stores.sweeping import Sweeping
from artifact_proxy.stores.watched_upload import PATIENCE_S
from schemas.errors import InvalidParameterValue, TracklogError
from schemas.rest.route import KIB, MIB

log = logging.getLogger(__name__)

HEAD_BYTES: Final = 64 * KIB
"""What the request that opens a blob brings along: all of a small blob."""

SMALL_BYTES: Final = 256 * KIB
"""A blob no larger than this is sent from memory, so that it can be sent again when the store hiccups."""

PART_BYTES: Final = 8 * MIB
"""A part of an upload whose size is not known beforehand, which has to be in memory: S3 wants to know a part's size."""

PARTS_IN_MEMORY: Final = 3
"""Of all uploads together; another upload of unknown size waits for its turn."""

PART_WAIT_S: Final = 30.0

SINGLE_PUT_BYTES: Final = 5 * KIB * MIB
"""The largest blob S3 takes in one request, and the size of the parts of larger ones. 5 TiB, S3's limit, are 1,024."""

PAGE_KEYS: Final = 1000
"""What S3 lists, and deletes, at once."""

ABORT_TIMEOUT_S: Final = 10.0

PROBED: Final = ArtifactPath((STAGING, PROBE))

Args = dict[str, Any]
"""Arguments of a call, named as S3 names them."""

ABANDONED_AFTER: Final = timedelta(days=7)
"""A multipart upload begun this long ago belongs to nobody any more: no upload may take longer."""


class S3BlobStore(BlobStore):
    """The folder of a bucket that `settings` name."""

    def __init__(
        self,
        settings: S3Settings,
        *,
        part_bytes: int = PART_BYTES,
        single_put_bytes: int = SINGLE_PUT_BYTES,
        page_keys: int = PAGE_KEYS,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._settings = settings
        self._bucket = S3Bucket(settings, patience_s)
        self._part_bytes = part_bytes
        self._single_put_bytes = single_put_bytes
        self._page_keys = page_keys
        self._parts_in_memory = asyncio.Semaphore(PARTS_IN_MEMORY)
        self._folders = BucketFolders(self._is_blob, self._is_folder)
        self._sweeping = Sweeping(self.sweep)

    @property
    def parted(self) -> PartedUploads:
        return S3PartedUploads(self._settings, self._bucket)

    @property
    def presigner(self) -> Presigner:
        return S3Presigner(self._settings, self._bucket)

    async def start(self) -> None:
        await self._bucket.start()
        self._sweeping.start()

    async def close(self) -> None:
        await self._sweeping.close()
        await self._bucket.close()

    async def check_writable(self) -> None:
        """By a multipart upload that is begun and called off: it takes the right to put, and puts nothing."""
        await self.parted.abort(PROBED, await self.parted.create(PROBED))

    async def put(self, path: ArtifactPath, content: AsyncIterator[bytes], size: int | None = None) -> BlobVersion:
        self._check_not_root(path)
        await self._folders.check_nothing_in_the_way(path)
        chunks = SizedChunks(content)
        head = await chunks.peek(SMALL_BYTES + 1)
        if len(head) <= SMALL_BYTES:
            if size not in (None, len(head)):
                raise InvalidParameterValue(f"The upload has {len(head)} bytes, and {size} were announced.")
            return version_of(
                await self._bucket.call("put_object", Body=head, **self._settings.new_blob(path)), len(head)
            )
        if size is None or size > self._single_put_bytes:
            return await self._put_parts(path, chunks, size)
        body = chunks.take_exactly(size)
        return version_of(await self._bucket.stream("put_object", body, size, **self._settings.new_blob(path)), size)

    @asynccontextmanager
    async def open(self, path: ArtifactPath) -> AsyncIterator[OpenBlob]:
        self._check_not_root(path)
        yield await self._opened(path)

    async def stat(self, path: ArtifactPath) -> BlobInfo:
        self._check_not_root(path)
        try:
            return info_of(await self._bucket.call("head_object", Key=self._settings.key(path)))
        except BlobNotFound:
            raise await self._folders.missing(path) from None

    async def entries(self, folder: ArtifactPath, after: str = "") -> AsyncIterator[Entry]:
        prefix = self._settings.keys_below(folder)

        async def is_folder(name: str) -> bool:
            return await self._is_folder(ArtifactPath((*folder.segments, name)))

        async for entry in in_order(self._pages(prefix, after), is_folder, after):
            yield entry

    async def delete(self, path: ArtifactPath) -> None:
        if not path.segments:
            raise InvalidParameterValue("The root of all artifacts cannot be deleted.")
        self._folders.forget()
        await self._bucket.call("delete_object", Key=self._settings.key(path))
        async for page in self._listed(Prefix=self._settings.keys_below(path)):
            keys = [{"Key": blob["Key"]} for blob in page.get("Contents", ())]
            if keys:
                answer = await self._bucket.call("delete_objects", Delete={"Objects": keys, "Quiet": True})
                if answer.get("Errors"):
                    code = answer["Errors"][0].get("Code", "unknown")
                    raise StoreUnavailable(f"The artifact store answered {code} to a part of the deletion.")

    async def read_from(self, path: ArtifactPath, info: BlobInfo, start: int, length: int) -> AsyncIterator[bytes]:
        """The bytes of the version `info` of a blob.

        Raises StoreUnavailable, also when the blob is another by now.
        """
        wanted = f"bytes={start}-{start + length - 1}"
        try:
            answer = await self._bucket.call(
                "get_object", Key=self._settings.key(path), Range=wanted, IfMatch=f'"{info.etag}"'
            )
        except BlobNotFound as error:
            raise StoreUnavailable("The artifact was deleted while it was read.") from error
        left = length
        async with answer["Body"] as body:
            chunks = body.raw_stream.content.iter_any()
            while left:
                with store_errors("get_object"):
                    chunk = await anext(chunks, b"")
                if not chunk:
                    raise StoreUnavailable("The artifact store ended its answer too early.")
                left -= len(chunk)
                yield chunk

    async def _opened(self, path: ArtifactPath) -> "_S3Blob":
        try:
            answer = await self._bucket.call(
                "get_object", Key=self._settings.key(path), Range=f"bytes=0-{HEAD_BYTES - 1}"
            )
        except RangeBeyondEnd:
            return _S3Blob(
                self, path, info_of(await self._bucket.call("head_object", Key=self._settings.key(path))), b""
            )
        except BlobNotFound:
            raise await self._folders.missing(path) from None
        async with answer["Body"] as body:
            with store_errors("get_object"):
                head: bytes = await body.read()
        return _S3Blob(self, path, info_of(answer), head)

    async def _put_parts(self, path: ArtifactPath, chunks: SizedChunks, size: int | None) -> BlobVersion:
        upload = await self._bucket.call("create_multipart_upload", **self._settings.new_blob(path))
        place = {"Key": self._settings.key(path), "UploadId": upload["UploadId"]}
        try:
            if size is None:
                parts, size = await self._send_parts_from_memory(place, chunks)
            else:
                parts = await self._stream_parts(place, chunks, size)
            answer = await self._bucket.call(
                "complete_multipart_upload",
                timeout_s=COMPLETE_TIMEOUT_S,
                MultipartUpload={"Parts": parts},
                **place,
                **self._settings.each_part(),
            )
        except BaseException:
            await asyncio.shield(self._abort(place))
            raise
        return version_of(answer, size)

    async def _stream_parts(self, place: Args, chunks: SizedChunks, size: int) -> list[dict[str, Any]]:
        parts = []
        for number, start in enumerate(range(0, size, self._single_put_bytes), start=1):
            length = min(self._single_put_bytes, size - start)
            answer = await self._bucket.stream(
                "upload_part",
                chunks.take_exactly(length),
                length,
                PartNumber=number,
                **place,
                **self._settings.each_part(),
            )
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        return parts

    async def _send_parts_from_memory(self, place: Args, chunks: SizedChunks) -> tuple[list[dict[str, Any]], int]:
        """Raises StoreUnavailable when other uploads hold all the memory for too long."""
        parts: list[dict[str, Any]] = []
        size = 0
        while True:
            async with self._turn():
                part = b"".join([chunk async for chunk in chunks.take(self._part_bytes)])
                if not part:
                    return parts, size
                if len(parts) == MAX_PARTS:
                    raise InvalidParameterValue(f"An upload of more than {size} bytes must announce its size.")
                answer = await self._bucket.call(
                    "upload_part", Body=part, PartNumber=len(parts) + 1, **place, **self._settings.each_part()
                )
            parts.append({"PartNumber": len(parts) + 1, "ETag": answer["ETag"]})
            size += len(part)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(PART_WAIT_S):
                await self._parts_in_memory.acquire()
        except TimeoutError as error:
            raise StoreUnavailable("Too many uploads that do not announce their size are under way.") from error
        try:
            yield
        finally:
            self._parts_in_memory.release()

    async def _abort(self, place: Args) -> None:
        try:
            await self._bucket.call("abort_multipart_upload", timeout_s=ABORT_TIMEOUT_S, **place)
        except TracklogError as error:
            # The upload has failed and its error is on its way. What is left costs room until it is swept.
            log.warning("An upload could not be aborted: %s", error.message)

    async def _is_blob(self, path: ArtifactPath) -> bool:
        try:
            await self._bucket.call("head_object", Key=self._settings.key(path))
        except BlobNotFound:
            return False
        return True

    async def _is_folder(self, path: ArtifactPath) -> bool:
        answer = await self._bucket.call("list_objects_v2", Prefix=self._settings.keys_below(path), MaxKeys=1)
        return bool(answer.get("Contents"))

    async def _pages(self, prefix: str, after: str) -> AsyncIterator[ListedPage]:
        start = {"StartAfter": f"{prefix}{after}"} if after else {}
        async for page in self._listed(Prefix=prefix, Delimiter="/", **start):
            # A blob whose key is the prefix itself is what some tools make for an empty folder.
            blobs = [
                (blob["Key"].removeprefix(prefix), blob["Size"])
                for blob in page.get("Contents", ())
                if blob["Key"] != prefix
            ]
            folders = [folder["Prefix"].removeprefix(prefix)[:-1] for folder in page.get("CommonPrefixes", ())]
            yield ListedPage(blobs, folders, is_last=not page.get("IsTruncated"))

    async def _listed(self, **args: Any) -> AsyncIterator[Any]:
        while True:
            page = await self._bucket.call("list_objects_v2", MaxKeys=self._page_keys, **args)
            yield page
            if not page.get("IsTruncated"):
                return
            args["ContinuationToken"] = page["NextContinuationToken"]

    async def sweep(self) -> None:
        """Abort the uploads that a crash, of this server or of a client, left behind long ago.

        Raises StoreUnavailable.
        """
        oldest = datetime.now(UTC) - ABANDONED_AFTER
        args: Args = {"Prefix": self._settings.keys_below(ArtifactPath())}
        while True:
            page = await self._bucket.call("list_multipart_uploads", **args)
            for upload in page.get("Uploads", ()):
                if upload["Initiated"] < oldest:
                    await self._abort({"Key": upload["Key"], "UploadId": upload["UploadId"]})
            if not page.get("IsTruncated"):
                return
            args.update(KeyMarker=page["NextKeyMarker"], UploadIdMarker=page["NextUploadIdMarker"])

    def _check_not_root(self, path: ArtifactPath) -> None:
        if not path.segments:
            raise NotABlob("The root of all artifacts is a folder.")


class _S3Blob(OpenBlob):
    """A version of a blob, and its first bytes."""

    def __init__(self, store: S3BlobStore, path: ArtifactPath, info: BlobInfo, head: bytes) -> None:
        self.info = info
        self._store = store
        self._path = path
        self._head = head

    async def read(self, start: int, length: int) -> AsyncIterator[bytes]:
        known = self._head[start : start + length]
        if known:
            yield known
        if len(known) < length:
            rest = self._store.read_from(self._path, self.info, start + len(known), length - len(known))
            async for chunk in rest:
                yield chunk


def version_of(answer: Any, size: int) -> BlobVersion:
    return BlobVersion(size=size, etag=answer["ETag"].strip('"'))


def info_of(answer: Any) -> BlobInfo:
    """What is known of a blob by the answer to its head_object or get_object."""
    span = answer.get("ContentRange", "")
    size = int(span.rpartition("/")[2]) if span else answer["ContentLength"]
    return BlobInfo(size=size, etag=answer["ETag"].strip('"'), modified=answer["LastModified"])
