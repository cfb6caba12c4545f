"""A folder of this machine, or one mounted here, as a BlobStore.

A path is walked from the root by file descriptors, one name at a time, and no step follows a symbolic link. So links
lead nowhere, inside the root or out of it, and there is no moment between a check and its use in which a link could be
put in the way: resolving a path and then opening it by name would have one.
"""

import asyncio
import errno
import os
import secrets
import shutil
import stat
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from artifact_proxy.artifact_path import ArtifactPath, fault_of
from artifact_proxy.stores.blob_store import (
    BlobInfo,
    BlobNotFound,
    BlobStore,
    Entry,
    NotABlob,
    OpenBlob,
    MultipartUploads,
    StoreFull,
    StoreRefused,
    StoreUnavailable,
)
from artifact_proxy.stores.local.group_commit import CREATE, NO_SUCH_FOLDER, PLACE_ATTEMPTS, GroupCommit
from artifact_proxy.stores.staged_multipart import StagedMultipartUploads
from artifact_proxy.stores.staging import PARTS, PROBE, STAGING, check_is_below_root, check_not_staging
from artifact_proxy.stores.sweeping import Sweeping
from schemas.errors import InvalidParameterValue, TracklogError
from schemas.rest.route import KIB, MIB

P = ParamSpec("P")
T = TypeVar("T")

WRITTEN_BYTES: Final = 128 * KIB
"""What an upload gathers before it writes. Larger pieces were not faster."""

UPLOADS_AHEAD: Final = 8
"""As many uploads receive what follows while a piece is written, which holds twice as much of each in memory. With more
the threads have enough to do."""

MOST_READ_BYTES: Final = 512 * KIB
LEAST_READ_BYTES: Final = 64 * KIB
"""What a download reads at once. The way to a thread and back takes 0.2 ms on a busy machine, so the largest pieces
come down four times as fast as the smallest."""

DOWNLOADS_BYTES: Final = 8 * MIB
"""What all downloads share, as far as the least of each allows; as much again is on its way to the clients."""

HEAD_BYTES: Final = 64 * KIB
"""A blob no larger than this is opened, read and closed in one visit to a thread."""

THREADS: Final = 16
"""Most wait for the disk to sync; syncs of several files at once share one commit of the file system's journal."""

PATIENCE_S: Final = 60.0
"""How long the file system may take for one step, such as the write of a chunk. A mount whose server is gone takes for
ever; the thread is then lost until it comes back, and whoever waits is told."""

FINISH_PATIENCE: Final = 10
"""The last step of a large upload may take this many times as long: the disk catches up with all that was written."""

ABANDONED_AFTER_S: Final = 24 * 3600.0
"""A staged file not written to for this long belongs to no upload: none may take longer."""

PROBE_BYTES: Final = 4 * KIB
"""Less than a block would need none on some file systems."""

LISTED_AT_ONCE: Final = 1000

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
INNER_FOLDER: Final = FOLDER | os.O_NOFOLLOW
READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
# Without O_NONBLOCK, opening a pipe that somebody put there would wait for a writer for ever.

NO_SUCH_FILE: Final = (*NO_SUCH_FOLDER, errno.ENXIO)

STORE_ERRORS: Final[dict[int, type[TracklogError]]] = {
    errno.ENOSPC: StoreFull,
    errno.EDQUOT: StoreFull,
    errno.ENOENT: StoreUnavailable,
    errno.ENOTDIR: StoreUnavailable,
    errno.ELOOP: StoreUnavailable,
    errno.EACCES: StoreRefused,
    errno.EPERM: StoreRefused,
    errno.EROFS: StoreRefused,
    errno.EIO: StoreUnavailable,
    errno.ESTALE: StoreUnavailable,
    errno.ETIMEDOUT: StoreUnavailable,
    errno.EMFILE: StoreUnavailable,
    errno.ENFILE: StoreUnavailable,
    errno.ENOTEMPTY: StoreUnavailable,
    errno.EXDEV: StoreUnavailable,
    errno.ENAMETOOLONG: InvalidParameterValue,
    errno.EFBIG: InvalidParameterValue,
}
"""What the operating system's errors mean here; any other is a fault of this program."""


