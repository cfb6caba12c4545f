"""The folder of a store, reached so that nothing leads out of it.

A path is walked from the root by file descriptors, one name at a time, and no step follows a symbolic link. So links
lead nowhere, inside the root or out of it, and there is no moment between a check and its use in which a link could be
put in the way: resolving a path and then opening it by name would have one.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
INNER_FOLDER: Final = FOLDER | os.O_NOFOLLOW


class RootFolder:
    """The folder `path`, made when it is first needed. It may itself be a symbolic link: the operator named it.

    Its methods block: they run in threads.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def open(self, segments: Sequence[str], *, create: bool = False) -> Iterator[int]:
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

    def _open_root(self, create: bool) -> int:
        try:
            return os.open(self.path, FOLDER)
        except FileNotFoundError:
            if not create:
                raise
            self.path.mkdir(parents=True, exist_ok=True)
            return os.open(self.path, FOLDER)


def open_or_make(name: str, folder: int) -> int:
    """A descriptor of the folder `name` in `folder`. One that is made is durable before anything is put into it."""
    try:
        return os.open(name, INNER_FOLDER, dir_fd=folder)
    except FileNotFoundError:
        with suppress(FileExistsError):  # another upload may make it in this moment
            os.mkdir(name, dir_fd=folder)
        os.fsync(folder)
        return os.open(name, INNER_FOLDER, dir_fd=folder)
