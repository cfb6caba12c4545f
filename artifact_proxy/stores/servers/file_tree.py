"""Files and folders on a file server, as far as blobs need them: what SFTP, FTP and HDFS have in common.

Paths are names from the root of the tree downwards; none are the root itself, which need not exist. No method follows a
symbolic link that the server lets it see.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import ClassVar

Names = tuple[str, ...]


class Kind(Enum):
    """What a name in a folder is. OTHER is what no blob can be: a link, a pipe, a device."""

    FILE = "file"
    FOLDER = "folder"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a server says about a name. `identity` marks this file's content, as well as the server can.

    `identity` and `modified` stay when the file is given another name. `modified` is aware.
    """

    kind: Kind
    size: int
    modified: datetime
    identity: str


class NoSuchPath(Exception):
    """There is nothing at a path, or a folder on the way to it is missing."""


class ServerRefused(Exception):
    """The server refused, for a reason of its own, such as a folder where a file is meant."""


class OpenFile(ABC):
    """A file that can be read."""

    found: Found

    @abstractmethod
    def read(self, start: int, length: int) -> AsyncIterator[bytes]:
        """The `length` bytes from `start`, or fewer when the file is shorter.

        Raises StoreUnavailable, also when the file is another than it was.
        """


class FileTree(ABC):
    """A folder on a server. Use it between `start` and `close`.

    Every method raises StoreUnavailable when the server is away, silent for too long, or refuses this program.
    """

    times_tell_versions: ClassVar[bool] = False
    """Whether only a file's time, in whole seconds, differs between two versions of one size."""

    @abstractmethod
    async def start(self) -> None:
        """Get ready; a server that is away now is no error."""

    @abstractmethod
    async def close(self) -> None:
        """End every connection."""

    @abstractmethod
    async def look(self, path: Names) -> Found | None:
        """What is at `path`; None when nothing is."""

    @abstractmethod
    def list(self, folder: Names) -> AsyncIterator[tuple[str, Found]]:
        """What the folder holds, in any order. Raises NoSuchPath, ServerRefused."""

    @abstractmethod
    async def make_root(self) -> None:
        """Make the root, and what is missing above it. Raises ServerRefused."""

    @abstractmethod
    async def make_folder(self, path: Names) -> None:
        """Make a folder in one that exists. Raises NoSuchPath, ServerRefused, also when something is there."""

    @abstractmethod
    async def write(self, path: Names, content: AsyncIterator[bytes]) -> None:
        """Make a file, durably. Raises NoSuchPath, ServerRefused, StoreFull, and whatever `content` raises.

        When it raises, part of the file may be there.
        """

    @abstractmethod
    def open(self, path: Names) -> AbstractAsyncContextManager[OpenFile]:
        """The file at `path`. Raises NoSuchPath, ServerRefused."""

    @abstractmethod
    async def replace(self, source: Names, target: Names) -> None:
        """Give a file the name of another, which is gone then, in one step where the server can do that.

        Raises NoSuchPath, ServerRefused.
        """

    @abstractmethod
    async def move(self, source: Names, target: Names) -> None:
        """Give a folder another name, under which nothing is. Raises NoSuchPath, ServerRefused."""

    @abstractmethod
    async def remove_file(self, path: Names) -> None:
        """Remove a file or a link. Raises NoSuchPath, ServerRefused."""

    @abstractmethod
    async def remove_folder(self, path: Names) -> None:
        """Remove an empty folder. Raises NoSuchPath, ServerRefused."""

    async def set_modified(self, path: Names, time_s: int) -> None:  # noqa: B027
        """Set a file's time, in seconds since 1970, where `times_tell_versions`."""
