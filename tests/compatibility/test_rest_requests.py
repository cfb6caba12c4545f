"""How requests are read: content types, queries, spellings, types, missing fields. And how answers look."""

from typing import Any

import pytest

from tests.compatibility.conftest import Subjects
from tests.compatibility.rest import Case, Rest, assert_answer, assert_error, invalid, missing, ok, send

CASES = [
    # Required fields: absent, null and empty are the same.
    invalid("a missing name", "POST", "experiments/create", {}),
    invalid("a null name", "POST", "experiments/create", {"name": None}),
    invalid("an empty name", "POST", "experiments/create", {"name": ""}),
    invalid("a missing id in a query", "GET", "experiments/get", {}),
    invalid("an empty id in a query", "GET", "experiments/get", {"experiment_id": ""}),
    invalid("a missing run id", "POST", "runs/log-metric", {"key": "m", "value": 1, "timestamp": 1}),
    # Basic types.
    invalid("a number for a text", "POST", "experiments/create", {"name": 5}),
    invalid("a list for a text", "POST", "experiments/create", {"name": ["a"]}),
    invalid("an object for a text", "POST", "runs/set-tag", {"run_id": "<run_id>", "key": {"a": 1}, "value": "v"}),
    invalid("a number for an id", "POST", "experiments/delete", {"experiment_id": 0}),
    invalid("a boolean for a run id", "POST", "runs/delete", {"run_id": True}),
    invalid("a number for a tag", "POST", "runs/set-tag", {"run_id": "<run_id>", "key": "k", "value": 5}),
    ok("an int64 as text", "POST", "runs/log-metric",
       {"run_id": "<run_id>", "key": "m", "value": 1, "timestamp": "1", "step": "0"}),
    ok("an int64 as a float", "POST", "runs/log-metric",
       {"run_id": "<run_id>", "key": "m", "value": 1, "timestamp": 1.0, "step": 0.0}),
    ok("a double as text", "POST", "runs/log-metric", {"run_id": "<run_id>", "key": "m", "value": "1", "timestamp": 1}),
    invalid("a text that is no double", "POST", "runs/log-metric",
            {"run_id": "<run_id>", "key": "m", "value": "abc", "timestamp": 1}),
    invalid("a text that is no int64", "POST", "runs/log-metric",
            {"run_id": "<run_id>", "key": "m", "value": 1, "timestamp": "abc"}),
    invalid("a step that is no number", "POST", "runs/log-metric",
            {"run_id": "<run_id>", "key": "m", "value": 1, "timestamp": 1, "step": "one"}),
    invalid("an end time that is no number", "POST", "runs/update", {"run_id": "<run_id>", "end_time": "soon"}),
    invalid("a run status out of range", "POST", "runs/update", {"run_id": "<run_id>", "status": 99}),
    invalid("a tag key with NUL", "POST", "runs/set-tag", {"run_id": "<run_id>", "key": "a\0", "value": "b"}),
    invalid("a metric key with NUL", "POST", "runs/log-metric",
            {"run_id": "<run_id>", "key": "m\0", "value": 1, "timestamp": 1}),
    # Spellings.
    ok("unknown fields are ignored", "POST", "runs/set-tag",
       {"run_id": "<run_id>", "key": "present", "value": "yes", "nobody": {"knows": [1]}}),
    invalid("a required field in camelCase", "POST", "runs/set-tag", {"runId": "<run_id>", "key": "k", "value": "v"}),
    ok("an optional field in camelCase", "POST", "runs/search",
       {"experimentIds": ["<experiment_id>"], "maxResults": 1, "runViewType": "ALL"}),
    invalid("a field in both spellings", "POST", "runs/search",
            {"experiment_ids": ["<experiment_id>"], "experimentIds": ["<experiment_id>"]}),
    invalid("camelCase in a query", "GET", "runs/get", {"runId": "<run_id>"}),
    ok("an enum by number", "POST", "runs/search", {"experiment_ids": ["<experiment_id>"], "run_view_type": 3}),
    # Ids.
    missing("an unknown experiment", "GET", "experiments/get", {"experiment_id": "987654321"}),
    invalid("an id that is no number", "GET", "experiments/get", {"experiment_id": "abc"}),
    ok("an id with leading zeros", "GET", "experiments/get", {"experiment_id": "00"}),
    ok("an id with blanks", "GET", "experiments/get", {"experiment_id": " 0 "}),
    missing("an unknown run", "GET", "runs/get", {"run_id": "nope"}),
    ok("a run by its older name", "GET", "runs/get", {"run_uuid": "<run_id>"}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_request(rest: Rest, subjects: Subjects, case: Case) -> None:
    assert_answer(send(rest, case, subjects), case)


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_post_wants_json(rest: Rest, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = rest.send("POST", "experiments/search", data=b'{"max_results": 1}', headers=headers)
    assert_error(answer, 400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
def test_post_takes_json_with_or_without_a_charset(rest: Rest, content_type: str) -> None:
    answer = rest.send("POST", "experiments/search", data=b'{"max_results": 1}', headers={"Content-Type": content_type})
    assert answer.status_code == 200


def test_patch_does_not_ask_for_a_content_type(rest: Rest, subjects: Subjects) -> None:
    body = f'{{"model_id": "{subjects.model_id}", "status": "LOGGED_MODEL_PENDING"}}'
    assert rest.send("PATCH", f"logged-models/{subjects.model_id}", data=body.encode()).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"{'name': 'x'}", b'{"name": }'])
def test_a_body_that_is_no_json_counts_as_empty(rest: Rest, body: bytes) -> None:
    answer = rest.send("POST", "experiments/create", data=body, headers={"Content-Type": "application/json"})
    assert_error(answer, 400, "INVALID_PARAMETER_VALUE")


def test_get_reads_a_json_body_when_there_is_no_query(rest: Rest, subjects: Subjects) -> None:
    answer = rest.send("GET", "runs/get", json={"run_id": subjects.run_id})
    assert answer.json()["run"]["info"]["run_id"] == subjects.run_id


def test_post_ignores_the_query(rest: Rest, subjects: Subjects) -> None:
    answer = rest.send("POST", "runs/delete", params={"run_id": subjects.run_id}, json={})
    assert_error(answer, 400, "INVALID_PARAMETER_VALUE")


def test_repeated_fields_of_a_query_repeat_the_name(rest: Rest) -> None:
    query = [("max_results", "2"), ("order_by", "name DESC"), ("order_by", "experiment_id ASC")]
    assert rest.get("experiments/search", query).status_code == 200


def test_the_page_prefix_answers_like_the_client_prefix(rest: Rest, subjects: Subjects) -> None:
    query = {"run_id": subjects.run_id}
    assert rest.get("/ajax-api/2.0/mlflow/runs/get", query).json() == rest.get("runs/get", query).json()


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("runs/get", {"run_id": "<run_id>"}),
        ("experiments/get", {"experiment_id": "<experiment_id>"}),
        ("runs/get", {"run_id": "unknown"}),
    ],
    ids=["run", "experiment", "error"],
)
def test_every_answer_forbids_sniffing_and_framing(
    rest: Rest, subjects: Subjects, path: str, query: dict[str, str]
) -> None:
    answer = send(rest, Case("", "GET", path, query, 0), subjects)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert answer.headers["Content-Type"].startswith("application/json")


