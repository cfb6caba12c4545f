"""Datasets and models as inputs of runs."""

from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelInput, LoggedModelOutput, LoggedModelStatus
from mlflow.exceptions import RestException

from tests.compatibility.rest import Rest
from tests.present import present


def iris(**changes: str) -> Dataset:
    """A dataset as the client describes it."""
    fields = {
        "name": "iris",
        "digest": "abc123",
        "source_type": "local",
        "source": '{"uri": "/data/iris.csv"}',
        "schema": '{"columns": 5}',
        "profile": '{"rows": 150}',
    }
    return Dataset(**{**fields, **changes})


def context(value: str) -> list[InputTag]:
    """The tag by which MLflow says what a dataset was used for."""
    return [InputTag("mlflow.data.context", value)]


def test_a_dataset_input_reads_back_whole(client: MlflowClient, run_id: str) -> None:
    client.log_inputs(run_id, datasets=[DatasetInput(iris(), [*context("training"), InputTag("split", "80/20")])])
    (seen,) = present(client.get_run(run_id).inputs).dataset_inputs
    assert seen.dataset.to_dictionary() == iris().to_dictionary()
    assert {tag.key: tag.value for tag in seen.tags} == {"mlflow.data.context": "training", "split": "80/20"}


def test_a_dataset_without_schema_and_profile_reads_back_without(client: MlflowClient, run_id: str) -> None:
    client.log_inputs(run_id, datasets=[DatasetInput(Dataset("bare", "d", "http", "{}"), [])])
    (seen,) = present(client.get_run(run_id).inputs).dataset_inputs
    assert (seen.dataset.schema, seen.dataset.profile, seen.tags) == (None, None, [])


def test_the_same_input_again_has_no_effect(client: MlflowClient, run_id: str) -> None:
    for _ in range(2):
        client.log_inputs(run_id, datasets=[DatasetInput(iris(), context("training"))])
    assert len(present(client.get_run(run_id).inputs).dataset_inputs) == 1


def test_several_inputs_are_kept_in_the_order_they_were_logged_in(
    client: MlflowClient, experiment_id: str, run_id: str
) -> None:
    inputs = [DatasetInput(iris(digest=f"d{i}"), context(f"c{i}")) for i in (2, 0, 1)]
    client.log_inputs(run_id, datasets=inputs)
    again = DatasetInput(iris(digest="d0"), context("again"))
    client.log_inputs(run_id, datasets=[again, DatasetInput(iris(name="apple"), context("evaluation"))])
    for run in (client.get_run(run_id), *client.search_runs([experiment_id])):
        seen = present(run.inputs).dataset_inputs
        assert [(i.dataset.name, i.dataset.digest, i.tags[0].value) for i in seen] == [
            ("iris", "d2", "c2"),
            ("iris", "d0", "c0"),
            ("iris", "d1", "c1"),
            ("apple", "abc123", "evaluation"),
        ]


def test_the_first_description_of_a_dataset_wins_in_its_experiment(client: MlflowClient, experiment_id: str) -> None:
    runs = [client.create_run(experiment_id).info.run_id for _ in range(2)]
    client.log_inputs(runs[0], datasets=[DatasetInput(iris(), context("training"))])
    client.log_inputs(runs[1], datasets=[DatasetInput(iris(profile='{"rows": 1}', schema="{}"), context("testing"))])
    (first,) = present(client.get_run(runs[0]).inputs).dataset_inputs  # a read of a run waits for what is known of it
    (seen,) = present(client.get_run(runs[1]).inputs).dataset_inputs
    assert seen.dataset.profile == first.dataset.profile == '{"rows": 150}'
    assert seen.dataset.schema == '{"columns": 5}'
    assert [tag.value for tag in seen.tags] == ["testing"]


def test_runs_are_searched_with_their_dataset_inputs(client: MlflowClient, experiment_id: str, run_id: str) -> None:
    client.log_inputs(run_id, datasets=[DatasetInput(iris(), context("training"))])
    (run,) = client.search_runs([experiment_id])
    assert present(run.inputs).dataset_inputs[0].dataset.digest == "abc123"


def test_the_page_finds_the_datasets_of_an_experiment(
    client: MlflowClient, rest: Rest, experiment_id: str, run_id: str
) -> None:
    client.log_inputs(run_id, datasets=[DatasetInput(iris(), context("training")), DatasetInput(iris(name="raw"), [])])
    answer = rest.post("/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": [experiment_id]})
    summaries = sorted(answer.json()["dataset_summaries"], key=lambda summary: str(summary["name"]))
    assert summaries == [
        {"experiment_id": experiment_id, "name": "iris", "digest": "abc123", "context": "training"},
        {"experiment_id": experiment_id, "name": "raw", "digest": "abc123"},
    ]


def test_a_run_names_its_input_and_output_models(client: MlflowClient, experiment_id: str, run_id: str) -> None:
    read, written = (client.create_logged_model(experiment_id, name=name) for name in ("read", "written"))
    client.log_inputs(run_id, models=[LoggedModelInput(read.model_id)])
    client.log_inputs(run_id, models=[LoggedModelInput(read.model_id)])
    client.log_outputs(run_id, models=[LoggedModelOutput(written.model_id, step=4)])
    run = client.get_run(run_id)
    assert [model.model_id for model in present(run.inputs).model_inputs] == [read.model_id]
    assert [(model.model_id, model.step) for model in present(run.outputs).model_outputs] == [(written.model_id, 4)]
    (found,) = client.search_runs([experiment_id])
    assert [model.model_id for model in present(found.outputs).model_outputs] == [written.model_id]


def test_the_same_output_twice_is_refused(client: MlflowClient, experiment_id: str, run_id: str) -> None:
    model = client.create_logged_model(experiment_id)
    client.log_outputs(run_id, models=[LoggedModelOutput(model.model_id, step=0)])
    with pytest.raises(RestException) as refusal:
        client.log_outputs(run_id, models=[LoggedModelOutput(model.model_id, step=1)])
    assert refusal.value.error_code == "BAD_REQUEST"
    assert len(present(client.get_run(run_id).outputs).model_outputs) == 1
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)


@pytest.mark.parametrize(
    "dataset_input",
    [
        {"dataset": {"name": "n" * 501, "digest": "d", "source_type": "t", "source": "s"}},
        {"dataset": {"name": "n", "digest": "d" * 37, "source_type": "t", "source": "s"}},
        {"dataset": {"name": "n", "digest": "d", "source_type": "t", "source": "s" * 65536}},
        {"dataset": {"name": "n", "digest": "d", "source_type": "t", "source": "s", "schema": "s" * 1048576}},
        {"dataset": {"name": "n", "digest": "d", "source_type": "t", "source": "s"}, "tags": [{"key": "k" * 256}]},
        {
            "dataset": {"name": "n", "digest": "d", "source_type": "t", "source": "s"},
            "tags": [{"key": "k", "value": "v" * 501}],
        },
    ],
    ids=["name", "digest", "source", "schema", "tag-key", "tag-value"],
)
def test_too_long_parts_of_a_dataset_are_refused(
    rest: Rest, client: MlflowClient, run_id: str, dataset_input: dict[str, Any]
) -> None:
    answer = rest.post("runs/log-inputs", {"run_id": run_id, "datasets": [dataset_input]})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert present(client.get_run(run_id).inputs).dataset_inputs == []
