"""Logged models: their life, tags, params, metrics and artifacts."""

import re

import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus, Metric
from mlflow.exceptions import MlflowException, RestException

from tests.compatibility.rest import Rest


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
    (metric,) = client.get_logged_model(model.model_id).metrics
    assert (metric.key, metric.value, metric.timestamp, metric.step) == ("acc", 0.8, 10, 1)
    assert (metric.dataset_name, metric.dataset_digest) == ("iris", "abc")
    assert (metric.model_id, metric.run_id) == (model.model_id, run_id)


def test_a_batch_may_carry_metrics_for_models(client: MlflowClient, experiment_id: str, run_id: str) -> None:
    models = [client.create_logged_model(experiment_id) for _ in range(2)]
    client.log_batch(
        run_id,
        metrics=[Metric("acc", 0.1 * i, 10, 0, model_id=model.model_id) for i, model in enumerate(models, start=1)],
    )
    seen = [client.get_logged_model(model.model_id).metrics for model in models]
    assert [[metric.value for metric in metrics] for metrics in seen] == [[0.1], [0.2]]


def test_a_metric_for_an_unknown_model_is_refused_and_not_stored(client: MlflowClient, run_id: str) -> None:
    with pytest.raises(MlflowException) as refusal:
        client.log_metric(run_id, "acc", 0.5, model_id="m-" + "0" * 32)
    assert refusal.value.error_code == "BAD_REQUEST"
    assert client.get_run(run_id).data.metrics == {}
