"""A folder of this machine, or one mounted here, as a BlobStore."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Final

from artifact_proxy.artifact_path import ArtifactPath
from artifact_proxy.stores.blob_store import BlobInfo, BlobStore, Entry, MultipartUploads, OpenBlob
from artifact_proxy.stores.local.blocking_calls import PATIENCE_S, THREADS, BlockingCalls
from artifact_proxy.stores.local.contents import delete, entries_of, names_in, probe, remove_abandoned, stat_blob
from artifact_proxy.stores.local.errors import store_errors
from artifact_proxy.stores.local.group_commit import GroupCommit
from artifact_proxy.stores.local.large_upload import LargeUpload
from artifact_proxy.stores.local.open_blob import LocalBlob
from artifact_proxy.stores.local.root_folder import RootFolder
from artifact_proxy.stores.local.underway import Underway
from artifact_proxy.stores.staged_multipart import StagedMultipartUploads
from artifact_proxy.stores.staging import PARTS, STAGING, check_is_below_root, check_not_all, check_not_staging
from artifact_proxy.stores.sweeping import Sweeping
from schemas.rest.route import KIB

WRITTEN_BYTES: Final = 128 * KIB
"""What an upload gathers before it writes. Larger pieces were not faster."""

UPLOADS_AHEAD: Final = 8
"""As many uploads receive what follows while a piece is written, which holds twice as much of each in memory. With more
the threads have enough to do."""

FINISH_PATIENCE: Final = 10
"""The last step of a large upload may take this many times as long: the disk catches up with all that was written."""

LISTED_AT_ONCE: Final = 1000


class LocalBlobStore(BlobStore):
    """The folder `root`, made when the first blob comes. It may itself be a symbolic link: the operator named it."""

    def __init__(self, root: Path, threads: int = THREADS, patience_s: float = PATIENCE_S) -> None:
        self._root = RootFolder(root)
        self._calls = BlockingCalls(threads, patience_s)
        self._uploads = Underway()
        self._downloads = Underway()
        self._small = GroupCommit(self._root, self._calls.threads)
        self._parts: LocalBlobStore | None = None
        self._sweeping = Sweeping(self.sweep)

    @property
    def multipart(self) -> MultipartUploads:
        return self._staged_multipart()[1]

    def _staged_multipart(self) -> tuple["LocalBlobStore", StagedMultipartUploads]:
        """The store of the parts, and the uploads they are of."""
        if self._parts is None:
            self._parts = LocalBlobStore(self._root.path / STAGING / PARTS)
            self._multipart = StagedMultipartUploads(self, self._parts)
        return self._parts, self._multipart

    async def start(self, *, sweeps: bool = True) -> None:
        if sweeps:
            await self.sweep()
            self._sweeping.start()

    async def sweep(self) -> None:
        """Remove what uploads that were killed left behind: half files, here and of parts, and parts of no upload.

        Other processes may use the folder: what they write is younger. Raises StoreUnavailable.
        """
        parts, multipart = self._staged_multipart()
        for store in (self, parts):
            await store._calls.run(remove_abandoned, store._root)
        await multipart.sweep()

    async def close(self) -> None:
        await self._sweeping.close()
        if self._parts is not None:
            await self._parts.close()
        await self._small.close()
        await self._calls.close()

    async def check_writable(self) -> None:
        await self._calls.run(probe, self._root)

    async def put(self, path: ArtifactPath, content: AsyncIterator[bytes], size: int | None = None) -> BlobInfo:
        with self._uploads:
            return await self._put(content, *parent_and_name(path))

    async def _put(self, content: AsyncIterator[bytes], parent: tuple[str, ...], name: str) -> BlobInfo:
        upload: LargeUpload | None = None
        # While a thread writes what was gathered, the event loop receives and digests what follows.
        writing: asyncio.Task[None] | None = None
        chunks: list[bytes] = []
        gathered = 0
        try:
            async for chunk in content:
                chunks.append(chunk)
                gathered += len(chunk)
                if gathered >= WRITTEN_BYTES:
                    if upload is None:
                        upload = LargeUpload(self._root, parent, name)
                    if writing is not None:
                        await writing
                    writing = asyncio.create_task(self._calls.run(upload.write, chunks))
                    chunks, gathered = [], 0
                    if self._uploads.count > UPLOADS_AHEAD:
                        await writing
            if upload is not None and writing is not None:
                await writing
                return await self._calls.run_long(FINISH_PATIENCE, upload.finish, chunks)
        except BaseException:
            if upload is not None and writing is not None:
                await asyncio.shield(self._abandon(upload, writing))
            raise
        with store_errors():
            async with asyncio.timeout(self._calls.patience_s):
                return await self._small.put(parent, name, chunks)

    async def _abandon(self, upload: LargeUpload, writing: asyncio.Task[None]) -> None:
        await asyncio.gather(writing, return_exceptions=True)
        await self._calls.run(upload.abort)

    @asynccontextmanager
    async def open(self, path: ArtifactPath) -> AsyncIterator[OpenBlob]:
        parent, name = parent_and_name(path)
        blob = LocalBlob(self._root, self._calls, self._downloads)
        try:
            await self._calls.run(blob.open, parent, name)
            yield blob
        finally:
            blob.close()

    async def stat(self, path: ArtifactPath) -> BlobInfo:
        return await self._calls.run(stat_blob, self._root, *parent_and_name(path))

    async def entries(self, folder: ArtifactPath, after: str = "") -> AsyncIterator[Entry]:
        check_not_staging(folder)
        names = iter(await self._calls.run(names_in, self._root, folder.segments, after))
        while some := list(islice(names, LISTED_AT_ONCE)):
            for entry in await self._calls.run(entries_of, self._root, folder.segments, some):
                yield entry

    async def delete(self, path: ArtifactPath) -> None:
        check_not_all(path)
        # A large folder takes as long as it takes.
        await self._calls.run_long(None, delete, self._root, *parent_and_name(path))


def parent_and_name(path: ArtifactPath) -> tuple[tuple[str, ...], str]:
    """The segments of the folder that holds `path`, and its name there.

    Raises NotABlob for the root, InvalidParameterValue for what is reserved.
    """
    check_is_below_root(path)
    return path.segments[:-1], path.name
