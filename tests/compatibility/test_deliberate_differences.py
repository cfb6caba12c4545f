"""Where Tracklog answers otherwise than MLflow, on purpose: what MLflow swallows or trips over is refused in words.

Skipped when the suite runs against a real MLflow server.
"""

import pytest
import requests
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from tests.compatibility.conftest import Subjects, fresh_name
from tests.compatibility.rest import Case, Rest, assert_answer, assert_error, invalid, ok, send

JSON = {"Content-Type": "application/json"}
PROXY = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture(autouse=True)
def _not_mlflow(is_mlflow: bool) -> None:
    if is_mlflow:
        pytest.skip("MLflow itself answers otherwise here")


def metric(**fields: object) -> dict[str, object]:
    """A valid log-metric body for the subject run, with changes."""
    return {"run_id": "<run_id>", "key": "swallowed", "value": 1.0, "timestamp": 1, "step": 0, **fields}


SWALLOWED_BY_MLFLOW = [
    invalid("an unknown run status", "POST", "runs/update", {"run_id": "<run_id>", "status": "BOGUS"}),
    invalid("an unknown view", "POST", "runs/search",
            {"experiment_ids": ["<experiment_id>"], "run_view_type": "BOGUS"}),
    invalid("experiment ids that are numbers", "POST", "runs/search", {"experiment_ids": [1]}),
    invalid("a value of small letters nan", "POST", "runs/log-metric", metric(value="nan")),
    invalid("a time with a fraction", "POST", "runs/log-metric", metric(timestamp=1.5)),
    invalid("a step above 64 bits", "POST", "runs/log-metric", metric(step=2**63)),
    invalid("a step below 64 bits", "POST", "runs/log-metric", metric(step=-(2**63) - 1)),
    invalid("a batch value that is no number", "POST", "runs/log-batch",
            {"run_id": "<run_id>", "metrics": [{"key": "swallowed", "value": "abc", "timestamp": 1}]}),
    invalid("a batch step above 64 bits", "POST", "runs/log-batch",
            {"run_id": "<run_id>", "metrics": [{"key": "swallowed", "value": 1, "timestamp": 1, "step": 2**63}]}),
    invalid("a noted model that is no object", "POST", "runs/log-model", {"run_id": "<run_id>", "model_json": "[]"}),
    invalid("an unknown model status", "PATCH", "logged-models/<model_id>",
            {"model_id": "<model_id>", "status": "BOGUS"}),
]  # fmt: skip

AS_MLFLOW_3_18 = [
    invalid("an experiment named by blanks", "POST", "experiments/create", {"name": " \t"}),
    invalid("an experiment renamed to blanks", "POST", "experiments/update",
            {"experiment_id": "<experiment_id>", "new_name": "  "}),
    invalid("a metric whose key ends in a newline", "POST", "runs/log-metric", metric(key="a\n")),
    invalid("a param whose key ends in a newline", "POST", "runs/log-parameter", {"run_id": "<run_id>", "key": "a\n"}),
    ok("experiments by attributes.name", "POST", "experiments/search",
       {"max_results": 5, "filter": "attributes.name = 'x'"}),
    ok("models by the name of a status", "POST", "logged-models/search",
       {"experiment_ids": ["<experiment_id>"], "filter": "status IN ('PENDING', 'READY')"}),
    invalid("models by an unknown status", "POST", "logged-models/search",
            {"experiment_ids": ["<experiment_id>"], "filter": "status = 'BOGUS'"}),
    invalid("models by a pattern of a status", "POST", "logged-models/search",
            {"experiment_ids": ["<experiment_id>"], "filter": "status LIKE 'P%'"}),
]  # fmt: skip