def sorted_lists(value: Any) -> Any:
    """Sort the metrics, params and tags of an answer, whose order is not defined."""
    if isinstance(value, dict):
        return {key: sorted_lists(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((sorted_lists(item) for item in value), key=repr)
    return value


def test_a_run_answers_with_all_its_parts(rest: Rest) -> None:
    experiment_id = rest.post("experiments/search", {"max_results": 1}).json()["experiments"][0]["experiment_id"]
    created = rest.post("runs/create", {"experiment_id": experiment_id, "run_name": "n"}).json()
    run_id = created["run"]["info"]["run_id"]
    where = rest.get("experiments/get", {"experiment_id": experiment_id}).json()["experiment"]["artifact_location"]
    assert created == {
        "run": {
            "info": {
                "run_uuid": run_id,
                "run_id": run_id,
                "run_name": "n",
                "experiment_id": experiment_id,
                "user_id": "",
                "status": "RUNNING",
                "start_time": 0,
                "artifact_uri": f"{where}/{run_id}/artifacts",
                "lifecycle_stage": "active",
            },
            "data": {"tags": [{"key": "mlflow.runName", "value": "n"}]},
            "inputs": {},
        }
    }
    assert rest.post("runs/log-metric", {"run_id": run_id, "key": "m", "value": 2, "timestamp": 0}).json() == {}
    assert rest.post("runs/log-metric", {"run_id": run_id, "key": "n", "value": "NaN", "timestamp": 7}).json() == {}
    assert rest.post("runs/log-parameter", {"run_id": run_id, "key": "p"}).json() == {}
    assert rest.post("runs/set-tag", {"run_id": run_id, "key": "t"}).json() == {}
    dataset = {"name": "iris", "digest": "d", "source_type": "local", "source": "s"}
    tags = [{"key": "mlflow.data.context", "value": "training"}]
    body = {"run_id": run_id, "datasets": [{"dataset": dataset, "tags": tags}]}
    assert rest.post("runs/log-inputs", body).json() == {}
    run = rest.get("runs/get", {"run_id": run_id}).json()["run"]
    assert sorted_lists(run["data"]) == sorted_lists(
        {
            "metrics": [
                {"key": "m", "value": 2.0, "timestamp": 0, "step": 0},
                {"key": "n", "value": "NaN", "timestamp": 7, "step": 0},
            ],
            "params": [{"key": "p", "value": ""}],
            "tags": [{"key": "mlflow.runName", "value": "n"}, {"key": "t", "value": ""}],
        }
    )
    assert run["inputs"] == {"dataset_inputs": [{"tags": tags, "dataset": dataset}]}
    found = rest.post("runs/search", {"experiment_ids": [experiment_id], "filter": f"run_id = '{run_id}'"}).json()
    assert sorted_lists(found) == sorted_lists({"runs": [run]})
    updated = rest.post("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": 9}).json()
    assert updated == {"run_info": {**run["info"], "status": "FINISHED", "end_time": 9}}


def test_an_experiment_answers_with_all_its_parts(rest: Rest, subjects: Subjects) -> None:
    experiment = rest.get("experiments/get", {"experiment_id": subjects.experiment_id}).json()["experiment"]
    times = {key: experiment.pop(key) for key in ("creation_time", "last_update_time")}
    assert all(isinstance(time_ms, int) for time_ms in times.values())
    assert experiment == {
        "experiment_id": subjects.experiment_id,
        "name": subjects.experiment_name,
        "artifact_location": f"mlflow-artifacts:/{subjects.experiment_id}",
        "lifecycle_stage": "active",
        "tags": [{"key": "present", "value": "yes"}],
        "workspace": "default",
    }


def test_an_empty_search_answers_an_empty_object(rest: Rest, subjects: Subjects) -> None:
    body = {"experiment_ids": [subjects.experiment_id], "filter": "run_name = 'nobody'"}
    assert rest.post("runs/search", body).json() == {}
