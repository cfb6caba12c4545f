"""A bucket of an S3-compatible store as an ObjectBucket.

An object of known size is passed on as it comes. One of unknown size is sent in parts from memory, because S3 wants to
know the size of a part; one larger than S3 takes at once, in parts as they come.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Final

from artifact_proxy.attachment import BYTES
from artifact_proxy.stores.blob_store import (
    BlobInfo,
    BlobNotFound,
    BlobVersion,
    MultipartUploads,
    Presigner,
    StoreUnavailable,
)
from artifact_proxy.stores.buckets.listing import ListedPage
from artifact_proxy.stores.buckets.object_bucket import ObjectBucket
from artifact_proxy.stores.buckets.object_keys import ObjectKeys
from artifact_proxy.stores.s3.client import S3Client
from artifact_proxy.stores.s3.errors import RangeBeyondEnd, store_errors
from artifact_proxy.stores.s3.multipart import S3MultipartUploads
from artifact_proxy.stores.s3.presigner import S3Presigner
from artifact_proxy.stores.s3.settings import S3Settings
from artifact_proxy.stores.s3.upload import MAX_PARTS, S3Upload, etag_of
from artifact_proxy.stores.streams import PATIENCE_S, SizedChunks
from artifact_proxy.stores.turns import Turns
from schemas.errors import InvalidParameterValue
from schemas.rest.route import KIB, MIB

HEAD_BYTES: Final = 64 * KIB
"""How much of an object the request that opens it brings: all of a small one."""

PART_BYTES: Final = 8 * MIB
"""A part of an object of unknown size, which is held in memory."""

PARTS_IN_MEMORY: Final = 3
"""Of all puts together; another put of unknown size waits for its turn."""

PART_WAIT_S: Final = 30.0

SINGLE_PUT_BYTES: Final = 5 * KIB * MIB
"""The largest object S3 takes in one request, and the size of the parts of larger ones: S3's limit, 5 TiB, is 1,024."""

PAGE_KEYS: Final = 1000
"""What S3 lists, and deletes, at once."""


