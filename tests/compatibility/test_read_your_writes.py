"""A client that wrote and reads at once sees its write, from any thread or process, whatever the others do."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus, Metric, ViewType
from mlflow.exceptions import MlflowException, RestException

from tests.compatibility.conftest import fresh_name
from tests.compatibility.rest import Rest
from tests.compatibility.training import run_script
from tests.present import present

THREADS = 4
ITERATIONS = 15
PROCESSES = 3
V3 = "/api/3.0/mlflow/"


def in_threads(work: Callable[[int], object], threads: int = THREADS) -> None:
    """Run the work in several threads at once, each with its number; the first failure is raised."""
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, number) for number in range(threads)]:
            done.result()


def test_a_metric_is_seen_by_the_next_read(client: MlflowClient, experiment_id: str) -> None:
    def work(number: int) -> None:
        run_id = client.create_run(experiment_id).info.run_id
        for i in range(ITERATIONS):
            client.log_metric(run_id, "m", float(i), timestamp=i, step=i)
            assert client.get_run(run_id).data.metrics == {"m": float(i)}, (number, i)
            assert len(client.get_metric_history(run_id, "m")) == i + 1, (number, i)

    in_threads(work)


def test_params_tags_and_names_are_seen_by_the_next_read(client: MlflowClient, experiment_id: str) -> None:
    def work(number: int) -> None:
        run_id = client.create_run(experiment_id).info.run_id
        for i in range(ITERATIONS):
            client.log_param(run_id, f"p{i}", i)
            assert client.get_run(run_id).data.params[f"p{i}"] == str(i), (number, i)
            client.set_tag(run_id, "t", i)
            assert client.get_run(run_id).data.tags["t"] == str(i), (number, i)
            client.update_run(run_id, name=f"name {i}")
            assert client.get_run(run_id).info.run_name == f"name {i}", (number, i)
            client.delete_tag(run_id, "t")
            assert "t" not in client.get_run(run_id).data.tags, (number, i)

    in_threads(work)


def test_a_search_sees_the_run_created_before_it(client: MlflowClient, experiment_id: str) -> None:
    def work(number: int) -> None:
        for i in range(ITERATIONS):
            run_id = client.create_run(experiment_id, run_name=f"{number} {i}").info.run_id
            found = client.search_runs([experiment_id], filter_string=f"run_name = '{number} {i}'")
            assert [run.info.run_id for run in found] == [run_id], (number, i)
            client.delete_run(run_id)
            assert client.search_runs([experiment_id], filter_string=f"run_name = '{number} {i}'") == [], (number, i)

    in_threads(work)


def test_experiments_are_seen_by_name_id_and_search_at_once(client: MlflowClient) -> None:
    def work(number: int) -> None:
        for i in range(ITERATIONS // 2):
            name = fresh_name(f"seen-{number}-{i}")
            experiment_id = client.create_experiment(name)
            assert present(client.get_experiment_by_name(name)).experiment_id == experiment_id
            assert client.get_experiment(experiment_id).name == name
            assert len(client.search_experiments(filter_string=f"name = '{name}'")) == 1
            client.set_experiment_tag(experiment_id, "k", str(i))
            assert client.get_experiment(experiment_id).tags == {"k": str(i)}
            client.delete_experiment(experiment_id)
            assert client.search_experiments(filter_string=f"name = '{name}'") == []

    in_threads(work)


@pytest.mark.usefixtures("followed")
def test_records_of_a_dataset_are_seen_at_once(client: MlflowClient, experiment_id: str) -> None:
    def work(number: int) -> None:
        dataset = client.create_dataset(f"dataset-{number}", experiment_id)
        for i in range(ITERATIONS // 2):
            client._tracking_client.store.upsert_dataset_records(dataset.dataset_id, [{"inputs": {"i": i}}])
            client._tracking_client.store.upsert_dataset_records(dataset.dataset_id, [{"inputs": {"i": 0}}])
            seen = client.get_dataset(dataset.dataset_id)
            assert seen.profile == f'{{"num_records": {i + 1}}}'
            assert [record.inputs["i"] for record in seen.records] == list(range(i + 1))

    in_threads(work)


def test_traces_and_what_is_said_of_them_are_seen_at_once(rest: Rest, experiment_id: str) -> None:
    """By requests alone: the client sends spans behind the back of whoever logs them."""
    where = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}]

    def ok(method: str, path: str, **arguments: Any) -> Any:
        answer = rest.send(method, path, **arguments)
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else {}

    def found(condition: str) -> list[str]:
        asked = {"locations": where, "filter": condition}
        return [one["trace_id"] for one in ok("POST", f"{V3}traces/search", json=asked).get("traces", [])]

    def work(number: int) -> None:
        digits = f"{int(experiment_id):016x}{number + 1:016x}"
        trace_id = f"tr-{digits}"
        for i in range(ITERATIONS // 3):
            span = {
                "traceId": digits,
                "spanId": f"{i + 1:016x}",
                "name": f"span {number} {i}",
                "startTimeUnixNano": "1",
            }
            sent = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
            ok("POST", "/v1/traces", json=sent, headers={"x-mlflow-experiment-id": experiment_id})
            spans = ok("GET", f"{V3}traces/get", params={"trace_id": trace_id})["trace"]["spans"]
            assert len(spans) == i + 1, (number, i)
            assert found(f"span.name = 'span {number} {i}'") == [trace_id], (number, i)
            ok("PATCH", f"{V3}traces/{trace_id}/tags", json={"key": "t", "value": f"{number} {i}"})
            assert found(f"tags.t = '{number} {i}'") == [trace_id], (number, i)
            said = {"assessment_name": f"good {i}", "trace_id": trace_id, "feedback": {"value": True}}
            ok("POST", f"{V3}traces/{trace_id}/assessments", json={"assessment": said})
            info = ok("GET", f"{V3}traces/{trace_id}")["trace"]["trace_info"]
            assert len(info["assessments"]) == i + 1, (number, i)
        gone = {"experiment_id": experiment_id, "request_ids": [trace_id]}
        assert ok("POST", f"{V3}traces/delete-traces", json=gone) == {"traces_deleted": 1}
        assert found(f"span.name LIKE 'span {number} %'") == []

    in_threads(work)


def test_versions_of_scorers_are_seen_at_once(rest: Rest, experiment_id: str) -> None:
    def work(number: int) -> None:
        named = {"experiment_id": experiment_id, "name": f"scorer {number}"}
        for i in range(1, ITERATIONS // 3):
            kept = {**named, "serialized_scorer": '{"name": "s"}'}
            assert rest.post(f"{V3}scorers/register", kept).json()["version"] == i
            seen = rest.get(f"{V3}scorers/versions", params=named).json()["scorers"]
            assert [one["scorer_version"] for one in seen] == list(range(1, i + 1))
        rest.send("DELETE", f"{V3}scorers/delete", json=named)
        listed = rest.get(f"{V3}scorers/list", params={"experiment_id": experiment_id}).json().get("scorers", [])
        assert named["name"] not in [one["scorer_name"] for one in listed]

    in_threads(work)


def test_logged_models_inputs_and_outputs_are_seen_at_once(client: MlflowClient, experiment_id: str) -> None:
    def work(number: int) -> None:
        run_id = client.create_run(experiment_id).info.run_id
        for i in range(ITERATIONS // 2):
            model = client.create_logged_model(experiment_id, name=f"model-{number}-{i}")
            assert client.get_logged_model(model.model_id).name == f"model-{number}-{i}"
            client.log_metric(run_id, "m", float(i), timestamp=i, model_id=model.model_id)
            assert [metric.value for metric in present(client.get_logged_model(model.model_id).metrics)] == [float(i)]
            client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
            found = client.search_logged_models([experiment_id], f"name = 'model-{number}-{i}' AND status = 2")
            assert [m.model_id for m in found] == [model.model_id]

    in_threads(work)


def test_registered_models_versions_and_aliases_are_seen_at_once(client: MlflowClient) -> None:
    def work(number: int) -> None:
        name = fresh_name(f"seen-{number}")
        client.create_registered_model(name)
        assert [model.name for model in client.search_registered_models(f"name = '{name}'")] == [name]
        for i in range(1, ITERATIONS // 2):
            assert client.create_model_version(name, "s3://bucket/model").version == str(i), number
            client.set_registered_model_alias(name, "newest", str(i))
            assert client.get_model_version_by_alias(name, "newest").version == str(i), number
            client.set_model_version_tag(name, str(i), "i", str(i))
            found = client.search_model_versions(f"name = '{name}' AND tags.i = '{i}'")
            assert [version.version for version in found] == [str(i)], number
        renamed = fresh_name("renamed")
        client.rename_registered_model(name, renamed)
        assert client.get_model_version_by_alias(renamed, "newest").name == renamed
        client.delete_registered_model(renamed)
        assert client.search_model_versions(f"name = '{renamed}'") == []

    in_threads(work)


def test_one_thread_sees_what_another_was_told_is_written(client: MlflowClient, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    with ThreadPoolExecutor(1) as writer:
        for i in range(ITERATIONS * 2):
            writer.submit(client.log_batch, run_id, [Metric("m", float(i), i, i)]).result()
            assert client.get_run(run_id).data.metrics["m"] == float(i)


def test_processes_see_their_own_writes_and_none_of_a_shared_run_is_lost(
    client: MlflowClient, server_url: str, experiment_id: str, run_id: str
) -> None:
    def work(number: int) -> None:
        arguments = (experiment_id, run_id, str(number), str(ITERATIONS))
        assert run_script("write_then_read.py", server_url, *arguments) == []

    in_threads(work, PROCESSES)
    for number in range(PROCESSES):
        history = client.get_metric_history(run_id, f"process {number}")
        assert sorted(m.value for m in history) == [float(i) for i in range(ITERATIONS * 10)]
    latest = float(ITERATIONS * 10 - 1)
    assert client.get_run(run_id).data.metrics == {f"process {n}": latest for n in range(PROCESSES)}


def test_of_many_creates_of_one_name_one_wins(client: MlflowClient) -> None:
    for _ in range(3):
        name = fresh_name("contested")
        winners: list[str] = []
        refusals: list[str] = []

        def work(number: int, name: str = name) -> None:
            try:
                winners.append(client.create_experiment(name))  # noqa: B023 - joined before the next round
            except RestException as refusal:
                refusals.append(refusal.error_code)  # noqa: B023

        in_threads(work, 8)
        assert len(winners) == 1
        assert refusals == ["RESOURCE_ALREADY_EXISTS"] * 7
        found = client.search_experiments(ViewType.ALL, filter_string=f"name = '{name}'")
        assert [experiment.experiment_id for experiment in found] == winners


def test_of_many_values_of_one_param_one_stays_and_its_writers_alone_are_told_so(
    client: MlflowClient, run_id: str
) -> None:
    accepted: list[str] = []
    refusals: list[str] = []

    def work(number: int) -> None:
        try:
            client.log_param(run_id, "contested", number % 4)
            accepted.append(str(number % 4))
        except MlflowException as refusal:
            refusals.append(refusal.error_code)

    in_threads(work, 8)
    stored = client.get_run(run_id).data.params["contested"]
    assert set(accepted) == {stored}
    assert set(refusals) == {"INVALID_PARAMETER_VALUE"}
    assert len(accepted) + len(refusals) == 8


def test_batches_logged_to_one_run_by_many_threads_are_all_kept(client: MlflowClient, run_id: str) -> None:
    def work(number: int) -> None:
        for i in range(ITERATIONS):
            points = [Metric(f"m{j % 5}", float(number), 1000 * i + j, 100 * i + j) for j in range(50)]
            client.log_batch(run_id, metrics=points)

    in_threads(work)
    for key in range(5):
        assert len(client.get_metric_history(run_id, f"m{key}")) == THREADS * ITERATIONS * 10


@pytest.mark.parametrize("writers", [6])
def test_tags_of_one_key_end_with_a_value_that_was_written(client: MlflowClient, run_id: str, writers: int) -> None:
    in_threads(lambda number: client.set_tag(run_id, "contested", number), writers)
    seen = client.get_run(run_id).data.tags["contested"]
    assert seen in {str(number) for number in range(writers)}
    assert client.get_run(run_id).data.tags["contested"] == seen
