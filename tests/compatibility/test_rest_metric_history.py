"""Metric history over plain HTTP: pages, the bulk routes of the page, and their sampling."""

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

from tests.compatibility.conftest import fresh_name
from tests.compatibility.rest import Rest, assert_error

BULK = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
INTERVAL = "metrics/get-history-bulk-interval"


@pytest.fixture(scope="module")
def run_ids(client: MlflowClient) -> list[str]:
    """Two runs with metric m: ten points at steps 0 to 9, and three at steps -5, 0 and 100."""
    experiment_id = client.create_experiment(fresh_name("history"))
    runs = [client.create_run(experiment_id).info.run_id for _ in range(2)]
    client.log_batch(runs[0], metrics=[Metric("m", s * 10.0, 1000 + s, s) for s in range(10)])
    client.log_batch(runs[1], metrics=[Metric("m", 1.0, 1, -5), Metric("m", 2.0, 2, 0), Metric("m", 3.0, 3, 100)])
    return runs


def test_history_comes_whole_without_a_size(rest: Rest, run_ids: list[str]) -> None:
    answer = rest.get("metrics/get-history", {"run_id": run_ids[0], "metric_key": "m"}).json()
    assert answer == {"metrics": [{"key": "m", "value": s * 10.0, "timestamp": 1000 + s, "step": s} for s in range(10)]}


def test_history_may_name_the_run_by_its_older_name(rest: Rest, run_ids: list[str]) -> None:
    answer = rest.get("metrics/get-history", {"run_uuid": run_ids[1], "metric_key": "m"}).json()
    assert [metric["step"] for metric in answer["metrics"]] == [-5, 0, 100]


@pytest.mark.parametrize("size", [1, 3, 5, 9, 10, 11])
def test_history_pages_joined_are_the_whole(rest: Rest, run_ids: list[str], size: int) -> None:
    steps: list[int] = []
    query: dict[str, object] = {"run_id": run_ids[0], "metric_key": "m", "max_results": size}
    pages = 0
    while True:
        page = rest.get("metrics/get-history", query).json()
        steps += [metric["step"] for metric in page["metrics"]]
        pages += 1
        if "next_page_token" not in page:
            break
        query["page_token"] = page["next_page_token"]
    assert steps == list(range(10))
    assert pages == -(-10 // size)


@pytest.mark.parametrize("query", [{"run_id": "0" * 32, "metric_key": "m"}, {"metric_key": "never"}])
def test_history_of_something_unknown_is_empty(rest: Rest, run_ids: list[str], query: dict[str, str]) -> None:
    answer = rest.get("metrics/get-history", {"run_id": run_ids[0], **query})
    assert (answer.status_code, answer.json()) == (200, {})


@pytest.mark.parametrize(
    "change", [{"max_results": 0}, {"max_results": -1}, {"metric_key": ""}, {"run_id": ""}], ids=str
)
def test_history_requests_are_checked(rest: Rest, run_ids: list[str], change: dict[str, object]) -> None:
    answer = rest.get("metrics/get-history", {"run_id": run_ids[0], "metric_key": "m", **change})
    assert_error(answer, 400, "INVALID_PARAMETER_VALUE")


def interval_steps(rest: Rest, runs: list[str], **query: int) -> list[tuple[int, int]]:
    """Ask for sampled history and return (index of the run, step)."""
    answer = rest.get(INTERVAL, {"run_ids": runs, "metric_key": "m", **query})
    assert answer.status_code == 200, answer.text
    return [(runs.index(metric["run_id"]), metric["step"]) for metric in answer.json().get("metrics", [])]


@pytest.mark.parametrize(
    ("size", "steps"), [(1, [9]), (3, [0, 4, 9]), (10, list(range(10))), (11, list(range(10))), (2500, list(range(10)))]
)
def test_the_interval_route_samples_evenly_and_keeps_the_end(
    rest: Rest, run_ids: list[str], size: int, steps: list[int]
) -> None:
    assert [step for _, step in interval_steps(rest, run_ids[:1], max_results=size)] == steps


def test_the_interval_route_answers_runs_as_asked_with_all_fields(rest: Rest, run_ids: list[str]) -> None:
    backwards = run_ids[::-1]
    assert interval_steps(rest, backwards) == [(0, -5), (0, 0), (0, 100), *((1, s) for s in range(10))]
    answer = rest.get(INTERVAL, {"run_ids": run_ids[1:], "metric_key": "m"}).json()
    assert answer["metrics"][0] == {"key": "m", "value": 1.0, "timestamp": 1, "step": -5, "run_id": run_ids[1]}


def test_the_interval_route_keeps_to_its_steps(rest: Rest, run_ids: list[str]) -> None:
    assert interval_steps(rest, run_ids, start_step=0, end_step=2) == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert interval_steps(rest, run_ids, start_step=-5, end_step=-1) == [(1, -5)]
    assert interval_steps(rest, run_ids, start_step=50, end_step=60) == []
    assert interval_steps(rest, run_ids, start_step=3, end_step=3) == [(0, 3)]


@pytest.mark.parametrize(
    "change",
    [
        {"run_ids": []},
        {"run_ids": ["0" * 32] * 101},
        {"metric_key": ""},
        {"max_results": 0},
        {"max_results": 2501},
        {"start_step": 1},
        {"end_step": 1},
        {"start_step": 2, "end_step": 1},
    ],
    ids=lambda change: ",".join(change),
)
def test_interval_requests_are_checked(rest: Rest, run_ids: list[str], change: dict[str, object]) -> None:
    answer = rest.get(INTERVAL, {"run_ids": run_ids, "metric_key": "m", **change})
    assert_error(answer, 400, "INVALID_PARAMETER_VALUE")


def test_the_interval_route_knows_nothing_of_unknown_runs(rest: Rest) -> None:
    assert rest.get(INTERVAL, {"run_ids": ["0" * 32], "metric_key": "m"}).json() == {}


def test_the_older_bulk_route_answers_runs_together(rest: Rest, run_ids: list[str]) -> None:
    answer = rest.get(BULK, {"run_id": run_ids, "metric_key": "m"}).json()
    by_run = {run_id: [m["step"] for m in answer["metrics"] if m["run_id"] == run_id] for run_id in run_ids}
    assert by_run == {run_ids[0]: list(range(10)), run_ids[1]: [-5, 0, 100]}
    assert len(rest.get(BULK, {"run_id": run_ids, "metric_key": "m", "max_results": 4}).json()["metrics"]) == 4
    assert_error(rest.get(BULK, {"metric_key": "m"}), 400, "INVALID_PARAMETER_VALUE")
