"""What any server says of itself, without a log or a read model."""

from aiohttp import web

from query_api.server_info import MLFLOW_VERSION, SERVER_INFO
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.route import NO_PREFIX, READ_LIMITS, V3, Handler, Kind, Permission, Route


def server_routes() -> tuple[Route, ...]:
    """Whether it is alive, which MLflow it is taken for, and what it can do."""
    return (
        _route("/health", NO_PREFIX, _health),
        _route("/version", NO_PREFIX, _version),
        _route("/mlflow/server-info", V3, _server_info),
    )


async def _health(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="OK")


async def _version(_request: web.Request) -> web.StreamResponse:
    return web.Response(text=MLFLOW_VERSION, content_type="text/html")


async def _server_info(_request: web.Request) -> web.StreamResponse:
    return JsonAnswer(SERVER_INFO)


def _route(path: str, prefixes: tuple[str, ...], handler: Handler) -> Route:
    return Route(
        method="GET",
        path=path,
        prefixes=prefixes,
        handler=handler,
        kind=Kind.OPERATION,
        permission=Permission.PUBLIC,
        limits=READ_LIMITS,
    )
