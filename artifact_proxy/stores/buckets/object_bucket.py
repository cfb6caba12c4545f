"""Objects under keys, as far as blobs need them: what S3, Google Cloud Storage and Azure have in common."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import ClassVar

from artifact_proxy.stores.blob_store import BlobInfo, BlobVersion, MultipartUploads, Presigner
from artifact_proxy.stores.buckets.listing import ListedPage
from artifact_proxy.stores.buckets.object_keys import ObjectKeys


class ObjectBucket(ABC):
    """The bucket, or container, of a store, between `start` and `close`.

    All methods raise StoreUnavailable and StoreRefused.
    """

    large_puts_wait: ClassVar[bool] = True
    """Whether large puts take turns: a bounded number at once, because each holds some mebibytes, and one of each
    object, because the store refuses the earlier of two."""

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
        """Find out whether an object could be put. At most one is left, at `key`, however often this is called."""

    @abstractmethod
    async def head(self, key: str) -> BlobInfo:
        """What is known of an object. Raises BlobNotFound."""

    async def open(self, key: str) -> tuple[BlobInfo, bytes]:
        """What is known of an object, and as many of its first bytes as come with that; maybe none.

        Raises BlobNotFound.
        """
        return await self.head(key), b""

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

    async def has_keys(self, prefix: str) -> bool:
        """Whether any key begins with `prefix`, which is empty or ends with a slash."""
        async for keys in self.keys(prefix):
            if keys:
                return True
        return False

    @abstractmethod
    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there are no error."""

    def multipart_uploads(self, _keys: ObjectKeys) -> MultipartUploads | None:
        """The store's own multipart uploads of blobs at `keys`; None where it has none that serve."""
        return None

    def presigner(self, _keys: ObjectKeys) -> Presigner | None:
        """How clients reach the blobs at `keys` without this server; None where the store has no way."""
        return None
