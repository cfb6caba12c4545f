"""Where Prometheus asks for the metrics."""

from aiohttp import hdrs, web

from schemas.rest.route import NO_PREFIX, READ_LIMITS, Kind, Permission, Route
from tracklog.web.metrics import CONTENT_TYPE, ServerMetrics


def metrics_route(metrics: ServerMetrics) -> Route:
    """GET /metrics. An operation: answered also when the server takes nothing else."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=await metrics.text(), headers={hdrs.CONTENT_TYPE: CONTENT_TYPE})

    return Route(
        method="GET",
        path="/metrics",
        prefixes=NO_PREFIX,
        handler=answer,
        kind=Kind.OPERATION,
        permission=Permission.ADMIN,
        limits=READ_LIMITS,
    )
