"""What the artifact routes do, apart from HTTP: which store and path a request means, and what changes there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from artifact_proxy.artifact_path import ArtifactPath, file_path, folder_path
from artifact_proxy.artifact_roots import ArtifactRoots, Place
from artifact_proxy.changes import ArtifactChanges
from artifact_proxy.client_names import stored_path
from artifact_proxy.lookup import Lookup
from artifact_proxy.stores.blob_store import BlobStore
from schemas.errors import ResourceDoesNotExist
from schemas.mlflow import PROMPT_SOURCES
from schemas.rest.large_body import LargeBody
from schemas.traces import spans_not_found, trace_not_found

ArtifactRootOf = Callable[[str], Awaitable[str]]
"""From the id of a run or a logged model, or from a version of a registered model as `<name>/<number>`, to the URI of
its artifacts; raises ResourceDoesNotExist."""


class TraceFiles(Protocol):
    """What of traces is served as files."""

    async def root(self, trace_id: str) -> str:
        """The URI of the artifacts of a trace. Raises ResourceDoesNotExist."""

    async def spans_file(self, trace_id: str) -> bytes | LargeBody | None:
        """The spans of a trace, None where none are kept. Raises ResourceDoesNotExist."""


class NothingTraced:
    """Where there are none."""

    async def root(self, trace_id: str) -> str:
        raise trace_not_found(trace_id)

    async def spans_file(self, trace_id: str) -> bytes | LargeBody | None:
        raise spans_not_found(trace_id)


@dataclass(frozen=True, slots=True)
class Destination:
    """The store behind the proxy's own addresses, and what changes it."""

    store: BlobStore
    changes: ArtifactChanges
    lookup: Lookup = field(default_factory=Lookup)

    def place(self, path: ArtifactPath) -> Place:
        return Place(self.store, path)


class ArtifactProxy:
    """Artifacts by their path in the destination, by run, by logged model, and by version of a registered model."""

    def __init__(
        self,
        roots: ArtifactRoots,
        changes: ArtifactChanges,
        *,
        artifact_root_of_run: ArtifactRootOf,
        artifact_root_of_model: ArtifactRootOf,
        files_of_version: ArtifactRootOf,
        traces: TraceFiles | None = None,
    ) -> None:
        self._roots = roots
        self.changes = changes
        self.lookup = Lookup()
        self.root_of_run = artifact_root_of_run
        self.root_of_model = artifact_root_of_model
        self._files_of_version = files_of_version
        self.traces: TraceFiles = traces or NothingTraced()

    @property
    def destination(self) -> BlobStore | None:
        """The store behind the proxy's own addresses; None when artifacts are not served."""
        return self._roots.destination

    async def root_of_version(self, name: str, version: int) -> str:
        """The URI below which the files of a version of a registered model lie.

        Raises ResourceDoesNotExist, also for a version that is a prompt: what it has for a place is a word.
        """
        root_uri = await self._files_of_version(f"{name}/{version}")
        if root_uri in PROMPT_SOURCES:
            raise ResourceDoesNotExist(f"Model Version (name={name}, version={version}) is a prompt, and has no files")
        return root_uri

    def new_file(self, root_uri: str, path: str) -> Place:
        """Where the artifact is put that is sent to `path` below the root `root_uri`.

        Raises InvalidParameterValue.
        """
        below = stored_path(file_path(path))
        return self._roots.place(root_uri).below(below)

    def file(self, root_uri: str, path: str) -> Place:
        """Where the artifact `path` below the root `root_uri` lies.

        Raises InvalidParameterValue.
        """
        below = file_path(path)
        return self._roots.place(root_uri).below(below)

    def folder(self, root_uri: str, path: str) -> tuple[Place, ArtifactPath]:
        """Where the folder `path` below the root `root_uri` lies, and its path from there.

        Raises InvalidParameterValue.
        """
        below = folder_path(path)
        return self._roots.place(root_uri).below(below), below