TAKEN_FROM_THE_PATH = [
    ok("finalize without an id in the body", "PATCH", "logged-models/<model_id>", {"status": "LOGGED_MODEL_READY"}),
    ok("finalize with another id in the body", "PATCH", "logged-models/<model_id>",
       {"model_id": "m-other", "status": "LOGGED_MODEL_PENDING"}),
    ok("log params without an id in the body", "POST", "logged-models/<model_id>/params", {}),
    ok("set a tag whose key has a slash", "PATCH", "logged-models/<model_id>/tags", {"tags": [{"key": "a/b"}]}),
    ok("delete that tag", "DELETE", "logged-models/<model_id>/tags/a/b", {}),
]  # fmt: skip

NUL = [
    invalid("in an experiment name", "POST", "experiments/create", {"name": "<new>\0"}),
    invalid("in a run name", "POST", "runs/create", {"experiment_id": "<experiment_id>", "run_name": "a\0b"}),
    invalid("in a tag of a new run", "POST", "runs/create",
            {"experiment_id": "<experiment_id>", "tags": [{"key": "a", "value": "b\0"}]}),
    invalid("in a tag", "POST", "runs/set-tag", {"run_id": "<run_id>", "key": "a", "value": "b\0c"}),
    invalid("in a param", "POST", "runs/log-parameter", {"run_id": "<run_id>", "key": "a", "value": "b\0c"}),
    invalid("in a param of a batch", "POST", "runs/log-batch",
            {"run_id": "<run_id>", "params": [{"key": "a", "value": "\0"}]}),
    invalid("in a dataset", "POST", "runs/log-inputs",
            {"run_id": "<run_id>",
             "datasets": [{"dataset": {"name": "n\0", "digest": "d", "source_type": "t", "source": "s"}}]}),
    invalid("in a model name", "POST", "logged-models", {"experiment_id": "<experiment_id>", "name": "a\0"}),
    invalid("in an experiment tag", "POST", "experiments/set-experiment-tag",
            {"experiment_id": "<experiment_id>", "key": "a", "value": "\0"}),
]  # fmt: skip

SERVER_ERRORS_OF_MLFLOW = [
    invalid("a batch of text", "POST", "runs/log-batch", {"run_id": "<run_id>", "metrics": ["m"]}),
    invalid("the same order twice", "POST", "runs/search",
            {"experiment_ids": ["<experiment_id>"], "order_by": ["metrics.m ASC", "metrics.m DESC"]}),
    invalid("a text where a model has a number", "POST", "logged-models/search",
            {"experiment_ids": ["<experiment_id>"], "filter": "creation_timestamp > 'a'"}),
]  # fmt: skip


@pytest.mark.parametrize("case", AS_MLFLOW_3_18, ids=str)
def test_what_mlflow_3_18_does_is_done(rest: Rest, subjects: Subjects, case: Case) -> None:
    assert_answer(send(rest, case, subjects), case)


def test_a_filter_on_a_models_metric_looks_at_its_latest_value(
    client: MlflowClient, experiment_id: str, run_id: str
) -> None:
    """Up to 3.17 MLflow looked at any of them; the latest is that of the greatest step, as of runs."""
    model = client.create_logged_model(experiment_id)
    for step, timestamp, value in ((1, 20, 1.0), (2, 10, 5.0)):
        client.log_metric(run_id, "acc", value, timestamp=timestamp, step=step, model_id=model.model_id)
    assert client.search_logged_models([experiment_id], "metrics.acc < 3") == []
    (found,) = client.search_logged_models([experiment_id], "metrics.acc = 5")
    assert found.model_id == model.model_id


def test_the_page_may_name_a_run_either_way_when_it_uploads(rest: Rest, run_id: str) -> None:
    for name in ("run_id", "run_uuid"):
        where = {name: run_id, "path": f"{name}.txt"}
        assert rest.send("POST", "/ajax-api/2.0/mlflow/upload-artifact", params=where, data=b"x").status_code == 200
    files = rest.get("artifacts/list", {"run_id": run_id}).json()["files"]
    assert [file["path"] for file in files] == ["run_id.txt", "run_uuid.txt"]


