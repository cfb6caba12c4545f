"""Where artifacts may be copied from: the places that an operator named, opened to be read."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from artifact_proxy.artifact_path import folder_path
from artifact_proxy.artifact_roots import ArtifactRoots, LocalRoot, RemoteRoot
from artifact_proxy.stores.blob_store import BlobStore
from schemas.artifact_uris import PROXIED_SCHEMES
from tracklog.moving.artifact_copying import Folder
from tracklog.moving.copied_roots import CopiedRoots
from tracklog.moving.rest_client import RestClient
from tracklog.moving.served_blob_store import ServedBlobStore
from tracklog.serving.artifact_stores import opened_store
from tracklog.settings.process import folder_of


@dataclass(frozen=True, slots=True)
class ArtifactSources:
    """The places, and of each store that is a folder of this machine the folder."""

    places: ArtifactRoots
    folders: Mapping[BlobStore, Path]

    def wanted(self, roots: CopiedRoots) -> Iterator[Folder]:
        """What is to be copied, by the locations that were found."""
        for found, path in roots.copied.items():
            yield Folder(self.places.place(roots.location(found)), folder_path(path))


@asynccontextmanager
async def opened_sources(
    mapped: Sequence[tuple[str, str]], beside: Path | None, artifacts_root: str | None, *, here: bool = False
) -> AsyncIterator[ArtifactSources]:
    """The new places of `mapped`, the folder in which the store is, and what lies behind the artifact proxy of the old
    server: `artifacts_root` is the URI of that place, or the address of the server itself, where it runs.

    `here`: only those that are folders of this machine. Nothing in them changes. Raises UnusableStore.
    """
    folders: dict[BlobStore, Path] = {}
    remote: list[RemoteRoot] = []
    async with AsyncExitStack() as stack:

        async def opened(uri: str) -> BlobStore:
            store = await opened_place(uri, stack, sweeps=False)
            if (folder := folder_of(uri)) is not None:
                folders[store] = folder
            return store

        has_proxy = artifacts_root is not None and not (here and folder_of(artifacts_root) is None)
        behind_proxy = await opened(artifacts_root) if artifacts_root is not None and has_proxy else None
        local: dict[Path, BlobStore] = {}
        for new in (*(new for _, new in mapped), *([] if beside is None else [str(beside)])):
            folder = folder_of(new)
            if folder is not None:
                if folder not in local:
                    local[folder] = await opened(folder.as_uri())
            elif not here and urlsplit(new).scheme and urlsplit(new).scheme not in PROXIED_SCHEMES:
                remote.append(RemoteRoot(new, await opened(new)))
        roots = ArtifactRoots(behind_proxy, [LocalRoot(folder, store) for folder, store in local.items()], remote)
        yield ArtifactSources(roots, folders)


async def opened_place(uri: str, stack: AsyncExitStack, *, sweeps: bool) -> BlobStore:
    """The store that a URI names, or what lies behind the artifact proxy of a server; closed when `stack` is left."""
    if not uri.startswith(("http://", "https://")):
        return await opened_store(uri, stack, sweeps=sweeps)
    client = RestClient(uri)
    store = ServedBlobStore(client.url, client.headers, os.environ)
    stack.push_async_callback(store.close)
    await store.start(sweeps=False)
    return store
