"""What the artifact routes do, apart from HTTP: which store and path a request means, and what changes there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from artifact_proxy.artifact_path import ArtifactPath, file_path, folder_path
from artifact_proxy.artifact_roots import ArtifactRoots, Place
from artifact_proxy.changes import ArtifactChanges
from artifact_proxy.client_names import stored_path
from artifact_proxy.lookup import Lookup
from artifact_proxy.stores.blob_store import BlobStore

ArtifactRootOf = Callable[[str], Awaitable[str]]
"""From the id of a run, or of a logged model, to the URI of its artifacts; raises ResourceDoesNotExist."""


@dataclass(frozen=True, slots=True)
class Destination:
    """The store behind the proxy's own addresses, and what changes it."""

    store: BlobStore
    changes: ArtifactChanges
    lookup: Lookup = field(default_factory=Lookup)

    def place(self, path: ArtifactPath) -> Place:
        return Place(self.store, path)


class ArtifactProxy:
    """Artifacts by their path in the destination, by run and by logged model."""

    def __init__(
        self,
        roots: ArtifactRoots,
        changes: ArtifactChanges,
        *,
        artifact_root_of_run: ArtifactRootOf,
        artifact_root_of_model: ArtifactRootOf,
    ) -> None:
        self._roots = roots
        self.changes = changes
        self.lookup = Lookup()
        self.root_of_run = artifact_root_of_run
        self.root_of_model = artifact_root_of_model

    @property
    def destination(self) -> BlobStore | None:
        """The store behind the proxy's own addresses; None when artifacts are not served."""
        return self._roots.destination

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
