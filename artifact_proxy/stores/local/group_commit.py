"""Small blobs put into a local folder together: the disk syncs a folder once for all that came into it at once.

Each put alone would open every folder on its way, and take its turn at the interpreter's lock at each of some twenty
calls of the operating system, in a thread of its own among many. A batch opens each folder once, in one thread.
"""

import asyncio
import errno
import os
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Final, Protocol

from artifact_proxy.stores.blob_store import BlobInfo, NotABlob

BATCHES_AT_ONCE: Final = 2
"""While the disk syncs one, the other is written. More make smaller batches, in threads that wake each other for the
interpreter's lock at every call of the operating system: with 8, each upload costs half as much CPU again."""

UPLOADS_IN_BATCH: Final = 64

PLACE_ATTEMPTS: Final = 5
"""A folder can be removed by another request between its making and its use. Often in a row it is not."""

NO_SUCH_FOLDER: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

Outcome = BlobInfo | Exception


class FolderOpener(Protocol):
    """A descriptor of the folder below the root, for as long as the context lasts."""

    def __call__(self, segments: Sequence[str], *, create: bool = False) -> AbstractContextManager[int]: ...


@dataclass(eq=False, slots=True)
class SmallUpload:
    """A blob that is in memory, and is to be put at `name` in the folder `parent`."""

    parent: tuple[str, ...]
    name: str
    chunks: Sequence[bytes]
    done: asyncio.Future[BlobInfo]
    staged: str
    file: int = -1
    outcome: Outcome | None = None


class GroupCommit:
    """Puts small blobs. `open_folder` opens folders below the root; in `staging` blobs lie until they are whole."""

    def __init__(
        self, open_folder: FolderOpener, staging: str, info_of: Callable[[os.stat_result], BlobInfo], threads: Executor
    ) -> None:
        self._open_folder = open_folder
        self._staging = staging
        self._info_of = info_of
        self._threads = threads
        # Random once, for several servers may share the folder; at each upload it would be a twentieth of its cost.
        self._staged_prefix = secrets.token_hex(16)
        self._numbers = count()
        self._waiting: list[SmallUpload] = []
        self._batches: set[asyncio.Task[None]] = set()

    async def put(self, parent: Sequence[str], name: str, chunks: Sequence[bytes]) -> BlobInfo:
        """Return when the blob is in its place, durably.

        Raises OSError, NotABlob. When it is cancelled early enough nothing is put.
        """
        done: asyncio.Future[BlobInfo] = asyncio.get_running_loop().create_future()
        upload = SmallUpload(tuple(parent), name, chunks, done, f"{self._staged_prefix}-{next(self._numbers):x}")
        self._waiting.append(upload)
        if len(self._batches) < BATCHES_AT_ONCE:
            batch = asyncio.create_task(self._work())
            self._batches.add(batch)
            batch.add_done_callback(self._batches.discard)
        try:
            return await done
        except asyncio.CancelledError:
            if upload in self._waiting:
                self._waiting.remove(upload)
            raise

    async def close(self) -> None:
        """Return when nothing is under way any more."""
        await asyncio.gather(*self._batches)

    async def _work(self) -> None:
        while self._waiting:
            batch = self._waiting[:UPLOADS_IN_BATCH]
            del self._waiting[:UPLOADS_IN_BATCH]
            try:
                await asyncio.get_running_loop().run_in_executor(self._threads, self._commit, batch)
            except Exception as error:
                for upload in batch:
                    upload.outcome = upload.outcome or error
            for upload in batch:
                tell(upload)

    def _commit(self, uploads: Sequence[SmallUpload]) -> None:
        """Put them all, each of which has an outcome in the end. Runs in a thread."""
        with self._open_folder([self._staging], create=True) as staging:
            try:
                each(uploads, lambda upload: stage(upload, staging))
                each(uploads, lambda upload: os.fsync(upload.file))
                for parent in dict.fromkeys(upload.parent for upload in uploads):
                    self._place(staging, parent, [upload for upload in uploads if upload.parent == parent])
                each(uploads, self._conclude)
            finally:
                for upload in uploads:
                    discard(upload, staging)

    def _place(self, staging: int, parent: tuple[str, ...], uploads: Sequence[SmallUpload]) -> None:
        for attempt in range(1, PLACE_ATTEMPTS + 1):
            try:
                with self._open_folder(parent, create=True) as folder:
                    each(uploads, lambda upload: rename(upload, staging, folder))
                    os.fsync(folder)
                return
            except FileNotFoundError as error:
                if attempt == PLACE_ATTEMPTS:
                    fail(uploads, error)
            except OSError as error:
                if error.errno in NO_SUCH_FOLDER:
                    fail(uploads, NotABlob(f"A file is in the way of the folder {'/'.join(parent)!r}."))
                fail(uploads, error)
                return

    def _conclude(self, upload: SmallUpload) -> None:
        upload.outcome = self._info_of(os.fstat(upload.file))


def stage(upload: SmallUpload, staging: int) -> None:
    """Write a blob where nobody sees it."""
    upload.file = os.open(upload.staged, CREATE, mode=0o666, dir_fd=staging)
    for chunk in upload.chunks:
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(upload.file, rest) :]


def rename(upload: SmallUpload, staging: int, folder: int) -> None:
    """Put a blob in its place, unless an earlier attempt did.

    Raises FileNotFoundError when the folder is gone, NotABlob.
    """
    if not upload.staged:
        return
    try:
        os.rename(upload.staged, upload.name, src_dir_fd=staging, dst_dir_fd=folder)
    except IsADirectoryError as error:
        raise NotABlob(f"{'/'.join((*upload.parent, upload.name))!r} is a folder.") from error
    upload.staged = ""


def discard(upload: SmallUpload, staging: int) -> None:
    """Let go of the file, and remove it unless it is in its place."""
    if upload.file < 0:
        return
    os.close(upload.file)
    if upload.staged:
        with suppress(FileNotFoundError):
            os.unlink(upload.staged, dir_fd=staging)


def each(uploads: Sequence[SmallUpload], work: Callable[[SmallUpload], None]) -> None:
    """Do `work` for each that has not failed; one that fails does not keep the others back.

    Raises FileNotFoundError: a folder that is gone concerns all.
    """
    for upload in uploads:
        if upload.outcome is None:
            try:
                work(upload)
            except FileNotFoundError:
                raise
            except (OSError, NotABlob) as error:
                upload.outcome = error


def fail(uploads: Sequence[SmallUpload], error: Exception) -> None:
    for upload in uploads:
        upload.outcome = upload.outcome or error


def tell(upload: SmallUpload) -> None:
    """Wake whoever waits for the blob."""
    if upload.done.done():
        return  # was cancelled
    if isinstance(upload.outcome, BlobInfo):
        upload.done.set_result(upload.outcome)
    else:
        upload.done.set_exception(upload.outcome or RuntimeError("An upload was left without an outcome."))
