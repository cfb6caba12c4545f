"""Calls of the MLflow client that Tracklog does not answer yet.

Each is stated as it must hold, passes on a real MLflow server, and is expected to fail here until its routes are
built; from then on the strictness of the mark asks for it to be moved to the file where it belongs.
"""

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import RestException

from tests.compatibility.conftest import Subjects
from tests.compatibility.rest import Case, Rest, assert_answer, bad, missing, ok, send

UNKNOWN_MODEL = "m-" + "0" * 32


@pytest.fixture(autouse=True)
def _expected_to_fail(request: pytest.FixtureRequest, is_mlflow: bool) -> None:
    """Expect the failure on every server but MLflow's own."""
    if not is_mlflow:
        request.applymarker(pytest.mark.xfail(strict=True, reason="this route answers 501 NOT_IMPLEMENTED"))


LOGGED_MODELS = [
    ok("tag", "PATCH", "logged-models/<model_id>/tags", {"tags": [{"key": "a", "value": "1"}]}),
    missing("tag an unknown one", "PATCH", f"logged-models/{UNKNOWN_MODEL}/tags", {"tags": [{"key": "a"}]}),
    missing("delete a missing tag", "DELETE", "logged-models/<model_id>/tags/absent", {}),
    missing("delete an unknown one", "DELETE", f"logged-models/{UNKNOWN_MODEL}", {}),
    bad("log a param again", "POST", "logged-models/<model_id>/params",
        {"model_id": "<model_id>", "params": [{"key": "fixed", "value": "1"}]}),
]  # fmt: skip


@pytest.mark.parametrize("case", LOGGED_MODELS, ids=str)
def test_logged_model(rest: Rest, subjects: Subjects, case: Case) -> None:
    assert_answer(send(rest, case, subjects), case)


def test_tags_are_merged_overwritten_and_deleted(client: MlflowClient, experiment_id: str) -> None:
    model = client.create_logged_model(experiment_id, tags={"a": "1", "b": "1"})
    client.set_logged_model_tags(model.model_id, {"b": "2", "c": "3"})
    assert client.get_logged_model(model.model_id).tags.items() >= {"a": "1", "b": "2", "c": "3"}.items()
    client.delete_logged_model_tag(model.model_id, "a")
    assert "a" not in client.get_logged_model(model.model_id).tags
    with pytest.raises(RestException) as refusal:
        client.delete_logged_model_tag(model.model_id, "a")
    assert refusal.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_a_deleted_model_is_hidden(client: MlflowClient, experiment_id: str) -> None:
    model = client.create_logged_model(experiment_id)
    client.delete_logged_model(model.model_id)
    with pytest.raises(RestException) as refusal:
        client.get_logged_model(model.model_id)
    assert refusal.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert client.search_logged_models([experiment_id]) == []


def test_params_are_added_and_never_changed(client: MlflowClient, experiment_id: str) -> None:
    model = client.create_logged_model(experiment_id, params={"a": "1"})
    client.log_model_params(model.model_id, {"b": "2"})
    assert client.get_logged_model(model.model_id).params == {"a": "1", "b": "2"}
    with pytest.raises(RestException) as refusal:
        client.log_model_params(model.model_id, {"a": "1"})
    assert refusal.value.error_code == "BAD_REQUEST"
    assert client.get_logged_model(model.model_id).params == {"a": "1", "b": "2"}


def test_an_older_client_notes_a_model_in_a_tag(rest: Rest, client: MlflowClient, run_id: str) -> None:
    model = f'{{"artifact_path": "m", "flavors": {{}}, "utc_time_created": "2026-01-01", "run_id": "{run_id}"}}'
    assert rest.post("runs/log-model", {"run_id": run_id, "model_json": model}).json() == {}
    assert '"artifact_path": "m"' in client.get_run(run_id).data.tags["mlflow.log-model.history"]


def test_a_model_is_registered(client: MlflowClient) -> None:
    name = f"registered-{UNKNOWN_MODEL}"
    try:
        assert client.create_registered_model(name).name == name
    finally:
        client.delete_registered_model(name)
