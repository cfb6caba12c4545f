"""Building the one web application of a process from the routes of its services."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence, Set
from contextlib import AsyncExitStack
from typing import Any, Final

from aiohttp import hdrs, web

from schemas.rest.request_keys import KNOWS_ITS_HOSTS
from schemas.rest.route import KIB, NO_PREFIX, Kind, Limits, Permission, Route
from tracklog.settings.process import ANY, WebSettings
from tracklog.web.access_log import AccessLog
from tracklog.web.bounds import Bounds
from tracklog.web.front_door import Authenticator, Authorizer, Browsers, FrontDoor
from tracklog.web.metrics import RequestCounts
from tracklog.web.route_table import Endpoint, endpoints_of
from tracklog.web.server import Runner
from tracklog.web.unbuilt import unbuilt_routes

MAX_LINE_BYTES: Final = 64 * KIB
"""A request line names a hundred runs, and a header carries the cookies of other services on the host."""

READ_AHEAD_BYTES: Final = 64 * KIB
"""Twice as much of an upload may wait to be taken, beside what one read of the socket brings (256 KB). With twice this,
a hundred uploads that are cut off again and again held 60 MiB more, and none was faster."""

LINGER_S: Final = 5.0
"""How long the rest of a body is read and thrown away behind an answer: a client that still sends would not see it."""

ANYTHING: Final = ":.+}"
ANY_CHARACTERS: Final = ":(?s:.+)}"
"""What a path in a route stands for: a line feed, too, which the file `%0A` arrives with."""

COUNTS: Final = web.AppKey("counts", RequestCounts)
ENDPOINTS: Final = web.AppKey("endpoints", list[Endpoint])
FRONT_DOOR: Final = web.AppKey("front_door", FrontDoor)


def create_app(
    routes: Iterable[Route],
    settings: WebSettings,
    *,
    counts: RequestCounts | None = None,
    access_log: AccessLog | None = None,
    kinds: Set[Kind] = frozenset(Kind),
    role: str | None = None,
    bounds: Bounds | None = None,
    authenticator: Authenticator | None = None,
    authorizer: Authorizer | None = None,
    browsers: Browsers | None = None,
    position: str | None = None,
) -> web.Application:
    """The application that answers `routes`, and 501 to the rest of those of MLflow's routes that are of `kinds`.

    `role` is named in the 404 of what this process does not serve, where others serve the rest.
    `position` is in a header of every answer.
    Raises UnsafeRouteTable when a route does not declare its permission, kind and limits, or is there twice.
    """
    unbuilt = [route for route in unbuilt_routes() if route.kind in kinds]
    endpoints = endpoints_of(routes, unbuilt, static_prefix=settings.static_prefix)
    counts = counts or RequestCounts()
    door = FrontDoor(settings, counts, access_log, role, bounds, authenticator, authorizer, browsers, position)
    app = web.Application(
        middlewares=[door.middleware],
        client_max_size=max(endpoint.route.limits.body_bytes or 0 for endpoint in endpoints),
    )
    app[COUNTS] = counts
    app[ENDPOINTS] = endpoints
    app[FRONT_DOOR] = door
    app[KNOWS_ITS_HOSTS] = settings.allowed_hosts is None or ANY not in settings.allowed_hosts
    for endpoint in sorted(endpoints, key=by_first_sight_of_path(endpoints)):
        register(app, door, endpoint)
    if settings.static_prefix:
        register(app, door, prefix_redirect(settings.static_prefix))
    app.on_response_prepare.append(door.put_headers)

    async def running(_app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(door.time_limits.running())
            if access_log is not None:
                await stack.enter_async_context(access_log.running())
            yield

    app.cleanup_ctx.append(running)
    return app


def create_runner(app: web.Application, **options: Any) -> Runner:
    """What serves `app`; `options` are those of the web framework's connections."""
    return Runner(
        app,
        app[FRONT_DOOR],
        app[COUNTS],
        access_log=None,
        # Bytes stay as they were sent: what a client compressed is stored compressed, and no small body grows.
        auto_decompress=False,
        max_line_size=MAX_LINE_BYTES,
        max_field_size=MAX_LINE_BYTES,
        read_bufsize=READ_AHEAD_BYTES,
        lingering_time=LINGER_S,
        **options,
    )


def by_first_sight_of_path(endpoints: Sequence[Endpoint]) -> Callable[[Endpoint], int]:
    """A sort key that brings the methods of one path together, which the router then keeps as one resource."""
    places: dict[str, int] = {}
    for endpoint in endpoints:
        places.setdefault(endpoint.path, len(places))
    return lambda endpoint: places[endpoint.path]


def register(app: web.Application, door: FrontDoor, endpoint: Endpoint) -> None:
    """Have `app` route to `endpoint`, and `door` hold it to its limits. What can be got can be asked for by HEAD."""
    route = endpoint.route
    methods = (hdrs.METH_GET, hdrs.METH_HEAD) if endpoint.method == hdrs.METH_GET else (endpoint.method,)
    for method in methods:
        registered = app.router.add_route(method, endpoint.path.replace(ANYTHING, ANY_CHARACTERS), route.handler)
        door.serves(registered, method, endpoint.template, route)


def prefix_redirect(static_prefix: str) -> Endpoint:
    """Where a browser lands that left out the slash after the prefix, without which the page's own URLs are wrong."""

    async def to_the_page(request: web.Request) -> web.StreamResponse:
        query = request.rel_url.raw_query_string
        location = f"{static_prefix}/" + (f"?{query}" if query else "")
        return web.Response(status=308, headers={hdrs.LOCATION: location})

    route = Route(
        method=hdrs.METH_GET,
        path=static_prefix,
        prefixes=NO_PREFIX,
        handler=to_the_page,
        kind=Kind.PAGE,
        permission=Permission.PUBLIC,
        limits=Limits(),
    )
    return Endpoint(route.method, static_prefix, "(prefix)", route)