@pytest.mark.parametrize("case", TAKEN_FROM_THE_PATH, ids=str)
def test_a_path_names_the_model_whatever_its_body_says(rest: Rest, subjects: Subjects, case: Case) -> None:
    assert_answer(send(rest, case, subjects), case)


@pytest.mark.parametrize("case", SWALLOWED_BY_MLFLOW, ids=str)
def test_a_value_that_mlflow_swallows_is_refused(rest: Rest, subjects: Subjects, case: Case) -> None:
    before = rest.get("runs/get", {"run_id": subjects.run_id}).json()
    assert_answer(send(rest, case, subjects), case)
    assert rest.get("runs/get", {"run_id": subjects.run_id}).json() == before


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity", b"1e400"])
def test_a_number_that_json_does_not_have_is_refused(rest: Rest, subjects: Subjects, literal: bytes) -> None:
    head = f'{{"run_id": "{subjects.run_id}", "key": "swallowed", "timestamp": 1, "value": '
    answer = rest.send("POST", "runs/log-metric", data=head.encode() + literal + b"}", headers=JSON)
    assert_error(answer, 400, "INVALID_PARAMETER_VALUE")
    assert rest.get("metrics/get-history", {"run_id": subjects.run_id, "metric_key": "swallowed"}).json() == {}


@pytest.mark.parametrize("case", NUL, ids=str)
def test_nul_is_refused(rest: Rest, subjects: Subjects, case: Case) -> None:
    assert_answer(send(rest, case, subjects), case)


@pytest.mark.parametrize("case", SERVER_ERRORS_OF_MLFLOW, ids=str)
def test_what_breaks_mlflow_is_refused(rest: Rest, subjects: Subjects, case: Case) -> None:
    assert_answer(send(rest, case, subjects), case)


NO_OBJECTS = [b"[]", b'[{"name": "x"}]', b"5", b'"text"', b"[" * 5000]


