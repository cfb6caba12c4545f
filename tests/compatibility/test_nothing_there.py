"""What a server answers in which nothing was stored of a feature: what MLflow does, byte for byte but for blanks.

Ids and names are ones that nothing has, so the tests also hold on an MLflow that holds something.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tests.compatibility.rest import Rest

NEVER = "never-made"


@dataclass(frozen=True, slots=True)
class Nothing:
    """A request and its answer. `words` are those of a 404, else `body` is the answer's JSON."""

    method: str
    path: str
    fields: Mapping[str, Any]
    body: str = "{}"
    words: str = ""

    def __str__(self) -> str:
        return f"{self.method}-{self.path.removeprefix('/ajax-api/')}-{'-'.join(self.fields)}"


def get(path: str, body: str = "{}", /, **fields: Any) -> Nothing:
    return Nothing("GET", path, fields, body)


def post(path: str, body: str = "{}", /, **fields: Any) -> Nothing:
    return Nothing("POST", path, fields, body)


def gone(path: str, words: str, /, **fields: Any) -> Nothing:
    return Nothing("GET", path, fields, words=words)


def metrics(body: str = "{}", **fields: Any) -> Nothing:
    return post(f"{V3}traces/metrics", body, experiment_ids=["<experiment_id>"], **fields)


V2, V3 = "/ajax-api/2.0/mlflow/", "/ajax-api/3.0/mlflow/"
COUNT, AVERAGE = [{"aggregation_type": "COUNT"}], [{"aggregation_type": "AVG"}]
HERE = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "<experiment_id>"}}]
NO_TRACES = '{"data_points":[{"metric_name":"trace_count","values":{"COUNT":0.0}}]}'
NO_MODEL = f"Registered Model with name={NEVER} not found"
NO_VERSION = f"Model Version (name={NEVER}, version=1) not found"
NO_SCORER = f"Scorer with name '{NEVER}' not found for experiment 0."
FIRST_PAGE = '{"next_page_token":""}'

