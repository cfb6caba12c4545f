"""A blob that is written to the local folder as it comes."""

import os
import secrets
import threading
from collections.abc import Sequence
from contextlib import suppress

from artifact_proxy.stores.blob_store import BlobInfo, StoreUnavailable
from artifact_proxy.stores.local.blob_files import info_of
from artifact_proxy.stores.local.placing import StagedFile, place
from artifact_proxy.stores.local.root_folder import RootFolder
from artifact_proxy.stores.staging import STAGING


class LargeUpload:
    """A file that is not yet a blob. Its methods run in threads; the lock keeps an abort behind a write under way."""

    def __init__(self, root: RootFolder, parent: tuple[str, ...], name: str) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._file = StagedFile(parent=parent, name=name, staged=secrets.token_hex(16))
        self._has_ended = False

    def write(self, chunks: Sequence[bytes]) -> None:
        with self._lock:
            self._write(chunks)

    def finish(self, chunks: Sequence[bytes]) -> BlobInfo:
        """Write the last chunks and put the whole in its place, durably."""
        with self._lock:
            self._write(chunks)
            self._file.sync()
            with self._root.open([STAGING]) as staging:
                place(self._root, staging, self._file.parent, [self._file])
            if self._file.failure is not None:
                raise self._file.failure
            self._has_ended = True
            try:
                return info_of(os.fstat(self._file.descriptor))
            finally:
                self._file.close()

    def abort(self) -> None:
        """Leave nothing behind, unless all is in its place already."""
        with self._lock:
            if self._has_ended:
                return
            self._has_ended = True
            if self._file.descriptor >= 0:
                self._file.close()
                with suppress(FileNotFoundError), self._root.open([STAGING]) as staging:
                    self._file.remove(staging)

    def _write(self, chunks: Sequence[bytes]) -> None:
        if self._has_ended:
            raise StoreUnavailable("The upload was ended.")  # its caller is gone already
        if self._file.descriptor < 0:
            with self._root.open([STAGING], create=True) as staging:
                self._file.create(staging)
        self._file.write(chunks)
