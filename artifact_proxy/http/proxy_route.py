"""The form of a route by which clients reach the destination of artifacts through this server."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from aiohttp import web

from artifact_proxy.artifact_path import ArtifactPath
from artifact_proxy.artifact_roots import Place
from artifact_proxy.changes import ArtifactChanges
from artifact_proxy.http.lookup import Lookup
from artifact_proxy.stores.blob_store import BlobStore
from schemas.rest.route import V2, Handler, Kind, Limits, Permission, Route

TRANSFER_LIMITS: Final = Limits(body_bytes=None, timeout_s=6 * 3600.0)
"""No bound on bytes but the store's room. In six hours 5 GiB pass 2 Mbit/s; a silent client is cut off far sooner."""

DELETE_LIMITS: Final = Limits(timeout_s=600.0)
"""A folder of a hundred thousand files takes a while to remove."""


@dataclass(frozen=True, slots=True)
class Destination:
    """The store behind the proxy's own addresses, and what changes it."""

    store: BlobStore
    changes: ArtifactChanges
    lookup: Lookup = field(default_factory=Lookup)

    def place(self, path: ArtifactPath) -> Place:
        return Place(self.store, path)


ProxyHandler = Callable[[Destination, web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class ProxyRoute:
    """A route below /mlflow-artifacts, before it is known whether this server serves artifacts."""

    method: str
    path: str
    handler: ProxyHandler
    permission: Permission
    limits: Limits

    def to(self, destination: Destination | None) -> Route:
        """The route to `destination`; to None it says that nothing is served."""
        handler: Handler = not_serving if destination is None else partial(self.handler, destination)
        return Route(
            method=self.method,
            path=f"/mlflow-artifacts{self.path}",
            prefixes=V2,
            handler=handler,
            kind=Kind.ARTIFACT,
            permission=self.permission,
            limits=self.limits,
        )


async def not_serving(_request: web.Request) -> web.StreamResponse:
    """What the proxy's routes say on a server that does not serve artifacts: status and plain text, as MLflow does."""
    text = "This server does not serve artifacts (--no-serve-artifacts); clients reach the artifact root themselves.\n"
    return web.Response(status=503, text=text)