CASES = [
    get(f"{V3}ui-telemetry", '{"disable_ui_events":[],"disable_ui_telemetry":true,"ui_rollout_percentage":0}'),
    gone(f"{V2}registered-models/get", NO_MODEL, name=NEVER),
    get(f"{V2}registered-models/search", filter=f"name = '{NEVER}'", max_results="25"),
    gone(f"{V2}registered-models/get-latest-versions", NO_MODEL, name=NEVER),
    gone(f"{V2}registered-models/alias", NO_MODEL, name=NEVER, alias="a"),
    gone(f"{V2}model-versions/get", NO_VERSION, name=NEVER, version="1"),
    get(f"{V2}model-versions/search", filter=f"run_id='{NEVER}'"),
    gone(f"{V2}model-versions/get-download-uri", NO_VERSION, name=NEVER, version="1"),
    gone("/model-versions/get-artifact", NO_VERSION, name=NEVER, version="1", path="MLmodel"),
    get(f"{V2}webhooks"),
    gone(f"{V2}webhooks/{NEVER}", f"Webhook with ID {NEVER} not found."),
    gone(f"{V2}traces/{NEVER}/info", f"Trace with ID '{NEVER}' not found."),
    get(f"{V2}traces", experiment_ids="<experiment_id>"),
    gone(f"{V3}traces/{NEVER}", f"Trace with ID '{NEVER}' not found."),
    gone(f"{V3}traces/get", f"Trace with ID {NEVER} is not found.", trace_id=NEVER),
    get(f"{V3}traces/batchGet", trace_ids=NEVER),
    post(f"{V3}traces/batchGetInfos", trace_ids=[NEVER]),
    post(f"{V3}traces/search", locations=HERE, max_results=25, order_by=["timestamp DESC"]),
    post(
        f"{V3}traces/calculate-filter-correlation",
        '{"filter1_count":0,"filter2_count":0,"joint_count":0,"total_count":0}',
        experiment_ids=["<experiment_id>"],
        filter_string1="status = 'OK'",
        filter_string2="status = 'ERROR'",
    ),
    metrics(NO_TRACES, view_type="TRACES", metric_name="trace_count", aggregations=COUNT),
    metrics(NO_TRACES, view_type=1, metric_name="trace_count", aggregations=[{"aggregation_type": 1}]),
    metrics(view_type="TRACES", metric_name="trace_count", aggregations=COUNT, dimensions=["trace_status"]),
    metrics(
        view_type="TRACES",
        metric_name="trace_count",
        aggregations=COUNT,
        time_interval_seconds=3600,
        start_time_ms=0,
        end_time_ms=1,
    ),
    metrics(view_type="TRACES", metric_name="latency", aggregations=AVERAGE),
    metrics(view_type="SPANS", metric_name="total_cost", aggregations=[{"aggregation_type": "SUM"}]),
    gone(f"{V3}get-trace-artifact", f"Trace with ID {NEVER} is not found.", request_id=NEVER),
    gone(f"{V3}traces/{NEVER}/assessments/a", f"Trace with request_id '{NEVER}' not found"),
    post(f"{V3}datasets/search", experiment_ids=["<experiment_id>"]),
    get(f"{V3}datasets/search", experiment_ids="<experiment_id>"),
    gone(f"{V3}datasets/{NEVER}", f"Evaluation dataset with id '{NEVER}' not found"),
    get(f"{V3}datasets/{NEVER}/experiment-ids"),
    get(f"{V3}datasets/{NEVER}/records", '{"records":"[]"}'),
    get(f"{V3}scorers/list", experiment_id="<experiment_id>"),
    gone(f"{V3}scorers/versions", NO_SCORER, experiment_id="0", name=NEVER),
    gone(f"{V3}scorers/get", NO_SCORER, experiment_id="0", name=NEVER),
    get(f"{V3}scorers/online-configs", '{"configs":[]}', scorer_ids=NEVER),
    gone(f"{V3}issues/{NEVER}", f"Issue with ID '{NEVER}' not found"),
    post(f"{V3}issues/search", FIRST_PAGE, experiment_id="<experiment_id>"),
    gone(f"{V3}label-schemas/get", f"Label schema with id '{NEVER}' not found.", schema_id=NEVER),
    gone(
        f"{V3}label-schemas/get-by-name",
        f"Label schema with name '{NEVER}' not found for experiment '0'.",
        experiment_id="0",
        name=NEVER,
    ),
    gone(f"{V3}review-queues/get", f"Review queue with id '{NEVER}' not found.", queue_id=NEVER),
    gone(
        f"{V3}review-queues/get-by-name",
        f"Review queue with name '{NEVER}' not found for experiment '0'.",
        experiment_id="0",
        name=NEVER,
    ),
    get(f"{V3}review-queues/list", FIRST_PAGE, experiment_id="<experiment_id>"),
    gone(f"{V3}review-queues/items/list", f"Review queue with id '{NEVER}' not found.", queue_id=NEVER),
    gone(f"{V3}prompt-optimization/jobs/{NEVER}", f"Job with ID {NEVER} not found"),
    post(f"{V3}prompt-optimization/jobs/search", experiment_id="<experiment_id>"),
    gone(f"{V3}gateway/secrets/get", f"GatewaySecret not found (secret_id='{NEVER}')", secret_id=NEVER),
    get(f"{V3}gateway/secrets/list"),
    gone(f"{V3}gateway/endpoints/get", f"GatewayEndpoint not found (endpoint_id='{NEVER}')", endpoint_id=NEVER),
    gone(f"{V3}gateway/endpoints/get", f"GatewayEndpoint not found (name='{NEVER}')", name=NEVER),
    get(f"{V3}gateway/endpoints/list"),
    get(f"{V3}gateway/endpoints/bindings/list"),
    gone(
        f"{V3}gateway/model-definitions/get",
        f"GatewayModelDefinition not found (model_definition_id='{NEVER}')",
        model_definition_id=NEVER,
    ),
    get(f"{V3}gateway/model-definitions/list"),
    gone(f"{V3}gateway/budgets/get", f"BudgetPolicy not found (budget_policy_id='{NEVER}')", budget_policy_id=NEVER),
    get(f"{V3}gateway/budgets/list", max_results="10"),
    get(f"{V3}gateway/budgets/windows"),
    gone(f"{V3}gateway/guardrails/get", f"Guardrail not found (guardrail_id='{NEVER}')", guardrail_id=NEVER),
    get(f"{V3}gateway/guardrails/list"),
    gone(f"{V3}gateway/guardrails/list-for-endpoint", f"Endpoint not found (endpoint_id='{NEVER}')", endpoint_id=NEVER),
    get(f"{V2}gateway-proxy", '{"endpoints":[]}', gateway_path="api/2.0/endpoints/"),
    get("/gateway/mlflow/v1/models", '{"object":"list","data":[]}'),
    gone(f"{V3}jobs/{NEVER}", f"Job with ID {NEVER} not found"),
    get(f"{V3}mcp-servers", '{"mcp_servers":[],"next_page_token":null}'),
    get(f"{V3}mcp-servers/endpoints", '{"mcp_access_endpoints":[],"next_page_token":null}'),
    gone(f"{V3}mcp-servers/a/{NEVER}", f"MCP server 'a/{NEVER}' not found"),
    get(f"{V3}mcp-servers/{NEVER}/versions", '{"mcp_server_versions":[],"next_page_token":null}'),
    gone(f"{V3}mcp-servers/a/{NEVER}/versions/1", f"MCP server version 'a/{NEVER}' version '1' not found"),
    get(f"{V3}mcp-servers/{NEVER}/endpoints", '{"mcp_access_endpoints":[],"next_page_token":null}'),
    gone(f"{V3}mcp-servers/{NEVER}/endpoints/e", "MCPAccessEndpoint e not found"),
    gone(f"{V3}mcp-servers/{NEVER}/aliases/x", f"Alias 'x' not found for MCP server '{NEVER}'"),
]


def filled(value: Any, experiment_id: str) -> Any:
    return json.loads(json.dumps(value).replace("<experiment_id>", experiment_id))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_nothing_is_there(rest: Rest, client: MlflowClient, subjects: Any, case: Nothing) -> None:
    fields = filled(case.fields, subjects.experiment_id)
    answer = rest.get(case.path, fields) if case.method == "GET" else rest.post(case.path, fields)
    if case.words:
        told = answer.json()
        assert (answer.status_code, told["error_code"], told["message"]) == (404, "RESOURCE_DOES_NOT_EXIST", case.words)
    else:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("application/json")
        assert json.dumps(answer.json(), separators=(",", ":")) == case.body


def test_a_stock_client_finds_nothing_and_goes_on(client: MlflowClient, experiment_id: str) -> None:
    assert client.search_registered_models(f"name = '{NEVER}'") == []
    assert client.search_model_versions(f"name = '{NEVER}'") == []
    assert client.search_traces(locations=[experiment_id]) == []
    for ask in (
        lambda: client.get_registered_model(NEVER),
        lambda: client.get_model_version(NEVER, "1"),
        lambda: client.get_model_version_by_alias(NEVER, "a"),
        lambda: client.get_webhook(NEVER),
    ):
        with pytest.raises(MlflowException) as refusal:
            ask()
        assert refusal.value.error_code == "RESOURCE_DOES_NOT_EXIST"
