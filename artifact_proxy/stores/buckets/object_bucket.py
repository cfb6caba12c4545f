"""Objects under keys, as far as blobs need them: what Google Cloud Storage and Azure Blob Storage have in common."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager

from artifact_proxy.stores.blob_store import BlobInfo, BlobVersion
from artifact_proxy.stores.buckets.listing import ListedPage


class ObjectBucket(ABC):
    """The bucket, or container, of a store, between `start` and `close`.

    All methods raise StoreUnavailable and StoreRefused.
    """

    @abstractmethod
    async def start(self) -> None:
        """Get ready; nothing is sent to the store."""

    @abstractmethod
    async def close(self) -> None:
        """End every connection."""

    @abstractmethod
    async def put(self, key: str, content: bytes, content_type: str) -> BlobVersion:
        """Keep a small object."""

    @abstractmethod
    async def put_stream(
        self, key: str, content: AsyncIterator[bytes], size: int | None, content_type: str
    ) -> BlobVersion:
        """Keep an object as it comes; `size` is how many bytes will, if that is known.

        Raises what `content` raises; then nothing is seen of the object.
        """

    @abstractmethod
    async def check_writable(self, key: str) -> None:
        """Find out whether an object could be put. At most one is left, at `key`, however often this is asked."""

    @abstractmethod
    async def head(self, key: str) -> BlobInfo:
        """What is known of an object. Raises BlobNotFound."""

    @abstractmethod
    def read(
        self, key: str, info: BlobInfo, start: int, length: int
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Bytes of the version `info`, one at least. Raises StoreUnavailable when it is another by now."""

    @abstractmethod
    def pages(self, prefix: str, after: str) -> AsyncIterator[ListedPage]:
        """What the folder `prefix` holds from the key `prefix + after` on, in the order of the keys' bytes."""

    @abstractmethod
    def keys(self, prefix: str) -> AsyncIterator[Sequence[str]]:
        """All keys that begin with `prefix`, which is empty or ends with a slash, some at a time."""

    @abstractmethod
    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there are no error."""
