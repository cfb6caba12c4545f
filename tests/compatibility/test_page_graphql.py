"""The two GraphQL queries that the stock page sends when it opens an experiment and a run."""

from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput, Metric, Param

from tests.compatibility.conftest import Subjects
from tests.compatibility.rest import Rest

EXPERIMENT_QUERY = """
query MlflowGetExperimentQuery($input: MlflowGetExperimentInput!) @component(name: "MLflow.ExperimentRunTracking") {
  mlflowGetExperiment(input: $input) {
    __typename
    apiError { __typename code message }
    experiment {
      __typename artifactLocation creationTime experimentId lastUpdateTime lifecycleStage name
      tags { __typename key value }
    }
  }
}
"""

RUN_QUERY = """
query GetRun($data: MlflowGetRunInput!) @component(name: "MLflow.ExperimentRunTracking") {
  mlflowGetRun(input: $data) {
    __typename
    apiError { __typename helpUrl code message }
    run {
      __typename
      info {
        __typename runName status runUuid experimentId artifactUri endTime lifecycleStage startTime userId
      }
      experiment { __typename experimentId name tags { __typename key value } artifactLocation lifecycleStage }
      modelVersions { __typename status version name source }
      data {
        __typename
        metrics { __typename key value step timestamp }
        params { __typename key value }
        tags { __typename key value }
      }
      inputs {
        __typename
        datasetInputs {
          __typename
          dataset { __typename digest name profile schema source sourceType }
          tags { __typename key value }
        }
        modelInputs { __typename modelId }
      }
      outputs { __typename modelOutputs { __typename modelId step } }
    }
  }
}
"""


def ask(rest: Rest, operation: str, query: str, variables: dict[str, Any]) -> Any:
    """Send a query as the page does and return the whole answer."""
    answer = rest.post("/graphql", {"operationName": operation, "variables": variables, "query": query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def without_typenames(value: Any) -> Any:
    """Drop `__typename` at any depth."""
    if isinstance(value, dict):
        return {key: without_typenames(item) for key, item in value.items() if key != "__typename"}
    if isinstance(value, list):
        return [without_typenames(item) for item in value]
    return value


def test_the_page_opens_an_experiment(rest: Rest, subjects: Subjects) -> None:
    answer = ask(
        rest, "MlflowGetExperimentQuery", EXPERIMENT_QUERY, {"input": {"experimentId": subjects.experiment_id}}
    )
    assert not answer.get("errors")
    found = without_typenames(answer["data"]["mlflowGetExperiment"])
    stored = rest.get("experiments/get", {"experiment_id": subjects.experiment_id}).json()["experiment"]
    assert found == {
        "apiError": None,
        "experiment": {
            "artifactLocation": stored["artifact_location"],
            "creationTime": str(stored["creation_time"]),
            "lastUpdateTime": str(stored["last_update_time"]),
            "experimentId": subjects.experiment_id,
            "lifecycleStage": "active",
            "name": subjects.experiment_name,
            "tags": [{"key": "present", "value": "yes"}],
        },
    }
    assert answer["data"]["mlflowGetExperiment"]["experiment"]["__typename"] == "MlflowExperiment"


def test_the_page_opens_a_run(rest: Rest, client: MlflowClient, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id, run_name="seen", start_time=5, tags={"mlflow.user": "ann"}).info.run_id
    client.log_batch(
        run_id, metrics=[Metric("a", 0.5, 7, 3), Metric("b", float("nan"), 7, 3)], params=[Param("p", "1")]
    )
    dataset = Dataset("iris", "d", "local", "{}", schema="s", profile="pr")
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])
    model = client.create_logged_model(experiment_id)
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 2)])
    client.set_terminated(run_id, end_time=9)
    answer = ask(rest, "GetRun", RUN_QUERY, {"data": {"runId": run_id}})
    assert not answer.get("errors")
    run = without_typenames(answer["data"]["mlflowGetRun"]["run"])
    run["data"]["metrics"].sort(key=lambda metric: str(metric["key"]))
    run["data"]["tags"].sort(key=lambda tag: str(tag["key"]))
    experiment = client.get_experiment(experiment_id)
    assert run == {
        "info": {
            "runName": "seen",
            "status": "FINISHED",
            "runUuid": run_id,
            "experimentId": experiment_id,
            "artifactUri": f"mlflow-artifacts:/{experiment_id}/{run_id}/artifacts",
            "startTime": "5",
            "endTime": "9",
            "lifecycleStage": "active",
            "userId": "ann",
        },
        "experiment": {
            "experimentId": experiment_id,
            "name": experiment.name,
            "tags": [],
            "artifactLocation": experiment.artifact_location,
            "lifecycleStage": "active",
        },
        "modelVersions": [],
        "data": {
            "metrics": [
                {"key": "a", "value": 0.5, "step": "3", "timestamp": "7"},
                {"key": "b", "value": None, "step": "3", "timestamp": "7"},
            ],
            "params": [{"key": "p", "value": "1"}],
            "tags": [{"key": "mlflow.runName", "value": "seen"}, {"key": "mlflow.user", "value": "ann"}],
        },
        "inputs": {
            "datasetInputs": [
                {
                    "dataset": {
                        "digest": "d",
                        "name": "iris",
                        "profile": "pr",
                        "schema": "s",
                        "source": "{}",
                        "sourceType": "local",
                    },
                    "tags": [{"key": "mlflow.data.context", "value": "training"}],
                }
            ],
            "modelInputs": [],
        },
        "outputs": {"modelOutputs": [{"modelId": model.model_id, "step": "2"}]},
    }


@pytest.mark.parametrize(
    ("operation", "query", "variables", "field"),
    [
        ("GetRun", RUN_QUERY, {"data": {"runId": "0" * 32}}, "mlflowGetRun"),
        (
            "MlflowGetExperimentQuery",
            EXPERIMENT_QUERY,
            {"input": {"experimentId": "987654321"}},
            "mlflowGetExperiment",
        ),
    ],
    ids=["run", "experiment"],
)
def test_the_page_is_told_that_something_does_not_exist(
    rest: Rest, operation: str, query: str, variables: dict[str, Any], field: str
) -> None:
    answer = ask(rest, operation, query, variables)
    assert answer["data"][field] is None
    assert answer["errors"]
    assert all(isinstance(error, str) for error in answer["errors"])
