"""Folders that were there a moment ago, so that each upload into one need not look again at all that leads to it."""

import time
from collections.abc import Callable
from typing import Final

from artifact_proxy.artifact_path import ArtifactPath

KNOWN_FOR_S: Final = 60.0
MOST_KNOWN: Final = 10_000


class KnownFolders:
    """Paths at which no blob was when they were added; each is known for KNOWN_FOR_S."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[ArtifactPath, float] = {}

    def __contains__(self, folder: ArtifactPath) -> bool:
        return self._until.get(folder, 0.0) > self._clock()

    def add(self, folder: ArtifactPath) -> None:
        """Remember `folder`, and when there are too many, forget the rest."""
        if len(self._until) >= MOST_KNOWN:
            self._until.clear()
        self._until[folder] = self._clock() + KNOWN_FOR_S

    def forget(self) -> None:
        """Forget all: something was deleted."""
        self._until.clear()
