"""The write routes over HTTP, with the smallest middleware that renders errors."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Handler

from ingest.routes import ingest_routes
from schemas.errors import TracklogError
from schemas.rest.request_keys import ACTOR, REQUEST_ID
from schemas.rest.route import Kind, Permission
from tests.unit.ingest.doubles import ANN, Deployment

Client = TestClient[web.Request, web.Application]


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    request[ACTOR], request[REQUEST_ID] = ANN, "q"
    try:
        return await handler(request)
    except TracklogError as error:
        return web.json_response({"error_code": error.error_code, "message": error.message}, status=error.status)


@pytest.fixture
async def deployment() -> Deployment:
    """A deployment with the default experiment."""
    deployment = Deployment()
    await deployment.ingest.ensure_default_experiment()
    return deployment


@pytest.fixture
async def client(deployment: Deployment) -> AsyncIterator[Client]:
    """An HTTP client of the write routes."""
    app = web.Application(middlewares=[errors_as_json])
    for route in ingest_routes(deployment.ingest):
        for prefix in route.prefixes:
            app.router.add_route(route.method, prefix + route.path, route.handler)
    async with TestClient(TestServer(app)) as client:
        yield client


async def call(client: Client, path: str, body: Any, method: str = "POST") -> tuple[int, Any]:
    answer = await client.request(method, f"/api/2.0/mlflow/{path}", json=body)
    assert answer.content_type == "application/json"
    return answer.status, orjson.loads(await answer.read())


def test_every_write_of_the_tracking_api_is_there_under_both_prefixes(deployment: Deployment) -> None:
    routes = ingest_routes(deployment.ingest)
    assert {f"{route.method} {route.path}" for route in routes} == {
        "POST /mlflow/experiments/create",
        "POST /mlflow/experiments/update",
        "POST /mlflow/experiments/delete",
        "POST /mlflow/experiments/restore",
        "POST /mlflow/experiments/set-experiment-tag",
        "POST /mlflow/experiments/delete-experiment-tag",
        "POST /mlflow/runs/create",
        "POST /mlflow/runs/update",
        "POST /mlflow/runs/delete",
        "POST /mlflow/runs/restore",
        "POST /mlflow/runs/log-metric",
        "POST /mlflow/runs/log-parameter",
        "POST /mlflow/runs/set-tag",
        "POST /mlflow/runs/delete-tag",
        "POST /mlflow/runs/log-batch",
        "POST /mlflow/runs/log-inputs",
        "POST /mlflow/runs/outputs",
        "POST /mlflow/runs/log-model",
        "POST /mlflow/logged-models",
        "PATCH /mlflow/logged-models/{model_id}",
        "DELETE /mlflow/logged-models/{model_id}",
        "POST /mlflow/logged-models/{model_id}/params",
        "PATCH /mlflow/logged-models/{model_id}/tags",
        "DELETE /mlflow/logged-models/{model_id}/tags/{tag_key:.+}",
        "POST /mlflow/traces",
        "PATCH /mlflow/traces/{request_id}",
        "PATCH /mlflow/traces/{request_id}/tags",
        "PATCH /mlflow/traces/{trace_id}/tags",
        "DELETE /mlflow/traces/{request_id}/tags",
        "DELETE /mlflow/traces/{trace_id}/tags",
        "POST /mlflow/traces/link-to-run",
        "POST /mlflow/traces/link-prompts",
        "POST /mlflow/traces/delete-traces",
        "POST /mlflow/traces/{trace_id}/assessments",
        "PATCH /mlflow/traces/{trace_id}/assessments/{assessment_id}",
        "DELETE /mlflow/traces/{trace_id}/assessments/{assessment_id}",
        "POST /v1/traces",
        "POST /mlflow/registered-models/create",
        "PATCH /mlflow/registered-models/update",
        "POST /mlflow/registered-models/rename",
        "DELETE /mlflow/registered-models/delete",
        "POST /mlflow/registered-models/set-tag",
        "DELETE /mlflow/registered-models/delete-tag",
        "POST /mlflow/registered-models/alias",
        "DELETE /mlflow/registered-models/alias",
        "POST /mlflow/model-versions/create",
        "PATCH /mlflow/model-versions/update",
        "POST /mlflow/model-versions/transition-stage",
        "DELETE /mlflow/model-versions/delete",
        "POST /mlflow/model-versions/set-tag",
        "DELETE /mlflow/model-versions/delete-tag",
        "POST /mlflow/datasets/create",
        "DELETE /mlflow/datasets/{dataset_id}",
        "PATCH /mlflow/datasets/{dataset_id}/tags",
        "DELETE /mlflow/datasets/{dataset_id}/tags/{key:.+}",
        "POST /mlflow/datasets/{dataset_id}/records",
        "DELETE /mlflow/datasets/{dataset_id}/records",
        "POST /mlflow/datasets/{dataset_id}/add-experiments",
        "POST /mlflow/datasets/{dataset_id}/remove-experiments",
        "POST /mlflow/issues",
        "PATCH /mlflow/issues/{issue_id}",
        "POST /mlflow/label-schemas/create",
        "PATCH /mlflow/label-schemas/update",
        "DELETE /mlflow/label-schemas/delete",
        "POST /mlflow/review-queues/create",
        "POST /mlflow/review-queues/get-or-create-user",
        "POST /mlflow/review-queues/update",
        "POST /mlflow/review-queues/delete",
        "POST /mlflow/review-queues/items/add",
        "POST /mlflow/review-queues/items/remove",
        "POST /mlflow/review-queues/items/set-status",
        "POST /mlflow/scorers/register",
        "DELETE /mlflow/scorers/delete",
        "PUT /mlflow/scorers/online-config",
        "POST /runs/{run_id}/corrections",
        "POST /undo/plan",
        "POST /undo",
        "POST /erasures/plan",
        "POST /erasures",
        "POST /erasures/carry-out",
        "POST /events",
    }
    assert {route.prefixes for route in routes} == {
        ("/api/2.0", "/ajax-api/2.0"),
        ("/api/3.0", "/ajax-api/3.0"),
        ("/api/tracklog/v1",),
        ("",),
    }
    assert {route.kind for route in routes} == {Kind.WRITE}
    assert Permission.PUBLIC not in {route.permission for route in routes}


async def test_a_whole_run_over_http(client: Client, deployment: Deployment) -> None:
    status, created = await call(client, "runs/create", {"experiment_id": "0"})
    run_id = created["run"]["info"]["run_id"]
    assert status == 200
    for path, body in (
        ("runs/log-metric", {"run_uuid": run_id, "key": "m", "value": "NaN", "timestamp": "5"}),
        ("runs/log-parameter", {"run_id": run_id, "key": "p", "value": "1"}),
        ("runs/set-tag", {"run_id": run_id, "key": "t", "value": "v"}),
        ("runs/delete-tag", {"run_id": run_id, "key": "t"}),
        ("runs/log-batch", {"run_id": run_id, "metrics": [{"key": "m", "value": 1, "timestamp": 1}]}),
        ("runs/log-inputs", {"run_id": run_id, "datasets": [{"dataset": {"name": "d", "digest": "1"}}]}),
        ("runs/outputs", {"run_id": run_id, "models": [{"model_id": "m-1", "step": 0}]}),
        ("runs/delete", {"run_id": run_id}),
        ("runs/restore", {"run_id": run_id}),
    ):
        assert await call(client, path, body) == (200, {}), path
    status, updated = await call(client, "runs/update", {"run_id": run_id, "status": "FINISHED", "endTime": 9})
    assert (status, updated["run_info"]["status"], updated["run_info"]["end_time"]) == (200, "FINISHED", 9)
    assert await deployment.count() == 12


async def test_a_logged_model_over_http(client: Client) -> None:
    _, created = await call(client, "logged-models", {"experiment_id": "0", "name": "n"})
    model_id = created["model"]["info"]["model_id"]
    status, finalized = await call(client, f"logged-models/{model_id}", {"status": "LOGGED_MODEL_READY"}, "PATCH")
    assert (status, finalized["model"]["info"]["model_id"]) == (200, model_id)
    for method, path, body in (
        ("POST", "params", {"params": [{"key": "p", "value": "1"}]}),
        ("PATCH", "tags", {"tags": [{"key": "a/b", "value": "1"}]}),
        ("DELETE", "tags/a%2Fb", None),
        ("DELETE", "", {}),
    ):
        assert await call(client, f"logged-models/{model_id}/{path}".rstrip("/"), body, method) == (200, {}), path


async def call_v3(client: Client, method: str, path: str, body: Any) -> Any:
    """The answer of a route of version 3, which is good."""
    answer = await client.request(method, f"/api/3.0/mlflow/{path}", json=body)
    assert answer.status == 200, await answer.text()
    return orjson.loads(await answer.read())


async def test_a_tag_of_a_dataset_with_a_slash_in_its_key_is_deleted(client: Client) -> None:
    created = await call_v3(client, "POST", "datasets/create", {"name": "d", "tags": '{"a/b":"1","c":"2"}'})
    dataset = f"datasets/{created['dataset']['dataset_id']}"
    assert await call_v3(client, "DELETE", f"{dataset}/tags/a%2Fb", None) == {}
    assert (await call_v3(client, "PATCH", f"{dataset}/tags", {"tags": "{}"}))["dataset"]["tags"] == '{"c": "2"}'
    counts = await call_v3(client, "POST", f"{dataset}/records", {"records": '[{"inputs":{"a":1}}]', "updated_by": "x"})
    assert counts == {"inserted_count": 1, "updated_count": 0}


async def test_issues_and_label_schemas_over_http(client: Client) -> None:
    created = await call_v3(client, "POST", "issues", {"experiment_id": "0", "name": "n", "description": "d"})
    issue_id = created["issue"]["issue_id"]
    changed = await call_v3(client, "PATCH", f"issues/{issue_id}", {"status": "resolved"})
    assert (changed["issue"]["status"], changed["issue"]["name"]) == ("resolved", "n")
    schema = {"experiment_id": "0", "name": "n", "type": "EXPECTATION", "input": {"numeric": {"minValue": 1}}}
    made = (await call_v3(client, "POST", "label-schemas/create", schema))["label_schema"]
    assert made["input"] == {"numeric": {"min_value": 1.0}}
    assert await call_v3(client, "DELETE", "label-schemas/delete", {"schema_id": made["schema_id"]}) == {}


async def test_a_path_says_what_a_request_is_about_and_not_its_body(client: Client) -> None:
    _, created = await call(client, "logged-models", {"experiment_id": "0"})
    model_id = created["model"]["info"]["model_id"]
    other = {"model_id": "m-other", "modelId": "m-third"}
    for method, path, body in (
        ("PATCH", "", {"status": 2}),
        ("POST", "/params", {}),
        ("PATCH", "/tags", {}),
        ("DELETE", "", {}),
    ):
        status, _ = await call(client, f"logged-models/{model_id}{path}", body | {"model_id": "m-other"}, method)
        assert status == 200, path
    status, answer = await call(client, f"logged-models/{model_id}", other | {"status": 2}, "PATCH")
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), "named twice in one body"
    status, answer = await call(client, "logged-models/a%00b", {"status": 2}, "PATCH")
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


async def test_a_refusal_has_mlflows_code_and_leaves_no_event(client: Client, deployment: Deployment) -> None:
    before = await deployment.count()
    for path, body, refusal in (
        ("runs/log-metric", {"run_id": "x", "key": "m", "value": 1, "timestamp": 1}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("runs/log-metric", {"run_id": "x", "key": "m", "timestamp": 1}, (400, "INVALID_PARAMETER_VALUE")),
        ("runs/create", {}, (400, "BAD_REQUEST")),
        ("experiments/create", {"name": "Default"}, (400, "RESOURCE_ALREADY_EXISTS")),
        ("runs/log-batch", {"run_id": "x", "metrics": [{"value": 1}]}, (400, "INVALID_PARAMETER_VALUE")),
    ):
        status, answer = await call(client, path, body)
        assert (status, answer["error_code"]) == refusal, path
    assert await deployment.count() == before
