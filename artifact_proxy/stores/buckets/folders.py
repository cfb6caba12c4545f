"""Folders in a bucket, which has none: a blob `a` and blobs below `a/` can exist at once.

Before a put, a blob or folder that conflicts with it is looked for. Two puts at once may miss each other, and then both
are kept, reachable and deletable.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from artifact_proxy.artifact_path import ArtifactPath
from artifact_proxy.stores.blob_store import BlobNotFound, NotABlob

KNOWN_FOR_S: Final = 60.0
"""How long a folder that was looked at is taken for one: a request of each upload into it is saved."""

MOST_KNOWN: Final = 10_000

Look = Callable[[ArtifactPath], Awaitable[bool]]


class BucketFolders:
    """`is_blob` finds out whether a path is a blob, `is_folder` whether there are blobs below it."""

    def __init__(self, is_blob: Look, is_folder: Look, clock: Callable[[], float] = time.monotonic) -> None:
        self._is_blob = is_blob
        self._is_folder = is_folder
        self._clock = clock
        self._known_until: dict[ArtifactPath, float] = {}

    async def check_nothing_in_the_way(self, path: ArtifactPath) -> None:
        """Raises NotABlob when `path` is a folder, or a folder on the way to it is a blob.

        The folders that lead to it are looked at once in KNOWN_FOR_S, not at each upload into them.
        """
        above = [ArtifactPath(path.segments[:length]) for length in range(1, len(path.segments))]
        now = self._clock()
        unknown = [folder for folder in above if self._known_until.get(folder, 0.0) <= now]
        is_folder, *are_blobs = await asyncio.gather(self._is_folder(path), *map(self._is_blob, unknown))
        if is_folder:
            raise NotABlob(f"{str(path)!r} is a folder.")
        for folder, is_blob in zip(unknown, are_blobs, strict=True):
            if is_blob:
                raise NotABlob(f"A file is in the way of the folder {str(folder)!r}.")
            self._remember(folder)

    async def missing(self, path: ArtifactPath) -> BlobNotFound | NotABlob:
        """Why there is no blob at `path`."""
        if await self._is_folder(path):
            return NotABlob(f"{str(path)!r} is a folder, not a file.")
        return BlobNotFound(f"There is no artifact {str(path)!r}.")

    def forget(self) -> None:
        """Look again at every folder: something is deleted."""
        self._known_until.clear()

    def _remember(self, folder: ArtifactPath) -> None:
        if len(self._known_until) >= MOST_KNOWN:
            self._known_until.clear()
        self._known_until[folder] = self._clock() + KNOWN_FOR_S
