"""How a route of a command is declared."""

from schemas.rest.access import Rule
from schemas.rest.route import TRACKLOG_V1, V2, WRITE_LIMITS, Handler, Kind, Limits, Permission, Route


def write_route(
    method: str,
    path: str,
    handler: Handler,
    permission: Permission | Rule,
    limits: Limits = WRITE_LIMITS,
    *,
    prefixes: tuple[str, ...] = V2,
) -> Route:
    """A route by which tracking data changes; `path` is what comes after `/mlflow/`."""
    return _route(method, prefixes, f"/mlflow/{path}", handler, permission, limits)


def tracklog_write(
    method: str, path: str, handler: Handler, permission: Permission | Rule, limits: Limits = WRITE_LIMITS
) -> Route:
    """The same of a route that MLflow does not have; `path` is what comes after `/api/tracklog/v1/`."""
    return _route(method, TRACKLOG_V1, f"/{path}", handler, permission, limits)


def _route(
    method: str, prefixes: tuple[str, ...], path: str, handler: Handler, permission: Permission | Rule, limits: Limits
) -> Route:
    return Route(
        method=method,
        path=path,
        prefixes=prefixes,
        handler=handler,
        kind=Kind.WRITE,
        permission=permission,
        limits=limits,
    )
