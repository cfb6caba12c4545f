"""What is corrected and undone through the API of Tracklog, as the stock client sees it afterwards."""

import uuid
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from tests.compatibility.conftest import fresh_name
from tests.compatibility.rest import Rest

OURS = "/api/tracklog/v1"


@pytest.fixture(autouse=True)
def _of_tracklog_alone(is_mlflow: bool) -> None:
    if is_mlflow:
        pytest.skip("MLflow has no such routes")


def correct(rest: Rest, run_id: str, **corrections: Any) -> None:
    answer = rest.post(f"{OURS}/runs/{run_id}/corrections", {"reason": "a slip", **corrections})
    assert (answer.status_code, answer.json()) == (200, {})


def undo(rest: Rest, **selected: Any) -> Any:
    """Undo as planned; the answer's two lists are of events."""
    plan = rest.post(f"{OURS}/undo/plan", selected).json()
    answer = rest.post(f"{OURS}/undo", {**selected, "digest": plan["digest"]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["refused"] == []
    return answer.json()["undone"]


def events(rest: Rest, stream: str) -> list[Any]:
    found: list[Any] = rest.get(f"{OURS}/events", {"stream": stream}).json()["events"]
    return found


def history(client: MlflowClient, run_id: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in client.get_metric_history(run_id, "loss")]


def test_corrections_are_seen_wherever_params_and_metrics_are(
    client: MlflowClient, rest: Rest, experiment_id: str, run_id: str
) -> None:
    points = [Metric("loss", 1 / (step + 1), 1000 + step, step) for step in range(700)]
    client.log_batch(run_id, metrics=[*points], params=[Param("lr", "0.1"), Param("leftover", "x")])
    before = history(client, run_id)
    wrong = {"key": "loss", "step": 699, "timestamp": 1699, "value": 1 / 700}
    first = {"key": "loss", "step": 3, "timestamp": 1003, "value": 1 / 4, "new_value": 9.5}
    correct(rest, run_id, params=[{"key": "lr", "value": "0.2"}, {"key": "leftover"}], metrics=[wrong, first])
    run = client.get_run(run_id)
    assert run.data.params == {"lr": "0.2"}
    assert run.data.metrics == {"loss": 1 / 699}
    assert history(client, run_id) == [(3, 9.5) if one[0] == 3 else one for one in before[:-1]]
    for matching in ("params.lr = '0.2'", f"metrics.loss > {1 / 700} AND metrics.loss < 1"):
        assert [one.info.run_id for one in client.search_runs([experiment_id], matching)] == [run_id]
    assert client.search_runs([experiment_id], "params.lr = '0.1'") == []
    *_, logged = (one for one in events(rest, f"run/{run_id}") if one["type"] == "run.data-logged")
    assert {"key": "lr", "value": "0.1"} in logged["data"]["params"]
    corrected = [one for one in events(rest, f"run/{run_id}") if one["type"].endswith("corrected")]
    assert {one["data"]["reason"] for one in corrected} == {"a slip"}
    undo(rest, request_id=corrected[0]["request_id"])
    assert client.get_run(run_id).data.params == {"lr": "0.1", "leftover": "x"}
    assert history(client, run_id) == before


def test_what_a_request_logged_is_undone_and_the_undo_too(client: MlflowClient, rest: Rest, run_id: str) -> None:
    client.log_batch(run_id, metrics=[Metric("loss", 0.5, 1, 1)])
    client.log_batch(run_id, metrics=[Metric("loss", 7.0, 2, 2)], params=[Param("p", "1")])
    logged = events(rest, f"run/{run_id}")[-1]
    undone = undo(rest, event=logged["id"])
    assert client.get_run(run_id).data.metrics == {"loss": 0.5}
    assert client.get_run(run_id).data.params == {}
    made = {one["id"]: one for one in events(rest, f"run/{run_id}")}
    assert [made[one["id"]]["data"]["undo"]["events"] for one in undone] == [[logged["id"]]] * len(undone)
    undo(rest, request_id=made[undone[0]["id"]]["request_id"])
    assert client.get_run(run_id).data.metrics == {"loss": 7.0}
    assert client.get_run(run_id).data.params == {"p": "1"}


def test_a_run_and_a_model_go_back_to_a_moment(client: MlflowClient, rest: Rest, run_id: str) -> None:
    name = fresh_name("model")
    client.create_registered_model(name, description="as it was")
    moments = {stream: events(rest, stream)[-1]["time"] for stream in (f"run/{run_id}", f"registered-model/{name}")}
    client.set_terminated(run_id, "FAILED")
    client.delete_run(run_id)
    client.update_registered_model(name, "otherwise")
    client.set_registered_model_tag(name, "t", "v")
    for stream, moment in moments.items():
        later = next(one["time"] for one in events(rest, stream) if one["time"] > moment)
        undo(rest, stream=stream, to=later)
    run = client.get_run(run_id)
    assert (run.info.status, run.info.end_time, run.info.lifecycle_stage) == ("RUNNING", None, "active")
    model = client.get_registered_model(name)
    assert (model.description, dict(model.tags)) == ("as it was", {})


@pytest.mark.usefixtures("followed")
def test_a_wrong_link_and_wrong_records_are_gone_and_what_they_were_is_back(
    client: MlflowClient, rest: Rest, experiment_id: str, run_id: str
) -> None:
    trace_id = f"tr-{uuid.uuid4().hex}"
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}
    info = {"trace_id": trace_id, "trace_location": location, "state": "OK", "request_time": "2026-11-30T09:00:00Z"}
    assert rest.post("/api/3.0/mlflow/traces", {"trace": {"trace_info": info}}).status_code == 200
    dataset = client.create_dataset(fresh_name("golden"), experiment_id=experiment_id)
    dataset.merge_records([{"inputs": {"q": "who"}, "expectations": {"a": "me"}}])
    client.link_traces_to_run([trace_id], run_id)
    dataset.merge_records([{"inputs": {"q": "who"}, "expectations": {"a": "they"}}, {"inputs": {"q": "junk"}}])
    records = f"evaluation-dataset/{dataset.dataset_id}"

    def held() -> tuple[list[str], list[Any]]:
        found = client.search_traces(
            locations=[experiment_id], filter_string=f"run_id = '{run_id}'", include_spans=False
        )
        rows = client.get_dataset(dataset.dataset_id).to_df().to_dict("records")
        return [one.info.trace_id for one in found], [(row["inputs"], row["expectations"]) for row in rows]

    wrong = held()
    assert len(wrong[0]) == 1
    undo(rest, event=events(rest, f"trace/{trace_id}")[-1]["id"])
    undone = undo(rest, event=events(rest, records)[-1]["id"])
    assert held() == ([], [({"q": "who"}, {"a": "me"})])
    client.delete_dataset(dataset.dataset_id)
    undo(rest, event=events(rest, records)[-1]["id"])
    assert held() == ([], [({"q": "who"}, {"a": "me"})])
    made = {one["id"]: one for one in events(rest, records)}
    undo(rest, request_id=made[undone[0]["id"]]["request_id"], over_later=True)
    assert sorted(held()[1], key=str) == sorted(wrong[1], key=str)
