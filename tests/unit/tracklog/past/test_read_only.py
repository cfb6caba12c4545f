"""A server of the past refuses every route by which something could be changed, and no other."""

import pytest
from aiohttp.test_utils import make_mocked_request

from schemas.errors import PermissionDenied
from schemas.rest.route import Kind, Route
from tracklog.past.read_only import changes_something, refused_writes
from tracklog.serving.route_catalog import built_routes, every_endpoint

REFUSED = {(route.method, route.path) for route in refused_writes("0:5")}


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize(
    "wanted",
    [
        ("POST", "/api/2.0/mlflow/runs/log-batch"),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/{artifact_path:.+}"),
        ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/{artifact_path:.+}"),
        ("PUT", "/api/2.0/mlflow-artifacts/mpu/part/{artifact_path:.+}"),
        ("POST", "/ajax-api/2.0/mlflow/upload-artifact"),
        ("POST", "/api/3.0/mlflow/traces"),
        ("POST", "/api/2.0/mlflow/webhooks"),
    ],
)
def test_a_change_is_refused(wanted: tuple[str, str]) -> None:
    assert wanted in REFUSED


def test_every_write_is_refused_and_no_read() -> None:
    for endpoint in every_endpoint():
        if endpoint.route.kind is not Kind.ARTIFACT:
            is_refused = (endpoint.method, endpoint.path) in REFUSED
            assert is_refused == (endpoint.route.kind is Kind.WRITE), named(endpoint.route)


def test_what_asks_by_post_is_not_taken_for_a_change() -> None:
    kept = {named(route) for route in built_routes() if not changes_something(route)}
    assert {"POST /mlflow/runs/search", "POST /graphql", "POST /mlflow/artifacts/presigned-download-url"} <= kept


async def test_the_refusal_says_which_state_is_shown() -> None:
    with pytest.raises(PermissionDenied, match="as of 0:5"):
        await refused_writes("0:5")[0].handler(make_mocked_request("POST", "/"))
