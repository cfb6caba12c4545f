"""A folder on a file server as a BlobStore: uploads lie under another name until they are whole, then they are renamed.

Where a server cannot keep a promise of the contract, the docstring of its `FileTree` says so.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final
from weakref import WeakValueDictionary

from artifact_proxy.artifact_path import ArtifactPath, fault_of
from artifact_proxy.stores.blob_store import (
    BlobInfo,
    BlobNotFound,
    BlobStore,
    Entry,
    MultipartUploads,
    NotABlob,
    OpenBlob,
    StoreRefused,
    StoreUnavailable,
)
from artifact_proxy.stores.servers.file_tree import FileTree, Found, Kind, Names, NoSuchPath, OpenFile, ServerRefused
from artifact_proxy.stores.staged_multipart import StagedMultipartUploads
from artifact_proxy.stores.staging import PARTS, PROBE, STAGING, check_is_below_root, check_not_all, check_not_staging
from artifact_proxy.stores.streams import Rechunked, whole
from artifact_proxy.stores.sweeping import Sweeping
from schemas.errors import TracklogError

log = logging.getLogger(__name__)

ABANDONED_AFTER: Final = timedelta(hours=24)
"""What lies in STAGING for this long is abandoned: no upload may take longer."""

PLACE_ATTEMPTS: Final = 5
"""A folder can be removed by another request between its making and its use. Often in a row it is not."""

ABORT_TIMEOUT_S: Final = 10.0

REMEMBERED_S: Final = 10
"""How long the time that was given to a blob is remembered: longer than the clocks of two machines are apart."""


class FileTreeBlobStore(BlobStore):
    """The folder `base` of `tree`, which is the tree's root unless this is a store within a store."""

    def __init__(self, tree: FileTree, base: Names = ()) -> None:
        self._tree = tree
        self._base = base
        self._placing: WeakValueDictionary[ArtifactPath, asyncio.Lock] = WeakValueDictionary()
        self._given_s: dict[ArtifactPath, int] = {}
        self._sweeping = Sweeping(self.sweep)
        self._multipart: StagedMultipartUploads | None = None

    @property
    def multipart(self) -> MultipartUploads:
        return self._staged_multipart()

    def _staged_multipart(self) -> StagedMultipartUploads:
        if self._multipart is None:
            self._multipart = StagedMultipartUploads(self, FileTreeBlobStore(self._tree, (*self._base, STAGING, PARTS)))
        return self._multipart

    async def start(self, *, sweeps: bool = True) -> None:
        await self._tree.start()
        if sweeps:
            self._sweeping.start()

    async def close(self) -> None:
        await self._sweeping.close()
        await self._tree.close()

    async def check_writable(self) -> None:
        """By a file of one byte, which is written and removed."""
        probe = (*self._base, STAGING, f"{PROBE}-{secrets.token_hex(8)}")
        try:
            await self._write(probe, Rechunked(one_byte()))
        finally:
            await asyncio.shield(self._abort(probe))

    async def put(self, path: ArtifactPath, content: AsyncIterator[bytes], size: int | None = None) -> BlobInfo:
        check_is_below_root(path)
        staged = self._staged()
        gathered = Rechunked(content)
        try:
            await self._write(staged, gathered)
            return await self._place(staged, path, gathered.taken)
        except BaseException:
            await asyncio.shield(self._abort(staged))
            raise

    @asynccontextmanager
    async def open(self, path: ArtifactPath) -> AsyncIterator[OpenBlob]:
        check_is_below_root(path)
        try:
            async with self._tree.open(self._names(path)) as file:
                yield _FileBlob(file, info_of_file(file.found, path))
        except NoSuchPath as error:
            raise not_found(path) from error
        except ServerRefused as error:
            info_of_file(await self._tree.look(self._names(path)), path)
            raise StoreUnavailable(f"The artifact store does not give {str(path)!r}.") from error

    async def stat(self, path: ArtifactPath) -> BlobInfo:
        check_is_below_root(path)
        return info_of_file(await self._tree.look(self._names(path)), path)

    async def entries(self, folder: ArtifactPath, after: str = "") -> AsyncIterator[Entry]:
        check_not_staging(folder)
        try:
            held = [
                (name, None if found.kind is Kind.FOLDER else found.size)
                async for name, found in self._tree.list(self._names(folder))
                if name > after and name != STAGING and found.kind is not Kind.OTHER and fault_of(name) is None
            ]
        except NoSuchPath:
            return
        except ServerRefused as error:
            found = await self._tree.look(self._names(folder))
            if found is not None and found.kind is Kind.FOLDER:
                raise StoreUnavailable(f"The artifact store does not list {str(folder)!r}.") from error
            return
        held.sort(key=lambda entry: entry[0])
        for name, size in held:
            yield Entry(name, size)

    async def delete(self, path: ArtifactPath) -> None:
        check_not_all(path)
        check_not_staging(path)
        names = self._names(path)
        found = await self._tree.look(names)
        if found is None:
            return
        try:
            with suppress(NoSuchPath):  # another request removed it first
                if found.kind is Kind.FOLDER:
                    await self._delete_folder(names)
                else:
                    await self._tree.remove_file(names)
        except ServerRefused as error:
            raise StoreUnavailable(f"The artifact store does not delete {str(path)!r}.") from error

    def _names(self, path: ArtifactPath) -> Names:
        return (*self._base, *path.segments)

    def _staged(self) -> Names:
        return (*self._base, STAGING, secrets.token_hex(16))

    async def _write(self, staged: Names, content: Rechunked) -> None:
        try:
            await self._tree.write(staged, content)
        except (NoSuchPath, ServerRefused) as error:
            if content.taken:
                raise StoreUnavailable("The artifact store does not take the upload.") from error
            await self._make_folders(staged[:-1])
            try:
                await self._tree.write(staged, content)
            except (NoSuchPath, ServerRefused) as again:
                raise StoreRefused("The artifact store does not take uploads.") from again

    async def _place(self, staged: Names, path: ArtifactPath, size: int) -> BlobInfo:
        """Give what was uploaded its name. One at a time for a blob: each finds the time of the one before."""
        lock = self._placing.setdefault(path, asyncio.Lock())
        async with lock:
            target = self._names(path)
            for attempt in range(1, PLACE_ATTEMPTS + 1):
                before = await self._tree.look(target)
                if before is not None and before.kind is Kind.FOLDER:
                    raise NotABlob(f"{str(path)!r} is a folder.")
                try:
                    if attempt == 1 and self._tree.times_tell_versions:
                        await self._tree.set_modified(staged, self._new_time_s(path, before))
                    info = info_of_file(await self._tree.look(staged), path)
                    if info.size != size:
                        raise StoreUnavailable(f"The artifact store kept {info.size} of {size} bytes.")
                    await self._tree.replace(staged, target)
                    return info
                except NoSuchPath:
                    await self._make_folders(target[:-1])
                except ServerRefused as error:
                    await self._make_folders(target[:-1])
                    if attempt == PLACE_ATTEMPTS:
                        raise StoreUnavailable(f"The artifact store does not keep {str(path)!r}.") from error
            raise StoreUnavailable(f"The folder of {str(path)!r} is being deleted.")

    def _new_time_s(self, path: ArtifactPath, before: Found | None) -> int:
        """Now, or the first second that no version of the blob had before."""
        now_s = int(time.time())
        earlier = [self._given_s.get(path, 0), 0 if before is None else int(before.modified.timestamp())]
        new = max(now_s, *(second + 1 for second in earlier))
        self._given_s = {each: second for each, second in self._given_s.items() if second > now_s - REMEMBERED_S}
        self._given_s[path] = new
        return new

    async def _make_folders(self, folder: Names) -> None:
        """Make what is missing of a folder and those above it. Raises NotABlob when a file is in the way."""
        if await self._tree.look(()) is None:
            await self._tree.make_root()
        for depth in range(1, len(folder) + 1):
            each = folder[:depth]
            found = await self._tree.look(each)
            if found is None:
                with suppress(ServerRefused, NoSuchPath):  # made, or removed, by another request in this moment
                    await self._tree.make_folder(each)
            elif found.kind is not Kind.FOLDER:
                raise NotABlob(f"A file is in the way of the folder {'/'.join(each[len(self._base) :])!r}.")

    async def _delete_folder(self, folder: Names) -> None:
        """Rename the folder into STAGING in one step, so that nothing is put into it any more, and remove it there."""
        aside = self._staged()
        try:
            await self._tree.move(folder, aside)
        except (NoSuchPath, ServerRefused):
            await self._make_folders(aside[:-1])
            await self._tree.move(folder, aside)
        await self._remove_tree(aside)

    async def _remove_tree(self, folder: Names) -> None:
        folders: list[str] = []
        async for name, found in self._tree.list(folder):
            if found.kind is Kind.FOLDER:
                folders.append(name)
            else:
                await self._tree.remove_file((*folder, name))
        for name in folders:
            await self._remove_tree((*folder, name))
        await self._tree.remove_folder(folder)

    async def _abort(self, staged: Names) -> None:
        try:
            async with asyncio.timeout(ABORT_TIMEOUT_S):
                with suppress(NoSuchPath):
                    await self._tree.remove_file(staged)
        except (TracklogError, ServerRefused, TimeoutError) as error:
            # The upload has failed and its error is on its way. What is left costs room until it is swept.
            log.warning("An upload could not be aborted: %r", error)

    async def sweep(self) -> None:
        """Remove what was left behind long ago: of uploads that were killed, of their parts, and of deletions.

        Raises StoreUnavailable.
        """
        staging = (*self._base, STAGING)
        oldest = datetime.now(UTC) - ABANDONED_AFTER
        try:
            for folder in (staging, (*staging, PARTS, STAGING)):
                with suppress(NoSuchPath):
                    await self._remove_older(folder, oldest)
        except ServerRefused as error:
            raise StoreUnavailable(f"The artifact store lets nobody sweep {STAGING!r}: {error}") from error
        await self._staged_multipart().sweep()

    async def _remove_older(self, staging: Names, oldest: datetime) -> None:
        abandoned = [
            (name, found.kind)
            async for name, found in self._tree.list(staging)
            if name != PARTS and found.modified < oldest
        ]
        for name, kind in abandoned:
            if kind is Kind.FOLDER:
                await self._remove_tree((*staging, name))
            else:
                with suppress(NoSuchPath):  # another process sweeps the folder too
                    await self._tree.remove_file((*staging, name))


async def one_byte() -> AsyncIterator[bytes]:
    yield b"\0"


class _FileBlob(OpenBlob):
    """An open file, which may turn out to be shorter than it was."""

    def __init__(self, file: OpenFile, info: BlobInfo) -> None:
        self.info = info
        self._file = file

    async def read(self, start: int, length: int) -> AsyncIterator[bytes]:
        if length:
            async for chunk in whole(self._file.read(start, length), length):
                yield chunk


def info_of_file(found: Found | None, path: ArtifactPath) -> BlobInfo:
    """What is known of the blob at `path`.

    Raises BlobNotFound, NotABlob.
    """
    if found is None or found.kind is Kind.OTHER:
        raise not_found(path)
    if found.kind is Kind.FOLDER:
        raise NotABlob(f"{str(path)!r} is a folder, not a file.")
    return BlobInfo(size=found.size, etag=f"{found.identity}-{found.size:x}", modified=found.modified)


def not_found(path: ArtifactPath) -> BlobNotFound:
    return BlobNotFound(f"There is no artifact {str(path)!r}.")
