"""Where the artifacts of a run or a logged model lie: the one place where a recorded URI becomes a store and a path."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

from artifact_proxy.artifact_path import ArtifactPath, decoded, folder_path
from artifact_proxy.stores.blob_store import BlobStore
from schemas.artifact_uris import PROXIED_SCHEMES, PROXY_ROUTE, THIS_MACHINE
from schemas.errors import InvalidParameterValue


@dataclass(frozen=True, slots=True)
class Place:
    """A folder or a blob in a store. `root` is the URI of the store where it is not the destination of the proxy."""

    store: BlobStore
    path: ArtifactPath
    root: str = ""

    def below(self, path: ArtifactPath) -> "Place":
        """What is at `path` in this folder.

        Raises InvalidParameterValue when both together are too long.
        """
        return Place(self.store, self.path.joined(path), self.root)


@dataclass(frozen=True, slots=True)
class LocalRoot:
    """A folder of this machine that the operator lets this server read, and the store that reads it."""

    folder: Path
    store: BlobStore


@dataclass(frozen=True, slots=True)
class RemoteRoot:
    """A place beyond this machine that the operator named by `uri`, such as s3://bucket/folder, and its store."""

    uri: str
    store: BlobStore


class ArtifactRoots:
    """What artifact URIs may name: `destination`, by the addresses of the proxy, and folders in `local` or `remote`.

    A client writes artifact locations, so any other place is refused: nothing that a user wrote becomes a path of this
    machine or a call to another. `destination` is None where artifacts are not served.
    """

    def __init__(
        self,
        destination: BlobStore | None,
        local: Sequence[LocalRoot] = (),
        remote: Sequence[RemoteRoot] = (),
    ) -> None:
        self.destination = destination
        self._remote = sorted(remote, key=lambda root: len(root.uri), reverse=True)
        # The deepest first: of two roots, one inside the other, the inner is meant.
        self._local = sorted(local, key=lambda root: len(root.folder.parts), reverse=True)

    def place(self, uri: str) -> Place:
        """The folder that `uri` names.

        Takes mlflow-artifacts:/path, mlflow-artifacts://host[:port]/path, http(s)://host/…/mlflow-artifacts/artifacts/path
        (all of them the destination, whatever the host: the request came to this server), an absolute path,
        file:///path, and what lies below a remote root. A query is ignored, as by MLflow's clients; only in http(s)
        it is refused, because they would append the paths of files to it.
        Raises InvalidParameterValue for any other place.
        """
        if not uri.isprintable():
            raise not_served(uri)
        try:
            parts = urlsplit(uri)
        except ValueError as error:
            raise not_served(uri) from error
        match parts.scheme:
            case scheme if scheme in PROXIED_SCHEMES:
                return self._proxied(uri, parts)
            case "file" if parts.netloc in THIS_MACHINE and not parts.fragment:
                return self._local_place(uri, decoded(parts.path))
            case "":
                return self._local_place(uri, uri)
            case "file":
                raise not_served(uri)
            case _:
                return self._remote_place(uri, without_query(parts))

    def _proxied(self, uri: str, parts: SplitResult) -> Place:
        if self.destination is None:
            raise InvalidParameterValue(
                "The artifacts lie behind a proxy, and this server serves none (--no-serve-artifacts)."
            )
        path = parts.path
        if parts.scheme != "mlflow-artifacts":
            _, anchor, path = path.partition(PROXY_ROUTE)
            if not anchor or parts.query:
                raise not_served(uri)
        if parts.fragment:
            raise not_served(uri)
        return Place(self.destination, folder_path(decoded(path).lstrip("/")))

    def _local_place(self, uri: str, path: str) -> Place:
        for root in self._local:
            top = str(root.folder).rstrip("/")
            if path.rstrip("/") == top or path.startswith(f"{top}/"):
                below = folder_path(path.removeprefix(top).removeprefix("/"))
                return Place(root.store, below, "" if root.store is self.destination else root.folder.as_uri())
        raise not_served(uri)

    def _remote_place(self, uri: str, plain: str) -> Place:
        """`plain` is `uri` without its query."""
        for root in self._remote:
            top = without_query(urlsplit(root.uri)).rstrip("/")
            if plain.rstrip("/") == top or plain.startswith(f"{top}/"):
                below = folder_path(plain.removeprefix(top).removeprefix("/"))
                return Place(root.store, below, "" if root.store is self.destination else top)
        raise not_served(uri)


def without_query(parts: SplitResult) -> str:
    """A URI in the one form in which two can be compared."""
    return urlunsplit(parts._replace(query=""))


def not_served(uri: str) -> InvalidParameterValue:
    """The error for a location that is none of this server's."""
    return InvalidParameterValue(
        f"The artifact location {uri[:200]!a} is not below the folders this server was told to serve "
        "(--artifacts-destination, --default-artifact-root)."
    )
