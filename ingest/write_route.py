"""How a route of a command is declared."""

from schemas.rest.route import V2, WRITE_LIMITS, Handler, Kind, Limits, Permission, Route


def write_route(
    method: str, path: str, handler: Handler, permission: Permission, limits: Limits = WRITE_LIMITS
) -> Route:
    """A route by which tracking data changes; `path` is what comes after `/mlflow/`."""
    return Route(
        method=method,
        path=f"/mlflow/{path}",
        prefixes=V2,
        handler=handler,
        kind=Kind.WRITE,
        permission=permission,
        limits=limits,
    )
