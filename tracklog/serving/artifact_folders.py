"""The folders of runs and logged models in the stores that this process is told of, to be removed for good."""

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

from artifact_proxy.artifact_path import ArtifactPath
from ingest.erasures.port import ArtifactFolders, Measured
from schemas.errors import InvalidParameterValue
from tracklog.settings.process import ArtifactSettings

if TYPE_CHECKING:
    from artifact_proxy.artifact_roots import ArtifactRoots, Place

MOST_FILES: Final = 10_000
"""Of one folder that are counted."""


class StoredArtifactFolders(ArtifactFolders):
    """The stores are opened when something is erased, and closed by `stack`."""

    def __init__(self, artifacts: ArtifactSettings, stack: AsyncExitStack) -> None:
        self._artifacts = artifacts
        self._stack = stack
        self._roots: ArtifactRoots | None = None

    async def measure(self, uri: str, key: str) -> Measured | None:
        place = await self._place(uri, key)
        if place is None:
            return None
        files = size = 0
        folders = [place.path]
        while folders:
            folder = folders.pop()
            async for entry in place.store.entries(folder):
                if entry.size is None:
                    folders.append(folder.joined(ArtifactPath((entry.name,))))
                else:
                    files, size = files + 1, size + entry.size
                if files + len(folders) > MOST_FILES:
                    return Measured(None, None)
        return Measured(files, size)

    async def remove(self, uri: str, key: str) -> bool:
        place = await self._place(uri, key)
        if place is None:
            return False
        await place.store.delete(place.path)
        return True

    async def _place(self, uri: str, key: str) -> "Place | None":
        """The folder that is named after the run or model, which a client may have made a part of its own path."""
        from artifact_proxy.artifact_roots import Place

        if self._roots is None:
            from tracklog.serving.artifact_stores import artifact_roots

            self._roots = await artifact_roots(self._artifacts, self._stack)
        try:
            place = self._roots.place(uri)
        except InvalidParameterValue:
            return None
        names = place.path.segments
        if key not in names:
            return None
        depth = len(names) - names[::-1].index(key)
        if depth < len(names) - 1:
            return None
        return Place(place.store, ArtifactPath(names[:depth]), place.root)
