"""What everybody holds where the operator lets all of them do something, and what the routes of MLflow say of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eventually import wait_until
from tests.integration.test_users import OPTIONS, OTHER, PASSWORD, Asking, named
from tests.tracklog_server import TracklogServer

LEVEL = "users/permissions/get?username=ada&resource_type=experiment&resource_id=0"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TracklogServer]:
    environment = {"MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD, "TRACKLOG_DEFAULT_PERMISSION": "READ"}
    with TracklogServer(tmp_path, options=OPTIONS, environment=environment) as server:
        yield server


def rights(who: Asking, method: str, path: str, body: object = None) -> object:
    status, answer = who.ask(method, f"/api/3.0/mlflow/{path}", body)
    assert status == 200, answer
    return answer


def test_everybody_holds_the_default_and_is_told_so_until_it_is_denied(server: TracklogServer) -> None:
    admin, ada = named(server, "admin", PASSWORD), named(server, "ada", OTHER)
    wait_until(lambda: admin.is_answered(200))  # the account is made behind the start
    assert admin.mlflow("POST", "users/create", {"username": "ada", "password": OTHER})[0] == 200
    assert ada.mlflow("GET", "experiments/get?experiment_id=0")[0] == 200
    assert ada.mlflow("POST", "runs/create", {"experiment_id": "0"})[0] == 403
    for query in ("{ nothing }", "{ __typename }", "no GraphQL"):
        assert ada.ask("POST", "/graphql", {"query": query})[0] in (200, 400)
    assert rights(ada, "GET", LEVEL) == {"allowed": False, "permission": "READ"}
    on = {"username": "ada", "resource_type": "experiment", "resource_id": "0"}
    rights(admin, "POST", "users/permissions/grant", {**on, "permission": "DENY"})
    assert rights(ada, "GET", LEVEL) == {"allowed": False, "permission": "DENY"}
    assert ada.mlflow("GET", "experiments/get?experiment_id=0")[0] == 403