class S3Bucket(ObjectBucket):
    """The bucket of `settings`."""

    large_puts_wait: ClassVar[bool] = False

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
        self._client = S3Client(settings, patience_s)
        self._part_bytes = part_bytes
        self._single_put_bytes = single_put_bytes
        self._page_keys = page_keys
        self._parts_in_memory = Turns(
            PARTS_IN_MEMORY, PART_WAIT_S, "Too many uploads that do not announce their size are under way."
        )

    async def start(self) -> None:
        await self._client.start()

    async def close(self) -> None:
        await self._client.close()

    async def put(self, key: str, content: bytes, content_type: str) -> BlobVersion:
        answer = await self._client.call("put_object", Body=content, **self._settings.new_object(key, content_type))
        return BlobVersion(size=len(content), etag=etag_of(answer))

    async def put_stream(
        self, key: str, content: AsyncIterator[bytes], size: int | None, content_type: str
    ) -> BlobVersion:
        if size is None or size > self._single_put_bytes:
            return await self._put_parts(key, SizedChunks(content), size, content_type)
        new_object = self._settings.new_object(key, content_type)
        answer = await self._client.stream("put_object", content, size, **new_object)
        return BlobVersion(size=size, etag=etag_of(answer))

    async def check_writable(self, key: str) -> None:
        """By a multipart upload that is begun and aborted: it takes the right to put, and puts nothing."""
        upload = await S3Upload.create(self._client, self._settings, key, BYTES)
        await upload.abort()

    async def head(self, key: str) -> BlobInfo:
        return info_of(await self._client.call("head_object", Key=key))

    async def open(self, key: str) -> tuple[BlobInfo, bytes]:
        try:
            answer = await self._client.call("get_object", Key=key, Range=f"bytes=0-{HEAD_BYTES - 1}")
        except RangeBeyondEnd:
            return await self.head(key), b""
        async with answer["Body"] as body:
            with store_errors("get_object"):
                head: bytes = await body.read()
        return info_of(answer), head

    @asynccontextmanager
    async def read(self, key: str, info: BlobInfo, start: int, length: int) -> AsyncIterator[AsyncIterator[bytes]]:
        wanted = f"bytes={start}-{start + length - 1}"
        try:
            answer = await self._client.call("get_object", Key=key, Range=wanted, IfMatch=f'"{info.etag}"')
        except BlobNotFound as error:
            raise StoreUnavailable("The artifact was deleted while it was read.") from error
        async with answer["Body"] as body:
            yield chunks_of(body, length)

    async def pages(self, prefix: str, after: str) -> AsyncIterator[ListedPage]:
        start = {"StartAfter": f"{prefix}{after}"} if after else {}
        async for page in self._listed(Prefix=prefix, Delimiter="/", **start):
            # An object whose key is the prefix itself is what some tools make for an empty folder.
            blobs = [
                (found["Key"].removeprefix(prefix), found["Size"])
                for found in page.get("Contents", ())
                if found["Key"] != prefix
            ]
            folders = [folder["Prefix"].removeprefix(prefix)[:-1] for folder in page.get("CommonPrefixes", ())]
            yield ListedPage(blobs, folders, is_last=not page.get("IsTruncated"))

    async def keys(self, prefix: str) -> AsyncIterator[Sequence[str]]:
        async for page in self._listed(Prefix=prefix):
            yield [found["Key"] for found in page.get("Contents", ())]

    async def has_keys(self, prefix: str) -> bool:
        answer = await self._client.call("list_objects_v2", Prefix=prefix, MaxKeys=1)
        return bool(answer.get("Contents"))

    async def delete(self, keys: Sequence[str]) -> None:
        if len(keys) == 1:
            await self._client.call("delete_object", Key=keys[0])
        elif keys:
            named = [{"Key": key} for key in keys]
            answer = await self._client.call("delete_objects", Delete={"Objects": named, "Quiet": True})
            if answer.get("Errors"):
                code = answer["Errors"][0].get("Code", "unknown")
                raise StoreUnavailable(f"The artifact store answered {code} to a part of the deletion.")

    def multipart_uploads(self, keys: ObjectKeys) -> MultipartUploads:
        return S3MultipartUploads(self._client, self._settings, keys)

    def presigner(self, keys: ObjectKeys) -> Presigner:
        return S3Presigner(self._client, self._settings, keys)

    async def _listed(self, **args: Any) -> AsyncIterator[Any]:
        while True:
            page = await self._client.call("list_objects_v2", MaxKeys=self._page_keys, **args)
            yield page
            if not page.get("IsTruncated"):
                return
            args["ContinuationToken"] = page["NextContinuationToken"]

    async def _put_parts(self, key: str, chunks: SizedChunks, size: int | None, content_type: str) -> BlobVersion:
        upload = await S3Upload.create(self._client, self._settings, key, content_type)
        try:
            if size is None:
                parts, size = await self._send_from_memory(upload, chunks)
            else:
                parts = await self._stream_parts(upload, chunks, size)
            return await upload.complete(parts, size)
        except BaseException:
            await asyncio.shield(upload.discard())
            raise

    async def _stream_parts(self, upload: S3Upload, chunks: SizedChunks, size: int) -> list[tuple[int, str]]:
        parts = []
        for number, start in enumerate(range(0, size, self._single_put_bytes), start=1):
            length = min(self._single_put_bytes, size - start)
            parts.append((number, await upload.put_stream(number, chunks.take_exactly(length), length)))
        return parts

    async def _send_from_memory(self, upload: S3Upload, chunks: SizedChunks) -> tuple[list[tuple[int, str]], int]:
        """The parts that were sent, and their size together.

        Raises StoreUnavailable when other puts hold all the memory for too long.
        """
        parts: list[tuple[int, str]] = []
        size = 0
        while True:
            async with self._parts_in_memory.turn():
                part = await chunks.read(self._part_bytes)
                if not part:
                    return parts, size
                number = len(parts) + 1
                if number > MAX_PARTS:
                    raise InvalidParameterValue(f"An upload of more than {size} bytes must announce its size.")
                parts.append((number, await upload.put(number, part)))
            size += len(part)


async def chunks_of(body: Any, length: int) -> AsyncIterator[bytes]:
    """The `length` bytes of an answer as they come; fewer when it ends before."""
    chunks = body.raw_stream.content.iter_any()
    while length > 0:
        with store_errors("get_object"):
            chunk = await anext(chunks, b"")
        if not chunk:
            return
        length -= len(chunk)
        yield chunk


def info_of(answer: Any) -> BlobInfo:
    """What is known of an object by the answer to a head_object or get_object."""
    span = answer.get("ContentRange", "")
    size = int(span.rpartition("/")[2]) if span else answer["ContentLength"]
    return BlobInfo(size=size, etag=etag_of(answer), modified=answer["LastModified"])