class LocalBlobStore(BlobStore):
    """The folder `root`, made when the first blob comes. It may itself be a symbolic link: the operator named it."""

    def __init__(self, root: Path, threads: int = THREADS, patience_s: float = PATIENCE_S) -> None:
        self._root = root
        self._patience_s = patience_s
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="artifacts")
        self._uploads = _Underway()
        self.downloads = _Underway()
        """They share DOWNLOADS_BYTES."""
        self._parts: LocalBlobStore | None = None
        self._sweeping = Sweeping(self.sweep)
        self._small = GroupCommit(self.folder, STAGING, info_of, self._threads)

    @property
    def multipart(self) -> MultipartUploads:
        return self._staged_multipart()[1]

    def _staged_multipart(self) -> tuple["LocalBlobStore", StagedMultipartUploads]:
        """Where the parts of uploads lie, and who knows about them."""
        if self._parts is None:
            self._parts = LocalBlobStore(self._root / STAGING / PARTS)
            self._multipart = StagedMultipartUploads(self, self._parts)
        return self._parts, self._multipart

    async def start(self) -> None:
        await self.sweep()
        self._sweeping.start()

    async def sweep(self) -> None:
        """Remove what uploads that were killed left behind: half files, here and of parts, and parts of no upload.

        Others may use the folder: what they are at is younger. Raises StoreUnavailable.
        """
        parts, parted = self._staged_multipart()
        await self.run(self._remove_abandoned)
        await parts.run(parts._remove_abandoned)
        await parted.sweep()

    async def close(self) -> None:
        await self._sweeping.close()
        if self._parts is not None:
            await self._parts.close()
        await self._small.close()
        await asyncio.to_thread(self._threads.shutdown)

    async def check_writable(self) -> None:
        """By a file as large as a page, which is written, synced and removed."""
        await self.run(self._probe)

    async def put(self, path: ArtifactPath, content: AsyncIterator[bytes], size: int | None = None) -> BlobInfo:
        with self._uploads:
            return await self._put(content, *parent_and_name(path))

    async def _put(self, content: AsyncIterator[bytes], parent: Sequence[str], name: str) -> BlobInfo:
        upload = _Upload(self)
        # While a thread writes what was gathered, the event loop receives and digests what follows.
        writing: asyncio.Task[None] | None = None
        chunks: list[bytes] = []
        gathered = 0
        try:
            async for chunk in content:
                chunks.append(chunk)
                gathered += len(chunk)
                if gathered >= WRITTEN_BYTES:
                    if writing is not None:
                        await writing
                    writing = asyncio.create_task(self.run(upload.write, chunks))
                    chunks, gathered = [], 0
                    if self._uploads.count > UPLOADS_AHEAD:
                        await writing
            if writing is not None:
                await writing
                with store_errors():
                    async with asyncio.timeout(self._patience_s * FINISH_PATIENCE):
                        return await self._unbounded(upload.finish, chunks, parent, name)
        except BaseException:
            await asyncio.shield(self._abandon(upload, writing))
            raise
        with store_errors():
            async with asyncio.timeout(self._patience_s):
                return await self._small.put(parent, name, chunks)

    @asynccontextmanager
    async def open(self, path: ArtifactPath) -> AsyncIterator[OpenBlob]:
        parent, name = parent_and_name(path)
        blob = _LocalBlob(self)
        try:
            await self.run(blob.open, parent, name)
            yield blob
        finally:
            blob.close()

    async def stat(self, path: ArtifactPath) -> BlobInfo:
        return await self.run(self._stat, *parent_and_name(path))

    async def entries(self, folder: ArtifactPath, after: str = "") -> AsyncIterator[Entry]:
        check_not_staging(folder)
        names = iter(await self.run(self._names, folder.segments, after))
        while some := list(islice(names, LISTED_AT_ONCE)):
            for entry in await self.run(self._entries, folder.segments, some):
                yield entry

    async def delete(self, path: ArtifactPath) -> None:
        if not path.segments:
            raise InvalidParameterValue("The root of all artifacts cannot be deleted.")
        await self._unbounded(self._delete, *parent_and_name(path))

    async def _abandon(self, upload: "_Upload", writing: asyncio.Task[None] | None) -> None:
        if writing is not None:
            await asyncio.gather(writing, return_exceptions=True)
        await self.run(upload.abort)

    async def run(self, work: Callable[P, T], *args: P.args, **_: P.kwargs) -> T:
        """The result of `work` in one of the store's threads.

        Raises what `work` raises; an OSError as STORE_ERRORS says; StoreUnavailable when it takes too long.
        """
        with store_errors():
            async with asyncio.timeout(self._patience_s):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)

    async def _unbounded(self, work: Callable[P, T], *args: P.args, **_: P.kwargs) -> T:
        """As `run`, for work that rightly takes long."""
        with store_errors():
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)

    @property
    def read_bytes(self) -> int:
        """How much a download is to read at once, as many as there are now."""
        return min(MOST_READ_BYTES, max(LEAST_READ_BYTES, DOWNLOADS_BYTES // max(1, self.downloads.count)))

    def soon(self, work: Callable[[], None]) -> None:
        """Have `work` done in one of the store's threads; nobody waits for it."""
        self._threads.submit(work)

    @contextmanager
    def folder(self, segments: Sequence[str], *, create: bool = False) -> Iterator[int]:
        """A descriptor of the folder below the root, for as long as the context lasts.

        Raises OSError with one of NO_SUCH_FOLDER, among others.
        """
        current = self._open_root(create)
        try:
            for segment in segments:
                below = open_or_make(segment, current) if create else os.open(segment, INNER_FOLDER, dir_fd=current)
                os.close(current)
                current = below
            yield current
        finally:
            os.close(current)

    def _probe(self) -> None:
        with self.folder([STAGING], create=True) as staging:
            # Several servers may share the folder, and each must find its own.
            name = f"{PROBE}-{secrets.token_hex(8)}"
            file = os.open(name, CREATE, mode=0o666, dir_fd=staging)
            try:
                os.write(file, bytes(PROBE_BYTES))
                os.fsync(file)
            finally:
                os.close(file)
                os.unlink(name, dir_fd=staging)

    def _open_root(self, create: bool) -> int:
        try:
            return os.open(self._root, FOLDER)
        except FileNotFoundError:
            if not create:
                raise
            self._root.mkdir(parents=True, exist_ok=True)
            return os.open(self._root, FOLDER)

    def _stat(self, parent: Sequence[str], name: str) -> BlobInfo:
        try:
            with self.folder(parent) as folder:
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno in NO_SUCH_FILE:
                raise not_found(parent, name) from error
            raise
        return info_of_file(found, parent, name)

    def _names(self, segments: Sequence[str], after: str) -> list[tuple[str, bool]]:
        """The names after `after` in a folder, each with whether it is a folder, sorted."""
        try:
            with self.folder(segments) as folder, os.scandir(folder) as found:
                return sorted(
                    (entry.name, entry.is_dir(follow_symlinks=False))
                    for entry in found
                    if entry.name > after and is_shown(entry)
                )
        except OSError as error:
            if error.errno in NO_SUCH_FOLDER:
                return []
            raise

    def _entries(self, segments: Sequence[str], names: Sequence[tuple[str, bool]]) -> list[Entry]:
        entries: list[Entry] = []
        try:
            with self.folder(segments) as folder:
                for name, is_folder in names:
                    size = None if is_folder else size_of(name, folder)
                    if is_folder or size is not None:
                        entries.append(Entry(name, size))
        except OSError as error:
            if error.errno not in NO_SUCH_FOLDER:
                raise
        return entries

    def _delete(self, parent: Sequence[str], name: str) -> None:
        try:
            with self.folder(parent) as folder:
                try:
                    os.unlink(name, dir_fd=folder)
                except IsADirectoryError:
                    remove_tree(name, folder)
                os.fsync(folder)
        except OSError as error:
            if error.errno not in NO_SUCH_FOLDER:
                raise

    def _remove_abandoned(self) -> None:
        oldest = time.time() - ABANDONED_AFTER_S
        try:
            with self.folder([STAGING]) as staging, os.scandir(staging) as found:
                for entry in found:
                    # Another process may sweep the folder too, and an upload end in this moment.
                    with suppress(FileNotFoundError):
                        if entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < oldest:
                            os.unlink(entry.name, dir_fd=staging)
        except OSError as error:
            if error.errno not in NO_SUCH_FOLDER:
                raise


class _Underway:
    """How many there are at once of what enters and leaves it."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1


class _Upload:
    """A file that is not yet a blob. Its methods run in threads; the lock keeps an abort behind a write under way."""

    def __init__(self, store: LocalBlobStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._staged = secrets.token_hex(16)
        self._file = -1
        self._ended = False

    def write(self, chunks: Sequence[bytes]) -> None:
        with self._lock:
            self._write(chunks)

    def finish(self, chunks: Sequence[bytes], parent: Sequence[str], name: str) -> BlobInfo:
        """Write the last chunks and put the whole in its place, durably."""
        with self._lock:
            self._write(chunks)
            os.fsync(self._file)
            self._place(parent, name)
            self._ended = True
            try:
                return info_of(os.fstat(self._file))
            finally:
                os.close(self._file)

    def abort(self) -> None:
        """Leave nothing behind, unless all is in its place already."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
            if self._file >= 0:
                os.close(self._file)
                # It may be in its place already, and only the sync that makes it durable have failed.
                with suppress(FileNotFoundError), self._store.folder([STAGING]) as staging:
                    os.unlink(self._staged, dir_fd=staging)

    def _write(self, chunks: Sequence[bytes]) -> None:
        if self._ended:
            raise StoreUnavailable("The upload was ended.")  # nobody waits for this any more
        if self._file < 0:
            with self._store.folder([STAGING], create=True) as staging:
                self._file = os.open(self._staged, CREATE, mode=0o666, dir_fd=staging)
        for chunk in chunks:
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(self._file, rest) :]

    def _place(self, parent: Sequence[str], name: str) -> None:
        for attempt in range(1, PLACE_ATTEMPTS + 1):
            try:
                with self._store.folder([STAGING]) as staging, self._store.folder(parent, create=True) as folder:
                    os.rename(self._staged, name, src_dir_fd=staging, dst_dir_fd=folder)
                    os.fsync(folder)
                    return
            except FileNotFoundError:
                if attempt == PLACE_ATTEMPTS:
                    raise
            except OSError as error:
                if error.errno == errno.EISDIR:
                    raise NotABlob(f"{'/'.join((*parent, name))!r} is a folder.") from error
                if error.errno in NO_SUCH_FOLDER:
                    raise NotABlob(f"A file is in the way of the folder {'/'.join(parent)!r}.") from error
                raise


class _LocalBlob(OpenBlob):
    """An open file, or the whole of a small one. The lock keeps its closing behind a read under way."""

    def __init__(self, store: LocalBlobStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._file = -1
        self._whole: bytes | None = None
        self._ended = False

    def open(self, parent: Sequence[str], name: str) -> None:
        with self._lock:
            if self._ended:
                return
            try:
                with self._store.folder(parent) as folder:
                    self._file = os.open(name, READ, dir_fd=folder)
            except OSError as error:
                if error.errno in NO_SUCH_FILE:
                    raise not_found(parent, name) from error
                raise
            self.info = info_of_file(os.fstat(self._file), parent, name)
            if self.info.size <= HEAD_BYTES:
                self._whole = self._read(0, self.info.size)
                os.close(self._file)
                self._file = -1

    async def read(self, start: int, length: int) -> AsyncIterator[bytes]:
        if self._whole is not None:
            if length:
                yield self._whole[start : start + length]
            return
        end = start + length
        with self._store.downloads:
            while start < end:
                chunk = await self._store.run(self._read_open, start, min(self._store.read_bytes, end - start))
                start += len(chunk)
                yield chunk

    def close(self) -> None:
        """Runs in the event loop: closing a file that was only read does not wait, but a read under way may."""
        if self._lock.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._lock.release()
        else:
            self._store.soon(self._close_later)

    def _close_later(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        self._ended = True
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _read_open(self, start: int, length: int) -> bytes:
        with self._lock:
            if self._ended:
                raise StoreUnavailable("The download was ended.")  # nobody waits for this any more
            return self._read(start, length)

    def _read(self, start: int, length: int) -> bytes:
        chunk = os.pread(self._file, length, start)
        if not chunk and length:
            raise StoreUnavailable("The artifact was shortened while it was read.")
        return chunk


@contextmanager
def store_errors() -> Iterator[None]:
    """Raise the port's errors for those of the operating system, as STORE_ERRORS says."""
    try:
        yield
    except OSError as error:
        meant = STORE_ERRORS.get(error.errno or 0)
        if isinstance(error, TimeoutError):
            raise StoreUnavailable("The folder of the artifacts does not answer.") from error
        if meant is None:
            raise
        raise meant(f"The artifact store cannot do this: {error.strerror}.") from error


def parent_and_name(path: ArtifactPath) -> tuple[Sequence[str], str]:
    """The segments of the folder that holds `path`, and its name there.

    Raises NotABlob for the root, InvalidParameterValue for what is reserved.
    """
    check_is_below_root(path)
    return path.segments[:-1], path.name


def open_or_make(name: str, folder: int) -> int:
    """A descriptor of the folder `name` in `folder`. One that is made is durable before anything is put into it."""
    try:
        return os.open(name, INNER_FOLDER, dir_fd=folder)
    except FileNotFoundError:
        with suppress(FileExistsError):  # another upload may make it in this moment
            os.mkdir(name, dir_fd=folder)
        os.fsync(folder)
        return os.open(name, INNER_FOLDER, dir_fd=folder)


def remove_tree(name: str, folder: int) -> None:
    """Remove the folder `name` in `folder` with all it holds; links in it are removed, what they point at is not."""
    for attempt in range(1, PLACE_ATTEMPTS + 1):
        try:
            shutil.rmtree(name, dir_fd=folder)
            return
        except OSError as error:
            # Another request may remove the same folder, put a file into one that was found empty, or put a folder in
            # its place between rmtree's look and its opening, which rmtree tells by an error without a number.
            if error.errno not in (errno.ENOTEMPTY, errno.ENOENT, None) or attempt == PLACE_ATTEMPTS:
                raise
            if not exists(name, folder):
                return


def exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def is_shown(entry: os.DirEntry[str]) -> bool:
    """Whether a folder's entry is a blob or a folder that a path can name. Links, pipes and devices are neither."""
    if entry.name == STAGING or fault_of(entry.name) is not None:
        return False
    return entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)


def size_of(name: str, folder: int) -> int | None:
    """The size of a file in `folder` in bytes; None when it is gone."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
    except FileNotFoundError:
        return None


def info_of_file(found: os.stat_result, parent: Sequence[str], name: str) -> BlobInfo:
    """What is known of the blob whose file is `found`.

    Raises NotABlob for a folder, BlobNotFound for what is neither file nor folder.
    """
    if stat.S_ISDIR(found.st_mode):
        raise NotABlob(f"{'/'.join((*parent, name))!r} is a folder, not a file.")
    if not stat.S_ISREG(found.st_mode):
        raise not_found(parent, name)
    return info_of(found)


def info_of(found: os.stat_result) -> BlobInfo:
    """What is known of a blob. Every upload is a file of its own, so a new version has another inode or time."""
    return BlobInfo(
        size=found.st_size,
        etag=f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}",
        modified=datetime.fromtimestamp(found.st_mtime, UTC),
    )


def not_found(parent: Sequence[str], name: str) -> BlobNotFound:
    """The error that tells that nothing is at a path, be the folder missing or only the file."""
    return BlobNotFound(f"There is no artifact {'/'.join((*parent, name))!r}.")
