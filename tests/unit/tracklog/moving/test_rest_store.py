"""A running MLflow as a store: what is asked, and what is made of answers that are short, double or missing."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import pytest

from tests.unit.tracklog.moving.imports import records_of
from tracklog.moving import rest_histories, rest_store
from tracklog.moving.records import (
    ExperimentRecord,
    OddityRecord,
    PointsRecord,
    Record,
    RegisteredRecord,
    RunRecord,
    SizeRecord,
)
from tracklog.moving.rest_client import RestClient
from tracklog.moving.rest_store import RestReader
from tracklog.moving.stores import Consume, NoStore, Store

Answer = tuple[int, Mapping[str, Any]]
Query = dict[str, Any]

ABSENT: Final[Answer] = (404, {"message": "no such route"})


class Served(RestClient):
    """Answers by `answer`, from path and query, instead of a server."""

    def __init__(self, answer: Callable[[str, Query], Answer | Exception]) -> None:
        self.pauses: list[float] = []
        self.asked: list[str] = []
        super().__init__("http://ann:secret@old.example.com/mlflow", {}, self.pauses.append)
        self._answer = answer

    def _once(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        path, _, query = path.partition("?")
        self.asked.append(path)
        found = self._answer(path, dict(parse_qsl(query)) if body is None else json.loads(body))
        if isinstance(found, Exception):
            raise found
        return found[0], json.dumps(found[1]).encode()


class ServedStore(Store):
    def __init__(self, client: RestClient) -> None:
        self.client = client

    def read(self, consume: Consume) -> None:
        consume(RestReader(self.client).records())


def read(answer: Callable[[str, Query], Answer | Exception]) -> tuple[list[Record], Served]:
    client = Served(answer)
    return records_of(ServedStore(client)), client


def run(run_id: str, *keys: str) -> dict[str, Any]:
    info = {"run_id": run_id, "experiment_id": "1", "status": "RUNNING", "start_time": 5, "lifecycle_stage": "active"}
    return {"info": info, "data": {"metrics": [{"key": key, "value": 0.5} for key in keys]}}


def of_two_runs(path: str, query: Query) -> Answer:
    """Two runs on two pages, of which the second repeats one: the server got a run in between."""
    match path.removeprefix("api/2.0/mlflow/"):
        case "experiments/search":
            return 200, {"experiments": [{"experiment_id": "1", "name": "iris", "creation_time": 3}]}
        case "runs/search":
            pages = {"": [run("a", "loss"), run("b", "loss")], "2": [run("b", "loss"), run("c")]}
            token = query.get("page_token", "")
            return 200, {"runs": pages[token], **({} if token else {"next_page_token": "2"})}
        case "ajax-api/2.0/mlflow/metrics/get-history-bulk":
            return 200, {"metrics": [point("a", 1, float("nan")), point("b", 1, 0.25), point("b", 2, 0.125)]}
        case "metrics/get-history":
            first = not query.get("page_token")
            found = [point(query["run_id"], 1 if first else 2, 1.7976931348623157e308)]
            return 200, {"metrics": found, **({"next_page_token": "t"} if first else {})}
        case _:
            return ABSENT


def point(run_id: str, step: int, value: float) -> dict[str, Any]:
    return {"run_id": run_id, "key": "loss", "value": value, "timestamp": 7, "step": step}


def points(records: list[Record]) -> dict[str, list[tuple[Any, int]]]:
    return {
        one.run_id: [pair for series in one.metrics for pair in zip(series.value, series.step, strict=True)]
        for one in records
        if isinstance(one, PointsRecord)
    }


def sizes(records: list[Record]) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in records:
        if isinstance(one, SizeRecord):
            found[one.kind] += one.number
    return +found


def test_histories_of_a_page_of_runs_are_asked_for_together() -> None:
    records, client = read(of_two_runs)
    assert [one.run_id for one in records if isinstance(one, RunRecord)] == ["a", "b", "c"]
    assert points(records) == {"a": [("NaN", 1)], "b": [(0.25, 1), (0.125, 2)]}
    assert sizes(records) == {"experiments": 1, "runs": 3, "metric points": 3}
    assert "api/2.0/mlflow/metrics/get-history" not in client.asked


@pytest.mark.parametrize("reason", ["full", "absent"])
def test_a_bulk_answer_that_may_lack_points_is_asked_for_run_by_run(
    reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest_histories, "MOST_BULK_POINTS", 3)

    def answer(path: str, query: Query) -> Answer:
        return ABSENT if reason == "absent" and "bulk" in path else of_two_runs(path, query)

    records, _ = read(answer)
    assert points(records) == {run_id: [("Infinity", 1), ("Infinity", 2)] for run_id in "ab"}


def test_a_server_of_1_x_has_a_list_of_experiments_and_no_time_of_them() -> None:
    def answer(path: str, query: Query) -> Answer:
        if path.endswith("experiments/search"):
            return ABSENT
        if path.endswith("experiments/list"):
            return 200, {"experiments": [{"experiment_id": "1", "name": "iris", "lifecycle_stage": "deleted"}]}
        return of_two_runs(path, query)

    records, _ = read(answer)
    [experiment] = [one for one in records if isinstance(one, ExperimentRecord)]
    assert (experiment.deleted, experiment.creation_time_ms) == (True, 5)


def test_prompts_are_asked_for_and_names_are_quoted() -> None:
    filters: list[str] = []

    def answer(path: str, query: Query) -> Answer:
        if path.endswith("registered-models/search"):
            name = "it's" if query.get("filter") else """both ' and \""""
            return 200, {"registered_models": [{"name": name, "creation_timestamp": 1}]}
        if path.endswith("model-versions/search"):
            filters.append(query["filter"])
            return 200, {"model_versions": [{"version": "2", "source": "s3://b", "current_stage": "None"}]}
        return of_two_runs(path, query)

    records, _ = read(answer)
    both, prompt = (one for one in records if isinstance(one, RegisteredRecord))
    assert (both.versions, [one.version for one in prompt.versions]) == ([], [2])
    assert filters == ["""name = "it's" AND tags.`mlflow.prompt.is_prompt` = 'true'"""]
    assert any(isinstance(one, OddityRecord) and "both quotes" in one.what for one in records)


def test_an_experiment_that_goes_meanwhile_is_told_of() -> None:
    records, _ = read(lambda path, query: ABSENT if path.endswith("runs/search") else of_two_runs(path, query))
    assert any(isinstance(one, OddityRecord) and "it is gone by now" in one.what for one in records)


def test_a_server_that_is_away_for_a_while_is_asked_again() -> None:
    failures: list[Answer | Exception] = [(503, {}), ConnectionResetError("gone"), (429, {})]

    def answer(path: str, query: Query) -> Answer | Exception:
        return failures.pop() if failures else of_two_runs(path, query)

    records, client = read(answer)
    assert sizes(records)["runs"] == 3
    assert client.pauses == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("answered", [(403, {"message": "Permission denied"}), ConnectionRefusedError("refused")])
def test_a_server_that_refuses_or_stays_away_ends_the_reading(answered: Answer | Exception) -> None:
    def answer(_path: str, _query: Query) -> Answer | Exception:
        return answered

    with pytest.raises(NoStore, match=r"Permission denied|cannot be reached"):
        read(answer)


def test_the_address_is_shown_without_the_password() -> None:
    assert str(rest_store.RestStore("http://ann:secret@old.example.com:5000/mlflow/")) == (
        "http://old.example.com:5000/mlflow"
    )
