"""What erasing needs beside the log: the artifacts of what is erased."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from event_log.forgetting import Forgetting
from schemas.envelope import RecordedEvent


class Measured(NamedTuple):
    """How many files a folder has, and their bytes. None where those are too many to count."""

    files: int | None
    size: int | None


class ArtifactFolders(ABC):
    """The folders of runs and logged models. Raises TemporarilyUnavailable and PermissionDenied as stores do."""

    @abstractmethod
    async def measure(self, uri: str, key: str) -> Measured | None:
        """What is in the folder at `uri`, of which `key` is a name; None where this process does not reach it.

        A folder in which nothing is named so may be another's as well, and is not reached either.
        """

    @abstractmethod
    async def remove(self, uri: str, key: str) -> bool:
        """Remove the folder with all that it holds, if it is there; False where this process does not reach it."""


class ErasureNeeds(NamedTuple):
    """What erasing stands on, beside the log and the read model. `note` keeps an erasure beside the log, durably."""

    forgetting: Forgetting
    artifacts: ArtifactFolders
    note: Callable[[RecordedEvent], None] | None = None


class NoArtifactFolders(ArtifactFolders):
    """Of a process that reaches none."""

    async def measure(self, uri: str, key: str) -> Measured | None:
        return None

    async def remove(self, uri: str, key: str) -> bool:
        return False
