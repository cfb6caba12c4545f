"""All artifact routes of a server."""

from typing import Final

from artifact_proxy.changes import ArtifactChanges
from artifact_proxy.http.artifact_route import ArtifactRoute
from artifact_proxy.http.file_routes import FILE_ROUTES
from artifact_proxy.http.multipart_routes import MULTIPART_ROUTES
from artifact_proxy.http.presigned_routes import PRESIGNED_DOWNLOAD, PRESIGNED_ROUTES
from artifact_proxy.http.trace_routes import TRACE_ROUTES
from artifact_proxy.http.tracking_routes import TRACKING_ROUTES
from artifact_proxy.service import ArtifactProxy, Destination
from artifact_proxy.stores.blob_store import BlobStore
from schemas.rest.route import Route

DESTINATION_ROUTES: Final[tuple[ArtifactRoute[Destination], ...]] = (
    *FILE_ROUTES,
    *MULTIPART_ROUTES,
    PRESIGNED_DOWNLOAD,
)


def artifact_routes(proxy: ArtifactProxy) -> tuple[Route, ...]:
    """Every artifact route."""
    by_owner = (*TRACKING_ROUTES, *TRACE_ROUTES, *PRESIGNED_ROUTES)
    return (
        *destination_routes(proxy.destination, proxy.changes),
        *(route.serving(proxy) for route in by_owner),
    )


def destination_routes(store: BlobStore | None, changes: ArtifactChanges) -> tuple[Route, ...]:
    """The routes to artifacts through this server; without a store, each answers that none are served."""
    if store is None:
        return tuple(route.serving_nothing() for route in DESTINATION_ROUTES)
    destination = Destination(store, changes)
    return tuple(route.serving(destination) for route in DESTINATION_ROUTES)
