"""A container of Azure Blob Storage as an ObjectBucket, through obstore.

A folder is listed whole: obstore gives a folder's names at once. Of two large puts of one blob at once by two servers,
Azure refuses the one that ends later, and its client is answered 503.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any, Final

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import AzureStore

from artifact_proxy.stores.blob_store import BlobInfo, BlobNotFound, BlobVersion, StoreRefused, StoreUnavailable
from artifact_proxy.stores.buckets.azure_settings import AzureSettings
from artifact_proxy.stores.buckets.listing import ListedPage
from artifact_proxy.stores.buckets.object_bucket import ObjectBucket
from artifact_proxy.stores.library_errors import DENIED, ErrorTable, Meaning, meaning_of
from schemas.rest.route import KIB, MIB

CONNECT_TIMEOUT_S: Final = 3.0
CALL_TIMEOUT_S: Final = 30.0
"""How long a call with a small answer may take, its attempts together; also how long the store may take nothing."""

RETRIES: Final = 2
RETRYING_S: Final = 15.0

BLOCK_BYTES: Final = 2 * MIB
MAX_BLOCKS: Final = 50_000
"""What Azure takes as one blob's."""

READ_BYTES: Final = 256 * KIB
LISTED_AT_ONCE: Final = 1000
DELETED_AT_ONCE: Final = 256
"""What Azure takes as one batch."""


NOT_FOUND: Final = Meaning(BlobNotFound, "There is no such artifact.")
AWAY_OR_REFUSED: Final = Meaning(StoreUnavailable, "The artifact store cannot be reached, or refused ({}).")

STORE_ERRORS: Final[ErrorTable] = {
    FileNotFoundError: NOT_FOUND,
    NotFoundError: NOT_FOUND,
    PermissionDeniedError: DENIED,
    UnauthenticatedError: DENIED,
    BaseError: AWAY_OR_REFUSED,
    OSError: AWAY_OR_REFUSED,
    ValueError: AWAY_OR_REFUSED,
}
"""By the class of obstore's error; it raises some of Python's own, too."""


