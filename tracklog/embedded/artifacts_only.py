"""A server that passes artifacts and does nothing else: no log, no read model, no page."""

from contextlib import AsyncExitStack

from aiohttp import web

from artifact_proxy.routes import proxy_routes
from query_api.server_routes import server_routes
from schemas.rest.route import NO_PREFIX, Kind, Limits, Permission, Route
from tracklog.embedded.artifacts import local_store
from tracklog.settings import Settings
from tracklog.web.route_table import METHODS


async def artifacts_only_routes(settings: Settings, stack: AsyncExitStack) -> list[Route]:
    """The proxy's routes, what probes ask for, and 503 for the rest."""
    store = await local_store(settings.artifacts_folder, stack)
    disabled = [
        Route(
            method=method,
            path="/{path:.*}",
            prefixes=NO_PREFIX,
            handler=not_serving,
            kind=Kind.READ,
            permission=Permission.PUBLIC,
            limits=Limits(body_bytes=None),
        )
        for method in sorted(METHODS)
    ]
    return [*proxy_routes(store), *server_routes(), *disabled]


async def not_serving(_request: web.Request) -> web.StreamResponse:
    """What is asked for lies with another server. Status and plain text as MLflow answers."""
    return web.Response(status=503, text="This server only passes artifacts (--artifacts-only).\n")
