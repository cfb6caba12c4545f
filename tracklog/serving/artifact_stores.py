"""The artifact proxy of a process: the stores it serves, and where the artifacts of a run lie."""

import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from artifact_proxy.artifact_roots import ArtifactRoots, LocalRoot, RemoteRoot
from artifact_proxy.changes import ArtifactChanges
from artifact_proxy.service import ArtifactProxy
from artifact_proxy.stores.blob_store import BlobStore
from artifact_proxy.stores.by_uri import store_at
from event_log.port import EventLog
from query_api.artifact_roots import StoredArtifactRoots
from query_api.freshness import Freshness
from query_api.logged_models.artifact_root import LOGGED_MODEL_ARTIFACTS
from query_api.model_versions.artifact_root import MODEL_VERSION_FILES
from query_api.port import ReadModel
from query_api.runs.artifact_root import RUN_ARTIFACTS
from query_api.traces.artifact_root import StoredTraces
from schemas.artifact_uris import PROXIED_SCHEMES
from schemas.envelope import EventClock
from tracklog.settings.process import ArtifactSettings, folder_of
from tracklog.web.readiness import Check, seldom


async def open_artifact_proxy(
    artifacts: ArtifactSettings,
    log: EventLog | None,
    read_model: ReadModel,
    freshness: Freshness,
    stack: AsyncExitStack,
) -> ArtifactProxy:
    """The proxy over the stores that `artifacts` name; they are closed when `stack` is left.

    `log` is None where artifacts are only read.
    """
    roots = StoredArtifactRoots(read_model, freshness)
    return ArtifactProxy(
        await artifact_roots(artifacts, stack),
        ArtifactChanges(log, EventClock()),
        artifact_root_of_run=partial(roots.find, RUN_ARTIFACTS),
        artifact_root_of_model=partial(roots.find, LOGGED_MODEL_ARTIFACTS),
        files_of_version=partial(roots.find, MODEL_VERSION_FILES),
        traces=StoredTraces(read_model, freshness),
    )


async def artifact_roots(artifacts: ArtifactSettings, stack: AsyncExitStack) -> ArtifactRoots:
    """The proxy's destination, where it is served, and the root of new experiments where that is another place."""
    destination = await opened_store(artifacts.destination, stack) if artifacts.serve else None
    local: dict[Path, BlobStore] = {}
    if destination is not None and artifacts.folder is not None:
        local[artifacts.folder] = destination
    remote: list[RemoteRoot] = []
    default = folder_of(artifacts.default_root)
    if default is not None:
        if default not in local:
            local[default] = await opened_store(default.as_uri(), stack)
    elif urlsplit(artifacts.default_root).scheme not in PROXIED_SCHEMES:
        remote.append(RemoteRoot(artifacts.default_root, await opened_store(artifacts.default_root, stack)))
    return ArtifactRoots(destination, [LocalRoot(folder, store) for folder, store in local.items()], remote)


async def opened_store(uri: str, stack: AsyncExitStack, *, sweeps: bool = True) -> BlobStore:
    """The store that `uri` names, started, and closed when `stack` is left; `sweeps` as BlobStore.start."""
    store = store_at(uri, os.environ)
    stack.push_async_callback(store.close)
    await store.start(sweeps=sweeps)
    return store


def store_needs(store: BlobStore | None) -> Mapping[str, Check]:
    """What a process with this store needs to be ready."""
    if store is None:
        return {}

    return {"artifact store": seldom(store.check_writable)}
