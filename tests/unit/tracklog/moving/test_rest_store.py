"""A running MLflow as a store: what is asked, and what is made of answers that are short, double or missing."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import pytest

from tests.unit.tracklog.cli.answering import Said, answering, refusal
from tests.unit.tracklog.moving.imports import records_of
from tracklog.moving import rest_client, rest_histories, rest_store
from tracklog.moving.records import (
    ExperimentRecord,
    IssueRecord,
    LabelSchemaRecord,
    LoggedModelRecord,
    OddityRecord,
    PointsRecord,
    Record,
    RegisteredRecord,
    ReviewQueueRecord,
    RunRecord,
    SizeRecord,
)
from tracklog.moving.rest_client import RestClient
from tracklog.moving.rest_store import RestReader, check_server
from tracklog.moving.stores import Consume, NoStore, Store
from tracklog.settings.tracking_client import SERVER_CERTIFICATE

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


def with_models(path: str, query: Query) -> Answer:
    """A server of 3.x: a run with inputs and outputs, a logged model on two pages, a registered model."""
    match path.removeprefix("api/2.0/mlflow/"):
        case "experiments/search":
            experiment = {
                "experiment_id": "1",
                "name": "iris",
                "creation_time": 3,
                "tags": [{"key": "k", "value": "v"}],
            }
            return 200, {"experiments": [experiment]}
        case "runs/search":
            dataset = {"name": "d", "digest": "1", "source_type": "s3", "source": "s3://x", "schema": "{}"}
            found = run("a")
            inputs = {
                "dataset_inputs": [{"dataset": dataset, "tags": [{"key": "context", "value": "train"}]}],
                "model_inputs": [{"model_id": "m-0"}],
            }
            outputs = {"model_outputs": [{"model_id": "m-1", "step": 4}, {"model_id": "m-2"}]}
            return 200, {"runs": [{**found, "inputs": inputs, "outputs": outputs}]}
        case "logged-models/search":
            metric = {
                "key": "acc",
                "value": 0.5,
                "timestamp": 7,
                "run_id": "a",
                "dataset_name": "d",
                "dataset_digest": "1",
            }
            info = {"model_id": "m-1", "name": "m", "artifact_uri": "s3://m", "status": "LOGGED_MODEL_READY"}
            more = {"status_message": "done", "creation_timestamp_ms": 5, "tags": [{"key": "t", "value": "v"}]}
            data = {"metrics": [metric, {**metric, "value": "much"}], "params": [{"key": "p", "value": "1"}]}
            models = [{"info": {**info, **more}, "data": data}]
            if query.get("page_token"):
                return 200, {"models": [*models, {"info": {"model_id": "m-2", "status": 3}}]}
            return 200, {"models": models, "next_page_token": "2"}
        case "registered-models/search" if "filter" not in query:
            model = {"name": "m", "aliases": [{"alias": "best", "version": "2"}], "tags": [{"key": "t", "value": "v"}]}
            return 200, {"registered_models": [model]}
        case "model-versions/search":
            version = {"version": "2", "source": "models:/m-1", "status": "FAILED_REGISTRATION", "user_id": "ada"}
            return 200, {"model_versions": [{"version": "two"}, version, {"version": "1", "current_stage": "Staging"}]}
        case "model-versions/get-download-uri" if query["version"] == "2":
            return 200, {"artifact_uri": "s3://m"}
        case _:
            return ABSENT


def test_models_inputs_and_outputs_are_read() -> None:
    records, _ = read(with_models)
    [a_run] = [one for one in records if isinstance(one, RunRecord)]
    [dataset] = a_run.datasets
    assert (dataset.name, dataset.schema, dataset.profile, dataset.tags[0].value) == ("d", "{}", None, "train")
    assert (a_run.model_inputs, [(one.model_id, one.step) for one in a_run.outputs]) == (
        ["m-0"],
        [("m-1", 4), ("m-2", 0)],
    )
    first, second = (one for one in records if isinstance(one, LoggedModelRecord))
    assert (first.model_id, first.status, first.creation_time_ms, first.tags[0].key) == ("m-1", 2, 5, "t")
    [(run_id, metric)] = first.metrics
    assert (run_id, metric.key, metric.value, metric.timestamp_ms, metric.dataset_name) == ("a", "acc", 0.5, 7, "d")
    assert (second.model_id, second.status) == ("m-2", 3)
    [registered] = [one for one in records if isinstance(one, RegisteredRecord)]
    assert (registered.aliases, [one.version for one in registered.versions]) == ([("best", 2)], [1, 2])
    assert [(one.stage, one.storage_location) for one in registered.versions] == [("Staging", ""), ("None", "s3://m")]
    told = {(one.kind, one.what) for one in records if isinstance(one, OddityRecord)}
    assert ("logged models", "its status message is not kept: 'done'") in told
    assert ("model versions", "its status is not kept: ('FAILED_REGISTRATION', None)") in told
    assert ("model versions", "who made it is not kept: 'ada'") in told
    assert sizes(records) == {
        "experiments": 1,
        "experiment tags": 1,
        "runs": 1,
        "dataset inputs": 1,
        "tags of dataset inputs": 1,
        "datasets": 1,
        "model inputs": 1,
        "model outputs": 2,
        "logged models": 2,
        "params of logged models": 1,
        "tags of logged models": 1,
        "points of logged models": 1,
        "registered models": 1,
        "tags of registered models": 1,
        "aliases": 1,
        "model versions": 2,
    }


@pytest.mark.parametrize("route", ["runs/search", "logged-models/search", "registered-models/search"])
def test_what_a_server_refuses_to_show_ends_the_reading(route: str) -> None:
    def answer(path: str, query: Query) -> Answer:
        return (403, {"message": "Permission denied"}) if path.endswith(route) else with_models(path, query)

    with pytest.raises(NoStore, match="Permission denied"):
        read(answer)


def test_a_server_that_knows_no_filter_for_prompts_has_none() -> None:
    def answer(path: str, query: Query) -> Answer:
        wrong = path.endswith("registered-models/search") and "filter" in query
        return (400, {"message": "Invalid filter"}) if wrong else with_models(path, query)

    records, _ = read(answer)
    assert len([one for one in records if isinstance(one, RegisteredRecord)]) == 1


def test_a_history_that_cannot_be_read_is_told_of_and_the_others_come() -> None:
    def answer(path: str, query: Query) -> Answer:
        if path.endswith("get-history-bulk"):
            return 403, {"message": "no"}
        if path.endswith("get-history") and query["run_id"] == "a":
            return 404, {"message": "gone"}
        return of_two_runs(path, query)

    records, client = read(answer)
    assert set(points(records)) == {"b"}
    assert any(
        isinstance(one, OddityRecord) and "cannot be read: The server answers 404: gone" in one.what for one in records
    )
    assert client.asked.count("ajax-api/2.0/mlflow/metrics/get-history-bulk") == 1


def test_long_histories_come_in_records_that_are_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_histories, "POINTS_PER_RECORD", 2)

    def answer(path: str, query: Query) -> Answer:
        if path.endswith("runs/search"):
            return 200, {"runs": [run("a", "loss", "acc")]}
        if path.endswith("get-history"):
            return 200, {"metrics": [point("a", step, 0.5) for step in range(3)]}
        return of_two_runs(path, query)

    records, _ = read(answer)
    held = [[(one.key, len(one.step)) for one in each.metrics] for each in records if isinstance(each, PointsRecord)]
    assert held == [[("loss", 2)], [("loss", 1), ("acc", 1)], [("acc", 1), ("acc", 1)]]


def test_issues_label_schemas_and_queues_are_read_of_active_experiments_and_items_are_counted() -> None:
    asked: list[tuple[str, str]] = []

    def answer(path: str, query: Query) -> Answer:
        if path.endswith("experiments/search"):
            ids = {"1": "active", "2": "deleted", "3": "active"}
            found = [{"experiment_id": one, "lifecycle_stage": ids[one], "creation_time": 3} for one in ids]
            return 200, {"experiments": found}
        if not path.startswith("api/3.0/mlflow/"):
            return ABSENT
        asked.append((path.removeprefix("api/3.0/mlflow/"), query.get("experiment_id", "")))
        return ABSENT if query.get("experiment_id") == "3" else (200, REVIEWS[asked[-1][0]])

    records, _ = read(answer)
    routes = ("issues/search", "label-schemas/list", "review-queues/list")
    assert [one for one in asked if one[1]] == [(route, one) for route in routes for one in "13"]
    assert [one for one in records if isinstance(one, IssueRecord | LabelSchemaRecord | ReviewQueueRecord)] == [
        IssueRecord(
            where="issue iss-1",
            issue_id="iss-1",
            experiment_key="1",
            name="slow",
            description="d",
            status="pending",
            severity="low",
            root_causes=["a"],
            categories=[],
            source_run_id=None,
            created_by=None,
            creation_time_ms=5,
            last_update_time_ms=6,
        ),
        LabelSchemaRecord(
            where="label schema ls-1",
            schema_id="ls-1",
            experiment_key="1",
            name="good?",
            type="FEEDBACK",
            input='{"text": {}}',
            instruction="look",
            enable_comment=False,
            is_default=True,
            creation_time_ms=5,
            last_update_time_ms=6,
        ),
        ReviewQueueRecord(
            where="review queue rq-1",
            queue_id="rq-1",
            experiment_key="1",
            name="Mine",
            queue_type="CUSTOM",
            users=["ann"],
            schema_ids=["ls-1"],
            created_by="ann",
            creation_time_ms=5,
            last_update_time_ms=6,
        ),
    ]
    counted = {"issues": 1, "label schemas": 1, "review queues": 1, "items of review queues": 2}
    assert sizes(records) == {"experiments": 3, **counted}
    told = {one.kind: one.what for one in records if isinstance(one, OddityRecord)}
    assert told["items of review queues"] == "left: they are traces, which are not read of a server"
    assert told["label schemas"] == "who made it is not kept: 'ann'"


REVIEWS: Final[Mapping[str, Mapping[str, Any]]] = {
    "issues/search": {
        "issues": [
            {
                "issue_id": "iss-1",
                "experiment_id": "1",
                "name": "slow",
                "description": "d",
                "status": "pending",
                "severity": "low",
                "root_causes": ["a"],
                "created_timestamp": 5,
                "last_updated_timestamp": 6,
            }
        ]
    },
    "label-schemas/list": {
        "label_schemas": [
            {
                "schema_id": "ls-1",
                "experiment_id": "1",
                "name": "good?",
                "type": "FEEDBACK",
                "is_default": True,
                "input": {"text": {}},
                "instruction": "look",
                "created_at": 5,
                "last_updated_at": 6,
                "created_by": "ann",
            }
        ]
    },
    "review-queues/list": {
        "review_queues": [
            {
                "queue_id": "rq-1",
                "experiment_id": "1",
                "name": "Mine",
                "queue_type": "CUSTOM",
                "users": ["ann"],
                "schema_ids": ["ls-1"],
                "created_by": "ann",
                "creation_time_ms": 5,
                "last_update_time_ms": 6,
            }
        ]
    },
    "review-queues/items/list": {"items": [{"item_id": "tr-1"}, {"item_id": "tr-2"}]},
}


def test_a_server_that_fails_at_reviews_ends_the_import() -> None:
    def answer(path: str, query: Query) -> Answer:
        return (403, {"message": "no"}) if path.startswith("api/3.0") else of_two_runs(path, query)

    with pytest.raises(NoStore, match="answers 403"):
        read(answer)


# --- asking over HTTP -------------------------------------------------------------------------------------------------


def test_a_server_is_asked_over_one_connection_with_the_credentials_of_its_address() -> None:
    with answering({"GET mlflow/x": {"n": 1}, "POST mlflow/y": {"n": 2}}) as server:
        client = RestClient(server.url.replace("http://", "http://ann:p%40ss@") + "/mlflow/", {})
        try:
            assert (client.get("x", {"a": ["1", "2"]}), client.post("y", {"b": "ü"})) == ({"n": 1}, {"n": 2})
            assert client.post_json("y", b'{"c":3}') == {"n": 2}
        finally:
            client.close()
        first, second, third = server.asked
        assert (first.query["a"], first.headers["authorization"]) == (["1", "2"], "Basic YW5uOnBAc3M=")
        assert (second.body, third.body, third.headers["content-type"]) == ({"b": "ü"}, {"c": 3}, "application/json")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Said(b"<html>", 200), "answers 200: <html>"),
        (Said(b"", 404), "answers 404: no JSON"),
        (Said(b"[]", 200), r"answers 200: \[\]"),
        (refusal(403, "Permission denied"), "answers 403: Permission denied"),
    ],
)
def test_what_is_no_answer_is_refused(answer: Said, said: str) -> None:
    with answering({"GET x": answer}) as server:
        client = RestClient(server.url, {})
        with pytest.raises(NoStore, match=said):
            client.get("x", {})
        client.close()


def test_an_answer_that_is_too_large_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_client, "MOST_ANSWER_BYTES", 10)
    with answering({"GET x": Said(b'{"n": 12345678}')}) as server:
        client = RestClient(server.url, {})
        with pytest.raises(NoStore, match="An answer to x is larger than 10 bytes"):
            client.get("x", {"a": 1})
        client.close()


def test_an_address_has_a_host_and_a_certificate_can_be_read() -> None:
    with pytest.raises(NoStore, match="must look like"):
        RestClient("http://", {})
    with pytest.raises(NoStore, match="certificate"):
        RestClient("https://localhost", {SERVER_CERTIFICATE: "/nowhere"})
    assert RestClient("http://[::1]:5000/", {}).url == "http://[::1]:5000"


def test_what_answers_as_mlflow_does_is_a_store() -> None:
    mlflow = "api/2.0/mlflow"
    with answering({f"POST {mlflow}/experiments/search": {"experiments": []}}) as server:
        store = check_server(server.url)
        found = records_of(store)
        assert [one.kind for one in found if isinstance(one, OddityRecord)] == ["traces"]
    with answering({f"GET {mlflow}/experiments/list": {}}) as old:
        assert str(check_server(old.url)) == old.url
    with answering({}) as other, pytest.raises(NoStore, match="answers 404"):
        check_server(other.url)
    with (
        answering({f"POST {mlflow}/experiments/search": refusal(401, "Who?")}) as shut,
        pytest.raises(NoStore, match="Who"),
    ):
        check_server(shut.url)
