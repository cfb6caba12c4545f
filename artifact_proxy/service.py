"""What the artifact routes do, apart from HTTP: which store and path a request means, and listings as JSON."""

from collections.abc import Awaitable, Callable

import orjson

from artifact_proxy.artifact_path import ArtifactPath, file_path, folder_path
from artifact_proxy.artifact_roots import ArtifactRoots, Place
from artifact_proxy.blob_store import BlobStore, Entry

ArtifactRootOf = Callable[[str], Awaitable[str]]
"""From the id of a run, or of a logged model, to the URI of its artifacts; raises ResourceDoesNotExist."""


class ArtifactProxy:
    """Artifacts by their path in the destination, by run and by logged model."""

    def __init__(
        self, roots: ArtifactRoots, *, artifact_root_of_run: ArtifactRootOf, artifact_root_of_model: ArtifactRootOf
    ) -> None:
        self._roots = roots
        self._root_of_run = artifact_root_of_run
        self._root_of_model = artifact_root_of_model

    @property
    def destination(self) -> BlobStore | None:
        """The store behind the proxy's own addresses; None when artifacts are not served."""
        return self._roots.destination

    async def file_of_run(self, run_id: str, path: str) -> tuple[BlobStore, ArtifactPath]:
        """Where a run's artifact `path` lies.

        Raises InvalidParameterValue, ResourceDoesNotExist, NotImplementedYet.
        """
        return self._file(await self._root_of_run(run_id), path)

    async def file_of_model(self, model_id: str, path: str) -> tuple[BlobStore, ArtifactPath]:
        """Where a logged model's artifact `path` lies; raises as file_of_run."""
        return self._file(await self._root_of_model(model_id), path)

    async def listing_of_run(self, run_id: str, path: str) -> bytes:
        """JSON of what the folder `path` of a run holds, by paths from the run's root; raises as file_of_run."""
        return await self._listing(await self._root_of_run(run_id), path)

    async def listing_of_model(self, model_id: str, path: str) -> bytes:
        """JSON of what the folder `path` of a logged model holds, likewise."""
        return await self._listing(await self._root_of_model(model_id), path)

    def _file(self, root_uri: str, path: str) -> tuple[BlobStore, ArtifactPath]:
        file_path(path)
        place = self._roots.place(root_uri)
        return place.store, place.file(path)

    async def _listing(self, root_uri: str, path: str) -> bytes:
        below = folder_path(path)
        place = self._roots.place(root_uri)
        files = await listing(Place(place.store, place.folder.joined(below)), prefix=below)
        return json_of(files, root_uri=root_uri)


async def listing(place: Place, prefix: ArtifactPath) -> list[dict[str, object]]:
    """What a folder holds, in the order of names, as MLflow's FileInfo with `prefix` before each name.

    Raises StoreUnavailable.
    """
    start = f"{prefix}/" if prefix.segments else ""
    return [file_info(start + entry.name, entry) async for entry in place.store.entries(place.folder)]


def file_info(path: str, entry: Entry) -> dict[str, object]:
    if entry.size is None:
        return {"path": path, "is_dir": True}
    return {"path": path, "is_dir": False, "file_size": entry.size}


def json_of(files: list[dict[str, object]], **fields: str) -> bytes:
    """A listing's answer; like every empty list, `files` is left out when it is empty."""
    return orjson.dumps({**fields, "files": files} if files else fields)
