"""A blob of the local folder that is open to be read."""

import os
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Final

from artifact_proxy.stores.blob_store import OpenBlob, StoreUnavailable
from artifact_proxy.stores.local.blob_files import info_of_file, not_found
from artifact_proxy.stores.local.blocking_calls import BlockingCalls
from artifact_proxy.stores.local.errors import NO_SUCH_FILE
from artifact_proxy.stores.local.root_folder import RootFolder
from artifact_proxy.stores.local.underway import Underway
from schemas.rest.route import KIB, MIB

MOST_READ_BYTES: Final = 512 * KIB
LEAST_READ_BYTES: Final = 64 * KIB
"""What a download reads at once. The way to a thread and back takes 0.2 ms on a busy machine, so the largest pieces
come down four times as fast as the smallest."""

DOWNLOADS_BYTES: Final = 8 * MIB
"""What all downloads share, as far as the least of each allows; as much again is on its way to the clients."""

HEAD_BYTES: Final = 64 * KIB
"""A blob no larger than this is opened, read and closed in one visit to a thread."""

READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
# Without O_NONBLOCK, opening a pipe that lies there would wait for a writer without end.


class LocalBlob(OpenBlob):
    """An open file, or the whole of a small one. The lock keeps its closing behind a read under way.

    `downloads` are those under way, among which DOWNLOADS_BYTES are shared.
    """

    def __init__(self, root: RootFolder, calls: BlockingCalls, downloads: Underway) -> None:
        self._root = root
        self._calls = calls
        self._downloads = downloads
        self._lock = threading.Lock()
        self._file = -1
        self._whole: bytes | None = None
        self._has_ended = False

    def open(self, parent: Sequence[str], name: str) -> None:
        """Runs in a thread. Raises BlobNotFound, NotABlob, OSError."""
        with self._lock:
            if self._has_ended:
                return
            try:
                with self._root.open(parent) as folder:
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
        with self._downloads:
            while start < end:
                chunk = await self._calls.run(self._read_open, start, min(self._chunk_bytes, end - start))
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
            self._calls.threads.submit(self._close_later)

    def _close_later(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        self._has_ended = True
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    @property
    def _chunk_bytes(self) -> int:
        """How much to read at once, with as many downloads as there are now."""
        return min(MOST_READ_BYTES, max(LEAST_READ_BYTES, DOWNLOADS_BYTES // max(1, self._downloads.count)))

    def _read_open(self, start: int, length: int) -> bytes:
        with self._lock:
            if self._has_ended:
                raise StoreUnavailable("The download was ended.")  # its caller is gone already
            return self._read(start, length)

    def _read(self, start: int, length: int) -> bytes:
        chunk = os.pread(self._file, length, start)
        if not chunk and length:
            raise StoreUnavailable("The artifact was shortened while it was read.")
        return chunk