class AzureBucket(ObjectBucket):
    """The container of `settings`."""

    def __init__(self, settings: AzureSettings, block_bytes: int = BLOCK_BYTES) -> None:
        self._settings = settings
        self._block_bytes = block_bytes
        self._opened: AzureStore | None = None

    async def start(self) -> None:
        given = {
            "account_name": self._settings.account,
            "account_key": self._settings.key,
            "sas_key": self._settings.signature,
            "endpoint": self._settings.endpoint,
        }
        config: Any = {name: value for name, value in given.items() if value}
        self._opened = AzureStore(
            self._settings.container,
            config=config,
            client_options={
                "allow_http": (self._settings.endpoint or "").startswith("http:"),
                "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_S),
                "timeout": timedelta(seconds=CALL_TIMEOUT_S),
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRYING_S)},
        )

    async def close(self) -> None:
        self._opened = None

    async def put(self, key: str, content: bytes, content_type: str) -> BlobVersion:
        async with calling():
            answer = await obstore.put_async(
                self._store, key, content, attributes={"Content-Type": content_type}, use_multipart=False
            )
        return BlobVersion(size=len(content), etag=etag_of(answer))

    async def put_stream(
        self, key: str, content: AsyncIterator[bytes], size: int | None, content_type: str
    ) -> BlobVersion:
        passing = _Content(content)
        try:
            with store_errors():
                answer = await obstore.put_async(
                    self._store,
                    key,
                    passing,
                    attributes={"Content-Type": content_type},
                    use_multipart=True,
                    chunk_size=max(self._block_bytes, (size or 0) // MAX_BLOCKS + 1),
                    max_concurrency=1,
                )
        except StoreUnavailable:
            if passing.failure is not None:
                raise passing.failure from None
            raise
        return BlobVersion(size=passing.taken, etag=etag_of(answer))

    async def check_writable(self, key: str) -> None:
        """By putting an object if there is none: the first call makes it, and later ones find that it exists."""
        async with calling():
            try:
                await obstore.put_async(self._store, key, b"", mode="create", use_multipart=False)
            except AlreadyExistsError:
                return

    async def head(self, key: str) -> BlobInfo:
        async with calling():
            found = await obstore.head_async(self._store, key)
        return BlobInfo(size=found["size"], etag=etag_of(found), modified=found["last_modified"])

    @asynccontextmanager
    async def read(self, key: str, info: BlobInfo, start: int, length: int) -> AsyncIterator[AsyncIterator[bytes]]:
        try:
            async with calling():
                answer = await obstore.get_async(
                    self._store, key, options={"range": (start, start + length), "if_match": f'"{info.etag}"'}
                )
        except BlobNotFound as error:
            raise StoreUnavailable("The artifact was deleted while it was read.") from error
        yield chunks_of(answer)

    async def pages(self, prefix: str, after: str) -> AsyncIterator[ListedPage]:
        async with calling():
            listed = await obstore.list_with_delimiter_async(self._store, prefix or None)
        blobs = [(found["path"].removeprefix(prefix), found["size"]) for found in listed["objects"]]
        folders = [folder.removeprefix(prefix) for folder in listed["common_prefixes"]]
        yield ListedPage(blobs, folders, is_last=True)

    async def keys(self, prefix: str) -> AsyncIterator[Sequence[str]]:
        listing = obstore.list(self._store, prefix or None, chunk_size=LISTED_AT_ONCE)
        while True:
            async with calling():
                found = await anext(listing, None)
            if found is None:
                return
            yield [each["path"] for each in found]

    async def delete(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), DELETED_AT_ONCE):
            await self._delete_batch(keys[start : start + DELETED_AT_ONCE])

    async def _delete_batch(self, keys: Sequence[str]) -> None:
        """One that is missing is an error of the whole batch, whose others are then gone or still there."""
        if len(keys) == 1:
            await self._delete_one(keys[0])
            return
        try:
            async with calling():
                await obstore.delete_async(self._store, keys)
        except BlobNotFound:
            for key in keys:
                await self._delete_one(key)

    async def _delete_one(self, key: str) -> None:
        try:
            async with calling():
                await obstore.delete_async(self._store, key)
        except BlobNotFound:
            return

    @property
    def _store(self) -> AzureStore:
        assert self._opened is not None, "it is used after start and before close"
        return self._opened


class _Content:
    """The content of an upload: counts its bytes, and keeps the error of its source, which obstore would hide."""

    def __init__(self, source: AsyncIterator[bytes]) -> None:
        self._source = source
        self.taken = 0
        self.failure: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._source:
                self.taken += len(chunk)
                yield chunk
        except Exception as error:
            self.failure = error
            raise


async def chunks_of(answer: Any) -> AsyncIterator[bytes]:
    """The bytes of an answer, as they come."""
    stream = answer.stream(min_chunk_size=READ_BYTES)
    while True:
        async with calling():
            chunk = await anext(stream, None)
        if chunk is None:
            return
        yield bytes(chunk)


def etag_of(answer: Any) -> str:
    etag: str = answer["e_tag"] or ""
    return etag.strip('"')


@asynccontextmanager
async def calling() -> AsyncIterator[None]:
    """Limit the time of a call to the store, and raise the port's errors for obstore's."""
    with store_errors():
        async with asyncio.timeout(CALL_TIMEOUT_S):
            yield


@contextmanager
def store_errors() -> Iterator[None]:
    """Raise the port's errors for obstore's, cause kept, as STORE_ERRORS says."""
    try:
        yield
    except tuple(STORE_ERRORS) as error:
        if "ContainerNotFound" in str(error):  # for a listing obstore has no class of its own for it
            raise StoreRefused("The container of the artifact store does not exist.") from error
        raise meaning_of(error, STORE_ERRORS) from error
