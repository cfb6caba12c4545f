"""Where artifacts lie, as the proxy sees it.

The contract, which `tests/contracts/` holds every adapter to:

- A blob is bytes under an ArtifactPath. Folders exist by what is in them; a store may also keep empty ones.
- `put` is atomic: when it returns, the blob is durable and whole; until then, and after it raised, readers see what
  was there before. (A put that is cancelled, or meets StoreUnavailable, in its very last step may have succeeded.) Of
  two puts at once, one wins whole.
- A blob that is open is read as it was when it was opened, or reading raises; never a mix of two versions.
- An ETag changes whenever a blob's bytes may have changed, and is equal for equal reads of one version.
- Memory does not grow with the size of a blob, in either direction, nor with the number of entries that are read of
  a folder, except for their names.
- Nothing outside the store's root is read, written, listed or removed, whatever lies inside it.
- Errors surface where they arise: at `put`, at entering `open`, at the first of `entries`, or while reading on.

Not promised: that what is listed still exists, and that a removed folder stays empty while others write into it.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from artifact_proxy.artifact_path import ArtifactPath
from schemas.errors import (
    InvalidParameterValue,
    PermissionDenied,
    ResourceDoesNotExist,
    StorageFull,
    TemporarilyUnavailable,
)


class BlobNotFound(ResourceDoesNotExist):
    """There is no blob at the path, and no folder either."""


class NotABlob(InvalidParameterValue):
    """A folder is where a blob is meant, or a blob (or a link) is where a folder is meant."""


class StoreFull(StorageFull):
    """The store has no room. Nothing of the put remains."""


class StoreRefused(PermissionDenied):
    """The store does not let this server do it: no right to write, a read-only disk, credentials it does not accept.

    It stays so until an operator changes it. Clients that get this error do not retry.
    """


class StoreUnavailable(TemporarilyUnavailable):
    """The store cannot be reached, or does not work now."""

    retry_after_s: ClassVar[int] = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobVersion:
    """One version of a blob: its size in bytes and an opaque `etag`, without quotes, that no other version has.

    `sha256`, in hexadecimal, is there when this server saw the bytes.
    """

    size: int
    etag: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobInfo(BlobVersion):
    """One version of a blob and when it was put; `modified` is aware."""

    modified: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """What a folder holds under `name`: a blob of `size` bytes, or a folder when `size` is None."""

    name: str
    size: int | None


class OpenBlob(ABC):
    """A blob that can be read from any place, any number of times."""

    info: BlobInfo

    @abstractmethod
    def read(self, start: int, length: int) -> AsyncIterator[bytes]:
        """Exactly the `length` bytes from `start`, which must lie inside the blob, in chunks of a few hundred KiB.

        Raises StoreUnavailable.
        """


@dataclass(frozen=True, slots=True)
class HeldPart:
    """A part of an upload that the store holds, by the number its uploader gave it."""

    number: int
    size: int
    etag: str


class MultipartUploads(ABC):
    """Uploads of blobs in numbered parts: sent in any order, also at once, and each again when it failed.

    Nothing of an upload is seen until it is completed; what is neither completed nor aborted is swept after days.
    The methods that name an upload raise InvalidParameterValue when it does not exist, or is of another path; only
    `abort` does not.
    """

    @abstractmethod
    async def create(self, path: ArtifactPath) -> str:
        """Begin an upload of the blob at `path`. The id that is returned cannot be guessed.

        Raises StoreUnavailable and StoreRefused, as do all of these methods.
        """

    @abstractmethod
    async def put_part(
        self, path: ArtifactPath, upload_id: str, number: int, content: AsyncIterator[bytes], size: int
    ) -> str:
        """Keep the `size` bytes of `content` as the part `number`, from 1 on, and return its ETag.

        Raises StoreFull, and whatever `content` raises.
        """

    @abstractmethod
    async def parts(self, path: ArtifactPath, upload_id: str) -> list[HeldPart]:
        """The parts that are held so far, by number: what a broken upload need not send again."""

    @abstractmethod
    async def complete(self, path: ArtifactPath, upload_id: str, parts: Sequence[tuple[int, str]]) -> BlobVersion:
        """Make the named parts, in the order given, the blob; each is a number and an ETag, which may be empty.

        As atomic as `BlobStore.put`.
        Raises NotABlob, StoreFull, InvalidParameterValue for a part that is not held, or is another by now.
        """

    @abstractmethod
    async def abort(self, path: ArtifactPath, upload_id: str) -> None:
        """Forget the upload and its parts; nothing when there is no such upload of this path."""

    @abstractmethod
    async def sweep(self) -> None:
        """Remove abandoned uploads, of this server or of another: those that were begun days ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A request that a store accepts from anybody for a while. `headers` are to be sent with it."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Presigner(ABC):
    """Lets clients reach the store without this server, for `expires_s` seconds and for one blob each."""

    @abstractmethod
    async def download(self, path: ArtifactPath, expires_s: int) -> SignedRequest:
        """A GET of the blob at `path`, whose answer is an attachment. Whether the blob exists is not checked."""

    @abstractmethod
    async def upload(self, path: ArtifactPath, expires_s: int) -> SignedRequest:
        """A PUT of the blob at `path`."""

    @abstractmethod
    async def part(self, path: ArtifactPath, upload_id: str, number: int, expires_s: int) -> SignedRequest:
        """A PUT of one part of an upload that MultipartUploads.create began; the answer has the part's ETag."""


