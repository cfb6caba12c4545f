"""What a server of the past answers to whoever wants to change something."""

from typing import Final

from aiohttp import web

from schemas.errors import PermissionDenied
from schemas.rest.route import NO_PREFIX, Kind, Limits, Permission, Route
from tracklog.serving.route_catalog import every_endpoint
from tracklog.web.front_door import only_reads

_UNREAD: Final = Limits(body_bytes=None)
"""The body is never read, so it may be of any size."""


def refused_writes(positions: str) -> list[Route]:
    """Every route by which something could be changed: each answers 403 before it reads anything."""

    async def refuse(_request: web.Request) -> web.StreamResponse:
        raise PermissionDenied(
            f"This server shows the state as of {positions} and takes no changes; ask the live server for them."
        )

    return [
        Route(
            method=endpoint.method,
            path=endpoint.path,
            prefixes=NO_PREFIX,
            handler=refuse,
            kind=endpoint.route.kind,
            permission=Permission.PUBLIC,
            limits=_UNREAD,
        )
        for endpoint in every_endpoint()
        if changes_something(endpoint.route)
    ]


def changes_something(route: Route) -> bool:
    """Whether the handler of a route may change anything, in the log or in a store of artifacts."""
    if route.kind is Kind.ARTIFACT:
        return not only_reads(route.permission)
    return route.kind is Kind.WRITE
