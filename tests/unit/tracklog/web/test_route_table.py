"""Rules of the route table: what a server refuses to start with."""

from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from schemas.rest.route import NO_PREFIX, V2, V3, Kind, Limits, Permission, Route
from tracklog.settings.process import WebSettings
from tracklog.web.app import create_app
from tracklog.web.route_table import UnsafeRouteTable, endpoints_of
from tracklog.web.unbuilt import unbuilt_routes


async def answer(_request: web.Request) -> web.StreamResponse:
    return web.Response()


def not_async(_request: web.Request) -> web.StreamResponse:
    return web.Response()


ROUTE = Route(
    method="GET",
    path="/things/{thing_id}",
    prefixes=V2,
    handler=answer,
    kind=Kind.READ,
    permission=Permission.AUTHENTICATED,
    limits=Limits(),
)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"permission": None}, "declares no permission"),
        ({"permission": "read"}, "declares no permission"),
        ({"kind": None}, "declares no kind"),
        ({"limits": None}, "declares no limits"),
        ({"limits": Limits(body_bytes=-1)}, "neither a number nor None"),
        ({"limits": Limits(timeout_s=0)}, "time limit"),
        ({"limits": Limits(timeout_s=float("inf"))}, "time limit"),
        ({"method": "get"}, "method"),
        ({"path": "things"}, "does not begin"),
        ({"prefixes": ()}, "declares no prefix"),
        ({"prefixes": ("api",)}, "prefix does not begin"),
        ({"handler": not_async}, "not an async function"),
    ],
)
def test_a_server_does_not_start_with_a_route_that_lacks_a_declaration(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(UnsafeRouteTable, match=fault):
        create_app([replace(ROUTE, **change)], WebSettings())


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(UnsafeRouteTable, match=r"no kind.*no permission"):
        endpoints_of([replace(ROUTE, permission=None, kind=None)])  # type: ignore[arg-type]  # as a mistaken route would


def test_a_server_does_not_start_with_two_routes_for_one_request() -> None:
    renamed = replace(ROUTE, path="/things/{other_name}", prefixes=("/api/2.0",))
    with pytest.raises(UnsafeRouteTable, match="served twice"):
        create_app([ROUTE, renamed], WebSettings())


def test_a_variable_that_may_hold_slashes_is_another_path() -> None:
    wide = replace(ROUTE, path="/things/{thing_id:.+}", prefixes=NO_PREFIX)
    assert len(endpoints_of([replace(ROUTE, prefixes=NO_PREFIX), wide])) == 2


def test_a_built_route_takes_the_place_of_an_unbuilt_one() -> None:
    built = replace(ROUTE, method="PATCH", path="/mlflow/workspaces/{another_name}", prefixes=V3)
    found = {(one.method, one.path): one.route.handler for one in endpoints_of([built], unbuilt_routes())}
    assert found["PATCH", "/api/3.0/mlflow/workspaces/{another_name}"] is answer
    assert ("PATCH", "/api/3.0/mlflow/workspaces/{workspace_name}") not in found
    assert ("PATCH", "/api/3.0/mlflow/gateway/guardrails/update-config") in found


def test_everything_moves_below_a_static_prefix() -> None:
    paths = {endpoint.path for endpoint in endpoints_of([ROUTE], unbuilt_routes(), static_prefix="/ml")}
    assert "/ml/ajax-api/2.0/things/{thing_id}" in paths
    assert all(path.startswith("/ml/") for path in paths)


def test_no_unbuilt_route_is_listed_twice() -> None:
    listed = [(route.method, prefix + route.path) for route in unbuilt_routes() for prefix in route.prefixes]
    assert len(listed) == len(set(listed))