class BlobStore(ABC):
    """A place for blobs, between `start` and `close`. Whatever raises StoreUnavailable raises StoreRefused, too."""

    @property
    @abstractmethod
    def multipart(self) -> MultipartUploads:
        """Multipart uploads: the store's own, or `StagedMultipartUploads`."""

    @property
    def presigner(self) -> Presigner | None:
        """How clients reach the store directly; None where there is no way."""
        return None

    @abstractmethod
    async def start(self, *, sweeps: bool = True) -> None:
        """Get ready, and begin to sweep what uploads left behind that a crash ended.

        Not where `sweeps` says so: a store that is only read is not to change.
        """

    @abstractmethod
    async def close(self) -> None:
        """End what is under way and let go of every resource."""

    @abstractmethod
    async def check_writable(self) -> None:
        """Find out whether a blob could be put now, and leave nothing behind that grows with every call.

        Raises StoreFull, StoreRefused, StoreUnavailable.
        """

    @abstractmethod
    async def put(self, path: ArtifactPath, content: AsyncIterator[bytes], size: int | None = None) -> BlobVersion:
        """Keep `content` at `path`, in the place of any blob there.

        `size`, where the uploader has announced it, is how many bytes will come; some stores need it to pass on a large
        blob as it comes. Content of any other size is refused by a store that uses it.
        Raises NotABlob, StoreFull, StoreUnavailable, InvalidParameterValue, and whatever `content` raises.
        """

    @abstractmethod
    def open(self, path: ArtifactPath) -> AbstractAsyncContextManager[OpenBlob]:
        """The blob at `path`.

        Raises BlobNotFound, NotABlob, StoreUnavailable.
        """

    @abstractmethod
    async def stat(self, path: ArtifactPath) -> BlobInfo:
        """What `open` would give, without the bytes.

        Raises as `open` does.
        """

    @abstractmethod
    def entries(self, folder: ArtifactPath, after: str = "") -> AsyncIterator[Entry]:
        """What `folder` holds under names greater than `after`, in the order of the names' code points.

        Nothing, when `folder` is a blob or does not exist. Names that no ArtifactPath can hold are left out. To page,
        stop anywhere and go on from the last name.
        Raises StoreUnavailable.
        """

    @abstractmethod
    async def delete(self, path: ArtifactPath) -> None:
        """Remove the blob at `path`, or the folder with all it holds; nothing when there is neither.

        A folder is not removed as one: when this raises, some of it may be gone. The root cannot be removed.
        Raises InvalidParameterValue, StoreUnavailable.
        """
