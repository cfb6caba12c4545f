"""A server that passes artifacts and does nothing else: no log, no read model, no page."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web

from artifact_proxy.changes import ArtifactChanges
from artifact_proxy.http.routes import destination_routes
from query_api.server_routes import server_routes
from schemas.envelope import EventClock
from schemas.rest.route import NO_PREFIX, Kind, Limits, Permission, Route
from tracklog.serving.artifact_stores import opened_store, store_needs
from tracklog.serving.greeting import greeting
from tracklog.serving.process import serve
from tracklog.serving.services import Services
from tracklog.settings.process import Settings
from tracklog.web.route_table import METHODS


async def serve_artifacts_only(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve until a signal says to stop. Raises AddressTaken."""

    @asynccontextmanager
    async def services(_stopping: asyncio.Event) -> AsyncIterator[Services]:
        async with AsyncExitStack() as stack:
            store = await opened_store(settings.artifacts.destination, stack)
            routes = [
                *destination_routes(store, ArtifactChanges(None, EventClock())),
                *server_routes(),
                *disabled_routes(),
            ]
            yield Services(routes=routes, needs=store_needs(store))

    await serve(
        services,
        settings.listen,
        settings.web,
        greeting=lambda reach: greeting(reach, does="passes artifacts", artifacts=settings.artifacts.shown),
        announce=announce,
    )


def disabled_routes() -> list[Route]:
    """503 for everything else."""
    return [
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


async def not_serving(_request: web.Request) -> web.StreamResponse:
    """What is asked for lies with another server. Status and plain text as MLflow answers."""
    return web.Response(status=503, text="This server only passes artifacts (--artifacts-only).\n")
