"""The routes of all roles together, without what is behind them."""

from typing import Any

from artifact_proxy.http.routes import artifact_routes
from ingest.routes import ingest_routes
from query_api.proof.routes import proof_routes
from query_api.routes import query_routes
from schemas.rest.route import Route
from tracklog.authentication.oidc.routes import login_routes
from tracklog.authentication.setup import Setup
from tracklog.page.routes import page_routes
from tracklog.web.route_table import Endpoint, endpoints_of
from tracklog.web.unbuilt import unbuilt_routes


class _NeverAsked:
    """Stands in for a service of which only the routes are wanted."""

    def __getattr__(self, _name: str) -> Any:
        return self


def built_routes(*, with_users: bool = True) -> list[Route]:
    """Every route that some role of this version has a service for. Their handlers must not be called.

    Without `with_users`: those of a server that knows no users.
    """
    service: Any = _NeverAsked()
    if not with_users:
        service.users = service.rights = None
    return [
        *ingest_routes(service),
        *proof_routes(service),
        *query_routes(service, service, service, service, service, with_users=with_users, past=service),
        *page_routes(None),
        *((Setup().route(), *login_routes(service)) if with_users else ()),
        *artifact_routes(service),
    ]


def every_endpoint(*, static_prefix: str = "", with_users: bool = True) -> list[Endpoint]:
    """Every endpoint that some role of this version serves. Their handlers must not be called."""
    return endpoints_of(built_routes(with_users=with_users), unbuilt_routes(), static_prefix=static_prefix)