@pytest.mark.parametrize("path", ["experiments/create", "runs/log-batch", "logged-models"])
@pytest.mark.parametrize("body", [*NO_OBJECTS, b"{", b"\xff\xfe"])
def test_a_body_that_is_no_object_is_refused(rest: Rest, path: str, body: bytes) -> None:
    assert_error(rest.send("POST", path, data=body, headers=JSON), 400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("body", NO_OBJECTS)
def test_a_search_by_something_that_is_no_object_is_refused(rest: Rest, body: bytes) -> None:
    assert_error(rest.send("POST", "runs/search", data=body, headers=JSON), 400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("path", ["/api/2.0/mlflow/nothing", "/api/2.0/mlflow/runs/get/", "/api/9.9/x", "/nothing"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_path_answers_in_json(rest: Rest, method: str, path: str) -> None:
    assert_error(rest.send(method, path, json={}), 404, "ENDPOINT_NOT_FOUND")


def test_a_wrong_method_answers_in_json(rest: Rest) -> None:
    answer = rest.get("runs/create")
    assert answer.status_code == 405
    assert isinstance(answer.json()["error_code"], str)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/3.0/mlflow/gateway/secrets/create"),
        ("DELETE", "/api/3.0/mlflow/gateway/endpoints/delete"),
    ],
)
def test_a_route_that_is_not_built_yet_says_so(rest: Rest, method: str, path: str) -> None:
    assert_error(rest.send(method, path, json={}), 501, "NOT_IMPLEMENTED")


@pytest.mark.parametrize(
    ("path", "listed"),
    [
        ("gateway/supported-providers", {"providers": []}),
        ("gateway/supported-models", {"models": []}),
        ("gateway/provider-config?provider=openai", {"auth_modes": [], "default_mode": ""}),
        ("assistant/providers", {"providers": []}),
        ("workspaces", {}),
    ],
)
def test_what_cannot_be_used_is_not_offered(rest: Rest, path: str, listed: object) -> None:
    answer = rest.get(f"/ajax-api/3.0/mlflow/{path}")
    assert (answer.status_code, answer.json()) == (200, listed)


def test_a_batch_with_a_metric_for_an_unknown_model_stores_nothing(client: MlflowClient, run_id: str) -> None:
    unknown = "m-" + "0" * 32
    with pytest.raises(MlflowException) as refusal:
        client.log_batch(
            run_id,
            metrics=[Metric("good", 1.0, 1, 0), Metric("bad", 1.0, 1, 0, model_id=unknown)],
            params=[Param("p", "1")],
            tags=[RunTag("t", "1")],
        )
    assert refusal.value.error_code == "BAD_REQUEST"
    data = client.get_run(run_id).data
    assert (data.metrics, data.params, data.tags.get("t")) == ({}, {}, None)


def test_a_metric_of_a_model_may_be_repeated_as_any_other(client: MlflowClient, run_id: str) -> None:
    model = client.create_logged_model(client.get_run(run_id).info.experiment_id)
    for _ in range(2):
        client.log_metric(run_id, "m", 1.0, timestamp=1, step=0, model_id=model.model_id)
    assert len(client.get_metric_history(run_id, "m")) == 1


def test_a_key_of_a_new_run_or_model_is_bounded(rest: Rest, experiment_id: str) -> None:
    long, odd = [{"key": "k" * 251, "value": "v"}], [{"key": "a#b", "value": "v"}]
    for path, field in (("runs/create", "tags"), ("logged-models", "tags"), ("logged-models", "params")):
        assert_error(rest.post(path, {"experiment_id": experiment_id, field: long}), 400, "INVALID_PARAMETER_VALUE")
        assert rest.post(path, {"experiment_id": experiment_id, field: odd}).status_code == 200


def test_answers_are_compact(rest: Rest, run_id: str) -> None:
    answer = rest.get("runs/get", {"run_id": run_id})
    assert "\n" not in answer.text
    assert answer.text.startswith('{"run":{"info":{')


def test_metrics_params_and_tags_come_by_key(rest: Rest, client: MlflowClient, run_id: str) -> None:
    keys = ["b", "a", "c"]
    client.log_batch(
        run_id,
        metrics=[Metric(key, 1.0, 1, 0) for key in keys],
        params=[Param(key, "1") for key in keys],
        tags=[RunTag(key, "1") for key in keys],
    )
    data = rest.get("runs/get", {"run_id": run_id}).json()["run"]["data"]
    for kind in ("metrics", "params", "tags"):
        found = [entry["key"] for entry in data[kind]]
        assert found == sorted(found)
        assert set(found) >= set(keys)


def test_nan_is_a_text_in_the_older_bulk_route_too(rest: Rest, client: MlflowClient, run_id: str) -> None:
    client.log_metric(run_id, "m", float("nan"), timestamp=1, step=0)
    answer = rest.get("/ajax-api/2.0/mlflow/metrics/get-history-bulk", {"run_id": [run_id], "metric_key": "m"})
    assert [point["value"] for point in answer.json()["metrics"]] == ["NaN"]


def test_a_text_artifact_names_its_charset(rest: Rest, run_id: str, experiment_id: str) -> None:
    path = f"{PROXY}/{experiment_id}/{run_id}/artifacts/umlauts.txt"
    assert rest.send("PUT", path, data="äöü".encode()).status_code == 200
    assert rest.get(path).headers["Content-Type"] == "text/plain; charset=utf-8"


def test_a_file_where_a_folder_is_or_below_a_file_is_refused(rest: Rest, run_id: str, experiment_id: str) -> None:
    folder = f"{PROXY}/{experiment_id}/{run_id}/artifacts"
    assert rest.send("PUT", f"{folder}/a/b", data=b"1").status_code == 200
    for path in (f"{folder}/a", f"{folder}/a/b/c"):
        assert_error(rest.send("PUT", path, data=b"2"), 400, "INVALID_PARAMETER_VALUE")
    assert rest.get(f"{folder}/a/b").content == b"1"


@pytest.mark.parametrize(
    "location",
    [
        *(
            "mlflow-artifacts:/../x",
            "mlflow-artifacts:/a/%2e%2e/x",
            "mlflow-artifacts:/a%5cb",
            "mlflow-artifacts:/a//b",
        ),
        *("mlflow-artifacts:/a%0ab", "file://elsewhere/x", "wasbs://c@a.blob.core.evil.example/x", "s3:/bucket/x"),
        *("s3://bucket/a\nb", "/tmp/a\rb", "weird://user:secret@host/x"),
    ],
)
def test_a_location_that_nobody_could_use_is_refused(rest: Rest, location: str) -> None:
    answer = rest.post("experiments/create", {"name": fresh_name(), "artifact_location": location})
    assert_error(answer, 400, "INVALID_PARAMETER_VALUE")
    assert "secret" not in answer.text


def test_a_location_with_dots_that_this_server_does_not_resolve_is_kept(client: MlflowClient, rest: Rest) -> None:
    experiment_id = client.create_experiment(fresh_name(), artifact_location="/tmp/a/../b")
    run = client.create_run(experiment_id)
    assert run.info.artifact_uri == f"/tmp/a/../b/{run.info.run_id}/artifacts"
    assert_error(rest.get("artifacts/list", {"run_id": run.info.run_id}), 400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("path", ["a%5Cb", "..%5Cx", "%2Fetc%2Fpasswd", "a%00b", "a//b"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_paths_that_are_not_plain_are_refused(rest: Rest, method: str, path: str) -> None:
    answer = rest.send_as_it_stands(method, f"{PROXY}/{path}", b"x" if method == "PUT" else None)
    assert_error(answer, 400, "INVALID_PARAMETER_VALUE")


def test_a_percent_escape_in_a_name_is_decoded_once(rest: Rest, run_id: str, experiment_id: str) -> None:
    folder = f"{experiment_id}/{run_id}/artifacts"
    assert rest.send("PUT", f"{PROXY}/{folder}/100%2525.txt", data=b"x").status_code == 200
    files = rest.get(PROXY, {"path": folder}).json()["files"]
    assert [file["path"] for file in files] == ["100%25.txt"]


def test_the_viewer_is_refused_in_json(rest: Rest, run_id: str) -> None:
    assert_error(rest.get("/get-artifact", {"run_id": run_id}), 400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("query", ["{", "", "query { nothing }", "mutation { nothing }"])
def test_graphql_that_the_page_does_not_send_is_never_a_server_error(rest: Rest, query: str) -> None:
    answer = rest.post("/graphql", {"query": query})
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        assert answer.json()["errors"]


def test_a_file_may_come_in_parts_to_any_store(rest: Rest, run_id: str, experiment_id: str) -> None:
    """MLflow takes parts for the stores of some clouds only."""
    folder = f"{experiment_id}/{run_id}/artifacts/parted"
    at = f"/api/2.0/mlflow-artifacts/mpu/{{}}/{folder}"
    created = rest.post(at.format("create"), {"path": "/home/me/x.bin", "num_parts": 2}).json()
    parts = []
    first = bytes(5 << 20)  # what S3 wants at least
    for credential, content in zip(created["credentials"], (first, b"second"), strict=True):
        answer = requests.put(credential["url"], content, headers=credential["headers"], timeout=60)
        parts.append({"part_number": credential["part_number"], "etag": answer.headers["ETag"]})
    ended = {"path": "/home/me/x.bin", "upload_id": created["upload_id"]}
    assert rest.get(f"{PROXY}", {"path": folder}).json() == {}
    assert rest.post(at.format("complete"), {**ended, "parts": parts}).json() == {}
    assert rest.get(f"{PROXY}/{folder}/x.bin").content == first + b"second"
    assert rest.post(at.format("abort"), ended).json() == {}
