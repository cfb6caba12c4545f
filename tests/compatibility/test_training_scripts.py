"""Training scripts as people write them, run in processes of their own, and what the server kept of them."""

import math
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus

from tests.compatibility.training import run_script
from tests.present import present


@pytest.fixture(scope="module")
def tutorial(server_url: str) -> Any:
    return run_script("autolog_tutorial.py", server_url)


def test_autolog_logs_params_metrics_and_estimator_tags(client: MlflowClient, tutorial: Any) -> None:
    run = client.get_run(tutorial["run_id"])
    assert tutorial["last_active_run_id"] == tutorial["run_id"]
    assert run.info.status == "FINISHED"
    assert run.info.end_time >= run.info.start_time
    assert run.data.params["solver"] == "lbfgs"
    assert run.data.params["max_iter"] == "1000"
    assert run.data.tags["estimator_name"] == "LogisticRegression"
    assert run.data.tags["mlflow.source.name"].endswith("autolog_tutorial.py")
    assert 0.9 < run.data.metrics["training_accuracy_score"] <= 1.0
    assert run.data.metrics == tutorial["metrics"]
    assert run.data.metrics["LogisticRegression_score_x_test"] == tutorial["test_score"]


def test_autolog_logs_its_training_data(client: MlflowClient, tutorial: Any) -> None:
    inputs = present(client.get_run(tutorial["run_id"]).inputs).dataset_inputs
    contexts = {tag.value for dataset_input in inputs for tag in dataset_input.tags}
    assert {"train", "eval"} & contexts
    assert all(dataset_input.dataset.digest for dataset_input in inputs)


def test_autolog_logs_a_model_that_is_ready_and_predicts_alike(client: MlflowClient, tutorial: Any) -> None:
    run = client.get_run(tutorial["run_id"])
    (output,) = present(run.outputs).model_outputs
    model = client.get_logged_model(output.model_id)
    assert model.status == LoggedModelStatus.READY
    assert model.source_run_id == tutorial["run_id"]
    assert model.params["solver"] == "lbfgs"
    assert {metric.key for metric in present(model.metrics)} >= {"training_accuracy_score"}
    assert "MLmodel" in {file.path for file in client.list_logged_model_artifacts(output.model_id)}
    assert tutorial["agreement"] == 1.0


def test_autolog_logs_its_plots(client: MlflowClient, tutorial: Any) -> None:
    files = {file.path for file in client.list_artifacts(tutorial["run_id"])}
    assert "training_confusion_matrix.png" in files


def test_a_model_logged_by_hand_is_found_and_loads(client: MlflowClient, tutorial: Any) -> None:
    model = client.get_logged_model(tutorial["by_hand_model_id"])
    assert (model.name, model.status) == ("iris_model", LoggedModelStatus.READY)
    assert tutorial["found"] == tutorial["by_hand_model_id"]
    assert tutorial["reloaded_score"] == tutorial["test_score"]
    run = client.get_run(tutorial["by_hand_run_id"])
    assert run.info.run_name == "by hand"
    assert run.data.tags["Training Info"] == "Basic LR model for iris data"
    assert [output.model_id for output in present(run.outputs).model_outputs] == [model.model_id]


@pytest.fixture(scope="module")
def training(server_url: str) -> Any:
    return run_script("fluent_training.py", server_url)


def test_nested_runs_are_children_of_their_parent(client: MlflowClient, training: Any) -> None:
    assert training["children_depths"] == ["2", "1", "0"]
    assert training["children_rmse"] == pytest.approx([1 / 6, 1 / 5, 1 / 4])
    assert training["children_status"] == ["FINISHED"]
    children = client.search_runs(
        [training["experiment_id"]], f"tags.`mlflow.parentRunId` = '{training['parent_run_id']}'"
    )
    assert {run.info.run_name for run in children} == {"depth 0", "depth 1", "depth 2"}
    for run in children:
        assert [m.step for m in client.get_metric_history(run.info.run_id, "rmse")] == [0, 1, 2, 3]
        assert run.data.metrics["step squared"] == 9.0


def test_the_parent_keeps_its_params_description_and_odd_metrics(client: MlflowClient, training: Any) -> None:
    run = client.get_run(training["parent_run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.params == {"folds": "3", "metric": "rmse"}
    assert run.data.tags["purpose"] == "search"
    assert run.data.tags["mlflow.note.content"] == "a *search* over depth"
    assert math.isnan(run.data.metrics["diverged"])
    assert run.data.metrics["unbounded"] > 1e308
    assert run.data.metrics["resumed"] == 1.0


def test_the_input_carries_context_schema_and_profile(client: MlflowClient, training: Any) -> None:
    (dataset_input,) = present(client.get_run(training["parent_run_id"]).inputs).dataset_inputs
    assert dataset_input.dataset.name == "line"
    assert '"num_rows": 3' in present(dataset_input.dataset.profile)
    assert "mlflow_colspec" in present(dataset_input.dataset.schema)
    assert {tag.key: tag.value for tag in dataset_input.tags} == {"mlflow.data.context": "training", "split": "all"}


def test_artifacts_read_back_in_the_script(training: Any) -> None:
    assert training["words"] == "some words"
    assert training["best"] == {"best": {"depth": 2}}
    assert training["table"] == {"x": [1, 2], "y": ["a", "b"]}
    assert training["files"] == ["best.json", "folder", "notes", "table.json"]


def test_a_run_whose_script_raised_is_failed(client: MlflowClient, training: Any) -> None:
    assert client.get_run(training["failed_run_id"]).info.status == "FAILED"
