"""The artifact proxy of an embedded server: the folders it serves, and where the artifacts of a run lie."""

from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import unquote, urlsplit

from artifact_proxy.artifact_roots import ArtifactRoots, LocalRoot
from artifact_proxy.local_blob_store import LocalBlobStore
from artifact_proxy.service import ArtifactProxy, ArtifactRootOf
from query_api.freshness import Freshness
from query_api.port import ReadModel
from schemas.errors import ResourceDoesNotExist
from tracklog.settings import Settings


async def artifact_proxy(
    settings: Settings, read_model: ReadModel, freshness: Freshness, stack: AsyncExitStack
) -> ArtifactProxy:
    """The proxy over the folders that `settings` name; its threads end when `stack` is left."""
    return ArtifactProxy(
        await artifact_roots(settings, stack),
        artifact_root_of_run=_location(
            read_model, freshness, "SELECT artifact_uri FROM runs WHERE run_id = ?", "Run with id={} not found."
        ),
        artifact_root_of_model=_location(
            read_model,
            freshness,
            "SELECT artifact_location FROM logged_models WHERE model_id = ?",
            "Logged model with id '{}' not found.",
        ),
    )


async def artifact_roots(settings: Settings, stack: AsyncExitStack) -> ArtifactRoots:
    """The folder of the proxy, where it is served, and the local folder of new experiments, where that is another."""
    served = [settings.artifacts_folder] if settings.web.serve_artifacts else []
    folders = {*served, *_local_folders(settings.default_artifact_root)}
    stores = {folder: await local_store(folder, stack) for folder in folders}
    destination = stores[settings.artifacts_folder] if settings.web.serve_artifacts else None
    return ArtifactRoots(destination, [LocalRoot(folder, one) for folder, one in stores.items()])


async def local_store(folder: Path, stack: AsyncExitStack) -> LocalBlobStore:
    """A store in `folder`, started, and closed when `stack` is left."""
    store = LocalBlobStore(folder)
    stack.push_async_callback(store.close)
    await store.start()
    return store


def _local_folders(root_uri: str) -> list[Path]:
    parts = urlsplit(root_uri)
    return [Path(unquote(parts.path))] if parts.scheme == "file" else []


def _location(read_model: ReadModel, freshness: Freshness, sql: str, missing: str) -> ArtifactRootOf:
    async def location_of(wanted_id: str) -> str:
        await freshness.caught_up()
        rows = await read_model.fetch(sql, (wanted_id,))
        if not rows:
            raise ResourceDoesNotExist(missing.format(wanted_id))
        location: str = rows[0][0]
        return location

    return location_of
