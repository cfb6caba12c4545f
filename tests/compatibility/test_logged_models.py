"""Logged models: their life, tags, params, metrics and artifacts."""

import json
import re

import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus, Metric, Param
from mlflow.exceptions import MlflowException, RestException

from tests.compatibility.rest import Rest
from tests.present import present


def test_a_created_model_is_pending_and_reads_back_whole(client: MlflowClient, experiment_id: str, run_id: str) -> None:
    created = client.create_logged_model(
        experiment_id,
        name="forest",
        source_run_id=run_id,
        tags={"stage": "draft"},
        params={"trees": "10"},
        model_type="classifier",
    )
    for model in (created, client.get_logged_model(created.model_id)):
        assert re.fullmatch("m-[0-9a-f]{32}", model.model_id)
        assert model.experiment_id == experiment_id
        assert model.name == "forest"
        assert model.status == LoggedModelStatus.PENDING
        assert model.source_run_id == run_id
        assert model.model_type == "classifier"
        assert model.params == {"trees": "10"}
        assert {k: v for k, v in model.tags.items() if not k.startswith("mlflow.")} == {"stage": "draft"}
        assert model.artifact_location == f"mlflow-artifacts:/{experiment_id}/models/{model.model_id}/artifacts"
        assert model.creation_timestamp > 0
        assert model.metrics in ([], None)


def test_a_model_without_a_name_gets_one(client: MlflowClient, experiment_id: str) -> None:
    model = client.create_logged_model(experiment_id)
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{1,3}", model.name)


@pytest.mark.parametrize("status", [LoggedModelStatus.READY, LoggedModelStatus.FAILED])
def test_finalize_sets_the_status_and_may_be_repeated(
    client: MlflowClient, experiment_id: str, status: LoggedModelStatus
) -> None:
    model = client.create_logged_model(experiment_id)
    for _ in range(2):
        finalized = client.finalize_logged_model(model.model_id, status)
        assert finalized.status == status
        assert finalized.last_updated_timestamp >= model.last_updated_timestamp
    assert client.get_logged_model(model.model_id).status == status


def test_an_unknown_model_is_an_error(client: MlflowClient) -> None:
    with pytest.raises(RestException) as refusal:
        client.get_logged_model("m-" + "0" * 32)
    assert refusal.value.error_code == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize("name", ["a/b", "a:b", "a.b", "a%b", 'a"b', "a'b"])
def test_names_with_punctuation_of_uris_are_refused(rest: Rest, experiment_id: str, name: str) -> None:
    answer = rest.post("logged-models", {"experiment_id": experiment_id, "name": name})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_metrics_logged_for_a_model_belong_to_run_and_model(
    client: MlflowClient, experiment_id: str, run_id: str
) -> None:
    model = client.create_logged_model(experiment_id)
    client.log_metric(
        run_id,
        "acc",
        0.8,
        timestamp=10,
        step=1,
        model_id=model.model_id,
        dataset_name="iris",
        dataset_digest="abc",
    )
    assert client.get_run(run_id).data.metrics == {"acc": 0.8}
    (metric,) = present(client.get_logged_model(model.model_id).metrics)
    assert (metric.key, metric.value, metric.timestamp, metric.step) == ("acc", 0.8, 10, 1)
    assert (metric.dataset_name, metric.dataset_digest) == ("iris", "abc")
    assert (metric.model_id, metric.run_id) == (model.model_id, run_id)


def test_a_batch_may_carry_metrics_for_models(client: MlflowClient, experiment_id: str, run_id: str) -> None:
    models = [client.create_logged_model(experiment_id) for _ in range(2)]
    client.log_batch(
        run_id,
        metrics=[Metric("acc", 0.1 * i, 10, 0, model_id=model.model_id) for i, model in enumerate(models, start=1)],
    )
    seen = [present(client.get_logged_model(model.model_id).metrics) for model in models]
    assert [[metric.value for metric in metrics] for metrics in seen] == [[0.1], [0.2]]


def test_a_metric_for_an_unknown_model_is_refused_and_not_stored(client: MlflowClient, run_id: str) -> None:
    with pytest.raises(MlflowException) as refusal:
        client.log_metric(run_id, "acc", 0.5, model_id="m-" + "0" * 32)
    assert refusal.value.error_code == "BAD_REQUEST"
    assert client.get_run(run_id).data.metrics == {}


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


def test_a_deleted_model_is_shown_to_who_asks_for_it_and_takes_writes(
    client: MlflowClient, rest: Rest, experiment_id: str, run_id: str
) -> None:
    model = client.create_logged_model(experiment_id)
    path = f"logged-models/{model.model_id}"
    for _ in range(2):
        client.delete_logged_model(model.model_id)
    tags, params = [{"key": "a", "value": "1"}], [{"key": "b", "value": "2"}]
    assert rest.send("PATCH", f"{path}/tags", json={"tags": tags}).json() == {}
    assert rest.post(f"{path}/params", {"model_id": model.model_id, "params": params}).json() == {}
    client.log_metric(run_id, "acc", 1.0, model_id=model.model_id)
    assert client.finalize_logged_model(model.model_id, LoggedModelStatus.READY).status == LoggedModelStatus.READY
    shown = rest.get(path, {"allow_deleted": "true"}).json()["model"]
    assert shown["info"]["tags"] == tags
    assert shown["data"]["params"] == params
    assert shown["data"]["metrics"][0]["key"] == "acc"
    words = f"Logged model with ID '{model.model_id}' not found."
    for hidden in (rest.get(path), rest.get(f"{path}/artifacts/directories")):
        assert (hidden.status_code, hidden.json()["message"]) == (404, words)


def test_a_model_takes_over_more_params_of_its_run_than_fit_one_request(
    client: MlflowClient, experiment_id: str
) -> None:
    """As `log_model` does in a run of many params, which left a pending model behind while the route was missing."""
    params = {f"p{number:03}": str(number) for number in range(250)}
    run_id = client.create_run(experiment_id).info.run_id
    for start in range(0, len(params), 100):
        client.log_batch(run_id, params=[Param(*pair) for pair in list(params.items())[start : start + 100]])
    logged = client.create_logged_model(experiment_id, "line", run_id, params=params)
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    model = client.get_logged_model(logged.model_id)
    assert model.params == params
    assert model.status == LoggedModelStatus.READY


def test_an_older_client_notes_models_in_a_tag(rest: Rest, client: MlflowClient, run_id: str) -> None:
    for path in ("m", "n"):
        model: dict[str, object] = {
            "artifact_path": path,
            "flavors": {},
            "utc_time_created": "2026-01-01",
            "run_id": run_id,
        }
        assert rest.post("runs/log-model", {"run_id": run_id, "model_json": json.dumps(model)}).json() == {}
    assert client.get_run(run_id).data.tags["mlflow.log-model.history"] == json.dumps(
        [
            {
                "run_id": run_id,
                "artifact_path": path,
                "utc_time_created": "2026-01-01",
                "model_uuid": None,
                "flavors": {},
            }
            for path in ("m", "n")
        ]
    )
