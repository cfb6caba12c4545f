"""Small blobs put into a local folder together: the disk syncs a folder once for all that came into it at once.

Each put alone would open every folder on its way, and take its turn at the interpreter's lock at each of some twenty
calls of the operating system, in a thread of its own among many. A batch opens each folder once, in one thread.
"""

import asyncio
import os
import secrets
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import count
from typing import Final

from artifact_proxy.stores.blob_store import BlobInfo
from artifact_proxy.stores.local.blob_files import info_of
from artifact_proxy.stores.local.placing import StagedFile, each, fail, place
from artifact_proxy.stores.local.root_folder import RootFolder
from artifact_proxy.stores.staging import STAGING

BATCHES_AT_ONCE: Final = 2
"""While the disk syncs one, the other is written. More make smaller batches, in threads that wake each other for the
interpreter's lock at every call of the operating system: with 8, each upload costs half as much CPU again."""

UPLOADS_IN_BATCH: Final = 64


@dataclass(eq=False, slots=True, kw_only=True)
class SmallUpload(StagedFile):
    """A blob that is in memory. `done` is its caller's; `info` is there when the blob is in its place."""

    chunks: Sequence[bytes]
    done: asyncio.Future[BlobInfo]
    info: BlobInfo | None = None

    def stage(self, staging: int) -> None:
        """Write the blob where no path leads."""
        self.create(staging)
        self.write(self.chunks)

    def conclude(self) -> None:
        self.info = info_of(os.fstat(self.descriptor))

    def settle(self) -> None:
        """Hand the outcome to the caller, unless it was cancelled."""
        if self.done.done():
            return
        if self.info is not None:
            self.done.set_result(self.info)
        else:
            self.done.set_exception(self.failure or RuntimeError("An upload was left without an outcome."))


class GroupCommit:
    """Puts small blobs below `root`, in batches that run in `threads`."""

    def __init__(self, root: RootFolder, threads: Executor) -> None:
        self._root = root
        self._threads = threads
        # Random once, for several servers may share the folder; at each upload it would be a twentieth of its cost.
        self._staged_prefix = secrets.token_hex(16)
        self._numbers = count()
        self._waiting: list[SmallUpload] = []
        self._batches: set[asyncio.Task[None]] = set()

    async def put(self, parent: tuple[str, ...], name: str, chunks: Sequence[bytes]) -> BlobInfo:
        """Return when the blob is in its place, durably.

        Raises OSError, NotABlob. When it is cancelled early enough nothing is put.
        """
        done: asyncio.Future[BlobInfo] = asyncio.get_running_loop().create_future()
        staged = f"{self._staged_prefix}-{next(self._numbers):x}"
        upload = SmallUpload(parent=parent, name=name, staged=staged, chunks=chunks, done=done)
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
        """Return when no batch is under way any more."""
        await asyncio.gather(*self._batches)

    async def _work(self) -> None:
        while self._waiting:
            batch = self._waiting[:UPLOADS_IN_BATCH]
            del self._waiting[:UPLOADS_IN_BATCH]
            try:
                await asyncio.get_running_loop().run_in_executor(self._threads, self._commit, batch)
            except Exception as error:
                fail(batch, error)
            for upload in batch:
                upload.settle()

    def _commit(self, uploads: Sequence[SmallUpload]) -> None:
        """Put them all: each has an `info` or a `failure` in the end. Runs in a thread."""
        with self._root.open([STAGING], create=True) as staging:
            try:
                each(uploads, SmallUpload.stage, staging)
                each(uploads, SmallUpload.sync)
                for parent in dict.fromkeys(upload.parent for upload in uploads):
                    place(self._root, staging, parent, [upload for upload in uploads if upload.parent == parent])
                each(uploads, SmallUpload.conclude)
            finally:
                for upload in uploads:
                    upload.close()
                    upload.remove(staging)
