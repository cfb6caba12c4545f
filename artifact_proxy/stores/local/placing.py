"""Files that lie in the staging folder until they are whole, and then become blobs.

All of this blocks: it runs in threads.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from artifact_proxy.stores.blob_store import NotABlob
from artifact_proxy.stores.local.errors import NO_SUCH_FOLDER
from artifact_proxy.stores.local.root_folder import RootFolder

CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

PLACE_ATTEMPTS: Final = 5
"""A folder can be removed by another request between its making and its use. Often in a row it is not."""


@dataclass(eq=False, slots=True, kw_only=True)
class StagedFile:
    """A file named `staged` that is to become the blob `name` in the folder `parent`, or the `failure` to do so."""

    parent: tuple[str, ...]
    name: str
    staged: str
    """Empty once the file is in its place."""

    descriptor: int = -1
    failure: Exception | None = None

    def create(self, staging: int) -> None:
        self.descriptor = os.open(self.staged, CREATE, mode=0o666, dir_fd=staging)

    def write(self, chunks: Sequence[bytes]) -> None:
        for chunk in chunks:
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(self.descriptor, rest) :]

    def sync(self) -> None:
        os.fsync(self.descriptor)

    def rename(self, staging: int, folder: int) -> None:
        """Put the file in its place, unless an earlier attempt did.

        Raises FileNotFoundError when the folder is gone, NotABlob.
        """
        if not self.staged:
            return
        try:
            os.rename(self.staged, self.name, src_dir_fd=staging, dst_dir_fd=folder)
        except IsADirectoryError as error:
            raise NotABlob(f"{'/'.join((*self.parent, self.name))!r} is a folder.") from error
        self.staged = ""

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def remove(self, staging: int) -> None:
        """Remove the file unless it is in its place."""
        if self.staged:
            with suppress(FileNotFoundError):
                os.unlink(self.staged, dir_fd=staging)


F = TypeVar("F", bound=StagedFile)


def place(root: RootFolder, staging: int, parent: Sequence[str], files: Sequence[StagedFile]) -> None:
    """Put files in their places in the folder `parent`, durably. A file that cannot be has a `failure` then."""
    for attempt in range(1, PLACE_ATTEMPTS + 1):
        try:
            with root.open(parent, create=True) as folder:
                each(files, StagedFile.rename, staging, folder)
                os.fsync(folder)
            return
        except FileNotFoundError as error:
            if attempt == PLACE_ATTEMPTS:
                fail(files, error)
        except OSError as error:
            failure: Exception = error
            if error.errno in NO_SUCH_FOLDER:
                failure = NotABlob(f"A file is in the way of the folder {'/'.join(parent)!r}.")
                failure.__cause__ = error
            fail(files, failure)
            return


def each(files: Sequence[F], step: Callable[..., None], *args: Any) -> None:
    """Do `step` with each file that has not failed; one that fails does not keep the others back.

    Raises FileNotFoundError: a folder that is gone concerns all.
    """
    for file in files:
        if file.failure is None:
            try:
                step(file, *args)
            except FileNotFoundError:
                raise
            except (OSError, NotABlob) as error:
                file.failure = error


def fail(files: Sequence[StagedFile], error: Exception) -> None:
    """Let `error` be the failure of every file that has none yet."""
    for file in files:
        file.failure = file.failure or error
