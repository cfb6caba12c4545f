"""Words in refusals that scripts and plugins look for, as MLflow has them."""

import uuid
from collections.abc import Mapping

import pytest

from tests.compatibility.conftest import Subjects
from tests.compatibility.rest import Rest


def said(rest: Rest, method: str, path: str, fields: Mapping[str, object]) -> str:
    answer = rest.get(path, fields) if method == "GET" else rest.send(method, path, json=fields)
    assert 400 <= answer.status_code < 500, answer.text
    message: str = answer.json()["message"]
    return message


def test_a_name_that_exists(rest: Rest, subjects: Subjects) -> None:
    assert "already exists" in said(rest, "POST", "experiments/create", {"name": "Default"})
    rename = {"experiment_id": subjects.experiment_id, "new_name": "Default"}
    assert "already exists" in said(rest, "POST", "experiments/update", rename)


def test_an_experiment_or_a_run_that_does_not_exist(rest: Rest) -> None:
    for method, path in (("GET", "experiments/get"), ("POST", "experiments/delete"), ("POST", "runs/create")):
        assert "No Experiment with id=987654321 exists" in said(rest, method, path, {"experiment_id": "987654321"})
    name = uuid.uuid4().hex
    told = said(rest, "GET", "experiments/get-by-name", {"experiment_name": name})
    assert f"Could not find experiment with name '{name}'" in told
    for method, path in (("GET", "runs/get"), ("POST", "runs/delete")):
        assert "Run with id=nope not found" in said(rest, method, path, {"run_id": "nope"})


def test_a_param_with_another_value(rest: Rest, run_id: str) -> None:
    param = {"run_id": run_id, "key": "p", "value": "1"}
    assert rest.post("runs/log-parameter", param).status_code == 200
    told = said(rest, "POST", "runs/log-parameter", param | {"value": "2"})
    assert "Changing param values is not allowed" in told


def test_a_tag_that_is_not_there(rest: Rest, run_id: str, experiment_id: str) -> None:
    told = said(rest, "POST", "runs/delete-tag", {"run_id": run_id, "key": "none"})
    assert "No tag with name: none" in told
    tag = {"experiment_id": experiment_id, "key": "none"}
    assert "No tag with name: none" in said(rest, "POST", "experiments/delete-experiment-tag", tag)


@pytest.mark.parametrize(
    ("field", "value"), [("key", 3), ("value", "x"), ("value", [1]), ("timestamp", "x"), ("step", 0.5)]
)
def test_a_value_of_another_type(rest: Rest, run_id: str, field: str, value: object) -> None:
    metric = {"run_id": run_id, "key": "m", "value": 1.0, "timestamp": 1, field: value}
    told = said(rest, "POST", "runs/log-metric", metric)
    assert "Invalid value" in told
    assert f"parameter '{field}'" in told


def test_a_text_too_long(rest: Rest, run_id: str) -> None:
    metric = {"run_id": run_id, "key": "k" * 251, "value": 1.0, "timestamp": 1}
    assert "exceeds the maximum length of 250" in said(rest, "POST", "runs/log-metric", metric)
