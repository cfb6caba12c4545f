"""The read routes over HTTP: what is asked, how it is checked, in which shape it is answered."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from event_log.memory_event_log import MemoryEventLog
from query_api.freshness import Freshness
from query_api.routes import query_routes
from schemas.envelope import Actor, EventData
from schemas.errors import TracklogError
from schemas.events import RunDeleted
from schemas.rest.request_keys import BEHIND
from schemas.rest.route import Handler, Kind, Permission, Route
from tests.memory_progress import MemoryProgress
from tests.unit.query_api.series_rows import NAN, write_series
from tests.unit.query_api.sqlite_rows import SqliteRows

Client = TestClient[web.Request, web.Application]

V2 = "/api/2.0/mlflow"
AJAX = "/ajax-api/2.0/mlflow"


@web.middleware
async def front(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The least a server does around a handler."""
    try:
        response = await handler(request)
    except TracklogError as error:
        return web.json_response({"error_code": error.error_code}, status=error.status)
    if BEHIND in request:
        response.headers["X-Tracklog-Behind"] = request[BEHIND]
    return response


NO_DELIVERIES: Any = None
NO_HISTORY: Any = object()
"""For routes that are about something else."""


@pytest.fixture
def rows() -> SqliteRows:
    rows = SqliteRows()
    rows.experiment(1, name="one")
    rows.experiment(2, name="two", lifecycle_stage="deleted")
    return rows


@pytest.fixture
def log() -> MemoryEventLog:
    return MemoryEventLog()


@pytest.fixture
def routes(rows: SqliteRows, log: MemoryEventLog) -> tuple[Route, ...]:
    return query_routes(rows, Freshness(log, MemoryProgress()), log, NO_HISTORY, NO_DELIVERIES)


@pytest.fixture
async def client(routes: tuple[Route, ...]) -> AsyncIterator[Client]:
    async with served(routes) as client:
        yield client


@asynccontextmanager
async def served(routes: tuple[Route, ...]) -> AsyncIterator[Client]:
    app = web.Application(middlewares=[front])
    for route in routes:
        for prefix in route.prefixes:
            app.router.add_route(route.method, prefix + route.path, route.handler)
    async with TestClient(TestServer(app)) as client:
        yield client


async def body(answer: ClientResponse) -> Any:
    assert answer.status == 200, await answer.text()
    assert answer.content_type == "application/json"
    return orjson.loads(await answer.read())


async def refusal(answer: ClientResponse) -> tuple[int, str]:
    return answer.status, (await answer.json())["error_code"]


def test_every_read_of_the_tracking_api_is_there(routes: tuple[Route, ...]) -> None:
    assert {f"{route.method} {prefix}{route.path}" for route in routes for prefix in route.prefixes} == {
        *(
            f"{method} {prefix}/mlflow/{path}"
            for prefix in ("/api/2.0", "/ajax-api/2.0")
            for method, path in (
                ("GET", "experiments/get"),
                ("GET", "experiments/get-by-name"),
                ("GET", "experiments/search"),
                ("POST", "experiments/search"),
                ("GET", "runs/get"),
                ("POST", "runs/search"),
                ("GET", "metrics/get-history"),
                ("GET", "metrics/get-history-bulk-interval"),
                ("GET", "logged-models/{model_id}"),
                ("POST", "logged-models/search"),
                ("GET", "registered-models/get"),
                ("GET", "registered-models/search"),
                ("GET", "registered-models/alias"),
                ("GET", "registered-models/get-latest-versions"),
                ("POST", "registered-models/get-latest-versions"),
                ("GET", "model-versions/get"),
                ("GET", "model-versions/search"),
                ("GET", "model-versions/get-download-uri"),
                ("GET", "webhooks"),
                ("GET", "webhooks/{webhook_id}"),
                ("GET", "traces"),
                ("GET", "traces/{request_id}/info"),
            )
        ),
        *(
            f"{method} {prefix}/mlflow/{path}"
            for prefix in ("/api/3.0", "/ajax-api/3.0")
            for method, path in (
                ("GET", "traces/get"),
                ("GET", "traces/batchGet"),
                ("POST", "traces/batchGetInfos"),
                ("GET", "traces/{trace_id}"),
                ("GET", "traces/{trace_id}/assessments/{assessment_id}"),
                ("POST", "traces/search"),
                ("POST", "traces/metrics"),
                ("POST", "traces/calculate-filter-correlation"),
                ("POST", "datasets/search"),
                ("GET", "datasets/search"),
                ("GET", "datasets/{dataset_id}"),
                ("GET", "datasets/{dataset_id}/experiment-ids"),
                ("GET", "datasets/{dataset_id}/records"),
                ("GET", "scorers/get"),
                ("GET", "scorers/versions"),
                ("GET", "scorers/list"),
                ("GET", "scorers/online-configs"),
                ("GET", "label-schemas/list"),
                ("GET", "label-schemas/get"),
                ("GET", "label-schemas/get-by-name"),
                ("GET", "issues/{issue_id}"),
                ("POST", "issues/search"),
                ("GET", "review-queues/get"),
                ("GET", "review-queues/get-by-name"),
                ("GET", "review-queues/list"),
                ("GET", "review-queues/items/list"),
            )
        ),
        "POST /ajax-api/2.0/mlflow/experiments/search-datasets",
        "GET /ajax-api/2.0/mlflow/metrics/get-history-bulk",
        "GET /api/3.0/mlflow/server-info",
        "GET /ajax-api/3.0/mlflow/server-info",
        "GET /api/tracklog/v1/events",
        "POST /api/tracklog/v1/frames/{table}",
        "GET /api/tracklog/v1/history",
        "GET /api/tracklog/v1/history/stream",
        "GET /history",
        "GET /history/event",
        "GET /history/static/{name}",
        "GET /api/tracklog/v1/webhooks",
        "GET /api/tracklog/v1/webhooks/{webhook_id}",
        "GET /api/tracklog/v1/webhooks/{webhook_id}/deliveries",
        "GET /api/tracklog/v1/webhooks/{webhook_id}/deliveries/{delivery_id}",
        "POST /graphql",
        "GET /graphql",
        "GET /health",
        "GET /version",
    }


def test_a_traceback_names_what_each_handler_is_for(routes: tuple[Route, ...]) -> None:
    names = {route.path: getattr(route.handler, "__name__", "") for route in routes}
    assert "handle" not in names.values()
    assert names["/mlflow/runs/get"] == "handle_GetRun"
    assert names["/mlflow/metrics/get-history"] == "handle_GetMetricHistory"


def test_only_what_the_server_says_of_itself_is_public(routes: tuple[Route, ...]) -> None:
    public = {route.path for route in routes if route.permission is Permission.PUBLIC}
    assert public == {"/health", "/version", "/mlflow/server-info", "/history/static/{name}"}
    assert {route.path for route in routes if route.kind is Kind.OPERATION} == public - {"/history/static/{name}"}
    assert {route.path for route in routes if route.permission is Permission.ADMIN} == {
        "/events",
        *(route.path for route in routes if "webhooks" in route.path),
    }


async def test_the_server_says_that_it_lives_and_which_mlflow_it_is(client: Client) -> None:
    health, version = await client.get("/health"), await client.get("/version")
    assert (health.status, await health.text()) == (200, "OK")
    assert (version.status, version.content_type, await version.text()) == (200, "text/html", "3.17.2")
    info = await body(await client.get("/ajax-api/3.0/mlflow/server-info"))
    assert info["store_type"] == "SqlStore"
    assert info["multipart_uploads_enabled"] is False


async def test_an_experiment_is_got_by_id_however_spelled_and_by_name_also_deleted(client: Client) -> None:
    for spelled in ("1", " 1 ", "01"):
        got = await body(await client.get(f"{V2}/experiments/get", params={"experiment_id": spelled}))
        assert got["experiment"]["name"] == "one"
    got = await body(await client.get(f"{V2}/experiments/get-by-name", params={"experiment_name": "two"}))
    assert got["experiment"]["lifecycle_stage"] == "deleted"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{V2}/experiments/get?experiment_id=9", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{V2}/experiments/get?experiment_id={10**30}", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{V2}/experiments/get?experiment_id=-1", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{V2}/experiments/get?experiment_id=x", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/experiments/get", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/experiments/get-by-name?experiment_name=nine", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{V2}/experiments/get-by-name?experiment_name=", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/experiments/search", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/runs/get?run_id=nobody", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{V2}/runs/get", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/metrics/get-history?run_id=r", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/metrics/get-history?metric_key=k", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/metrics/get-history?run_id=r&metric_key=k&max_results=0", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/metrics/get-history?run_id=r&metric_key=k&max_results=x", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/metrics/get-history?run_id=r&metric_key=k&page_token=x", (400, "INVALID_PARAMETER_VALUE")),
        (f"{AJAX}/metrics/get-history-bulk?metric_key=k", (400, "INVALID_PARAMETER_VALUE")),
        (f"{AJAX}/metrics/get-history-bulk?run_id=r", (400, "INVALID_PARAMETER_VALUE")),
        (f"{AJAX}/metrics/get-history-bulk?run_id=r&metric_key=k&max_results=-1", (400, "INVALID_PARAMETER_VALUE")),
        (f"{AJAX}/metrics/get-history-bulk?metric_key=k{'&run_id=r' * 101}", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/logged-models/m-nobody", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{V2}/registered-models/get?name=nobody", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{V2}/registered-models/get?name=a/b", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/registered-models/get?name=+", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/registered-models/get", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/registered-models/alias?name=nobody&alias=a", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{V2}/registered-models/alias?name=nobody&alias=latest", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{V2}/registered-models/alias?name=new&alias=latest", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{V2}/registered-models/alias?name=new&alias=v1", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/registered-models/alias?name=a:b&alias=a", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/registered-models/alias?name=m&alias=n@champion", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/registered-models/alias?name=m", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/registered-models/get-latest-versions?name=nobody&stages=x", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{V2}/registered-models/get-latest-versions?name=new&stages=x", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/registered-models/get-latest-versions?name=..", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/model-versions/get?name=new&version=1", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{V2}/model-versions/get?name=new&version=-1", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{V2}/model-versions/get?name=new&version={10**30}", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{V2}/model-versions/get?name=new&version=1.0", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/model-versions/get?name=new", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/model-versions/get?version=1", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/model-versions/get-download-uri?name=new&version=1", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{V2}/model-versions/get-download-uri?name=new", (400, "INVALID_PARAMETER_VALUE")),
        (f"{V2}/model-versions/get-download-uri?version=1", (400, "INVALID_PARAMETER_VALUE")),
        ("/graphql", (400, "BAD_REQUEST")),
        ("/api/tracklog/v1/events?limit=0", (400, "INVALID_PARAMETER_VALUE")),
        ("/api/tracklog/v1/events?since=soon", (400, "INVALID_PARAMETER_VALUE")),
    ],
)
async def test_a_wrong_question_is_refused(
    client: Client, rows: SqliteRows, path: str, expected: tuple[int, str]
) -> None:
    rows.registered_model("new")
    rows.registered_model("m@n")
    rows.model_version("m@n", 1, aliases=["champion"])
    assert await refusal(await client.get(path)) == expected


@pytest.mark.parametrize(
    "query",
    [
        "metric_key=k",
        "run_ids=r",
        f"metric_key=k{'&run_ids=r' * 101}",
        "run_ids=r&metric_key=k&max_results=0",
        "run_ids=r&metric_key=k&max_results=2501",
        "run_ids=r&metric_key=k&start_step=1",
        "run_ids=r&metric_key=k&end_step=1",
        "run_ids=r&metric_key=k&start_step=2&end_step=1",
    ],
)
async def test_a_wrong_interval_is_refused(client: Client, query: str) -> None:
    answer = await client.get(f"{V2}/metrics/get-history-bulk-interval?{query}")
    assert await refusal(answer) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("name", ["run_id", "run_uuid"])
async def test_a_run_is_got_by_either_name_of_its_id(client: Client, rows: SqliteRows, name: str) -> None:
    rows.run("r", metrics={"loss": 0.1})
    run = (await body(await client.get(f"{V2}/runs/get", params={name: "r"})))["run"]
    assert run["info"]["run_id"] == run["info"]["run_uuid"] == "r"
    assert run["data"]["metrics"] == [{"key": "loss", "value": 0.1, "timestamp": 0, "step": 0}]


async def test_runs_experiments_datasets_and_models_are_searched(client: Client, rows: SqliteRows) -> None:
    rows.dataset(rows.run("r"), "d", "abc")
    rows.logged_model("m-1")
    of_one = {"experiment_ids": ["1"]}
    runs = await body(await client.post(f"{V2}/runs/search", json=of_one))
    assert [run["info"]["run_id"] for run in runs["runs"]] == ["r"]
    datasets = await body(await client.post(f"{AJAX}/experiments/search-datasets", json=of_one))
    assert datasets["dataset_summaries"][0]["name"] == "d"
    models = await body(await client.post(f"{V2}/logged-models/search", json=of_one))
    assert [model["info"]["model_id"] for model in models["models"]] == ["m-1"]
    assert (await body(await client.get(f"{V2}/logged-models/m-1")))["model"] == models["models"][0]
    for found in (
        await client.get(f"{V2}/experiments/search", params={"max_results": "5"}),
        await client.post(f"{V2}/experiments/search", json={"max_results": 5}),
    ):
        assert [experiment["name"] for experiment in (await body(found))["experiments"]] == ["one"]


async def test_a_version_is_got_by_its_number_however_spelled_and_by_its_aliases(
    client: Client, rows: SqliteRows
) -> None:
    rows.registered_model("m")
    for version in (1, 2, 3):
        rows.model_version("m", version, aliases=["champion", "best"] if version == 2 else [])
    wanted = await body(await client.get(f"{V2}/model-versions/get", params={"name": "m", "version": "2"}))
    assert wanted["model_version"]["aliases"] == ["best", "champion"]
    for spelled in (" 2 ", "02"):
        got = await client.get(f"{AJAX}/model-versions/get", params={"name": "m", "version": spelled})
        assert await body(got) == wanted
    for alias in ("champion", "best"):
        got = await client.get(f"{V2}/registered-models/alias", params={"name": "m", "alias": alias})
        assert await body(got) == wanted
    for alias in ("latest", "LATEST"):
        got = await client.get(f"{V2}/registered-models/alias", params={"name": "m", "alias": alias})
        assert (await body(got))["model_version"]["version"] == "3"
    uri = await client.get(f"{V2}/model-versions/get-download-uri", params={"name": "m", "version": "2"})
    assert await body(uri) == {"artifact_uri": "s3://bucket/2"}


async def test_the_latest_versions_are_those_of_the_stages_that_are_asked_for(client: Client, rows: SqliteRows) -> None:
    rows.registered_model("m")
    for version, stage in enumerate(("Production", "None", "Staging", "Production"), start=1):
        rows.model_version("m", version, current_stage=stage)
    path = f"{V2}/registered-models/get-latest-versions"
    for stages, found in (
        ([], ["4", "2", "3"]),
        (["staging", "PRODUCTION"], ["4", "3"]),
        (["Staging", "Staging"], ["3"]),
        (["Archived"], []),
    ):
        answers = [
            await body(await client.post(path, json={"name": "m", "stages": stages})),
            await body(await client.get(path, params=[("name", "m"), *(("stages", stage) for stage in stages)])),
        ]
        assert answers[0] == answers[1]
        assert [one["version"] for one in answers[0].get("model_versions", [])] == found


async def test_a_version_that_is_deleted_while_the_latest_is_looked_for_is_not_missed(
    client: Client, rows: SqliteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.registered_model("m")
    rows.model_version("m", 1)
    rows.model_version("m", 2)
    document = rows.document

    async def deleted_before(*wanted: Any) -> bytes | None:
        rows.connection.execute("DELETE FROM model_versions WHERE version = 2")
        return await document(*wanted)

    monkeypatch.setattr(rows, "document", deleted_before)
    got = await client.get(f"{V2}/registered-models/alias", params={"name": "m", "alias": "latest"})
    assert (await body(got))["model_version"]["version"] == "1"


async def test_a_history_of_any_length_is_the_same_json(client: Client, rows: SqliteRows) -> None:
    write_series(rows, rows.run("short"), "k", [(0, 1, 0.5), (1, 2, NAN)])
    write_series(rows, rows.run("long"), "k", [(step, step, step / 7) for step in range(20_000)])
    short = await client.get(f"{V2}/metrics/get-history", params={"run_uuid": "short", "metric_key": "k"})
    assert short.headers["Content-Length"]
    assert (await body(short))["metrics"] == [
        {"key": "k", "value": 0.5, "timestamp": 1, "step": 0},
        {"key": "k", "value": "NaN", "timestamp": 2, "step": 1},
    ]
    long = await client.get(f"{V2}/metrics/get-history", params={"run_id": "long", "metric_key": "k"})
    assert long.headers["Transfer-Encoding"] == "chunked"
    metrics = (await body(long))["metrics"]
    assert [metric["value"] for metric in metrics] == [step / 7 for step in range(20_000)]
    nobody = await client.get(f"{V2}/metrics/get-history", params={"run_id": "nobody", "metric_key": "k"})
    assert await body(nobody) == {}


async def test_a_client_that_leaves_in_the_middle_of_a_history_is_no_error(
    client: Client, rows: SqliteRows, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(rows, rows.run("r"), "k", [(step, step, step / 7) for step in range(60_000)])
    monkeypatch.setattr("query_api.metrics.routes.MAX_STREAMS", 1)
    path, wanted = f"{V2}/metrics/get-history", {"run_id": "r", "metric_key": "k"}
    answer = await client.get(path, params=wanted)
    await answer.content.read(10)
    answer.close()
    while (await client.get(path, params=wanted)).status == 429:  # until the first has ended
        pass
    assert (await client.get("/health")).status == 200
    assert not caplog.records


@pytest.mark.slow
async def test_more_long_histories_than_the_bound_are_refused_and_short_ones_are_not(
    client: Client, rows: SqliteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(rows, rows.run("long"), "k", [(step, step, step / 7) for step in range(200_000)])
    write_series(rows, rows.run("short"), "k", [(0, 0, 0.5)])
    monkeypatch.setattr("query_api.metrics.routes.MAX_STREAMS", 1)
    path = f"{V2}/metrics/get-history?metric_key=k&run_id="
    first = await client.get(path + "long")
    assert await refusal(await client.get(path + "long")) == (429, "REQUEST_LIMIT_EXCEEDED")
    assert len((await body(await client.get(path + "short")))["metrics"]) == 1
    assert len((await body(first))["metrics"]) == 200_000
    assert len((await body(await client.get(path + "long")))["metrics"]) == 200_000


async def test_intervals_come_run_by_run_as_asked(client: Client, rows: SqliteRows) -> None:
    for run_id in ("a", "b"):
        write_series(rows, rows.run(run_id), "k", [(step, step, float(step)) for step in range(10)])
    query = "run_ids=b&run_ids=nobody&run_ids=a&metric_key=k&max_results=3"
    found = await body(await client.get(f"{AJAX}/metrics/get-history-bulk-interval?{query}"))
    assert [(metric["run_id"], metric["step"]) for metric in found["metrics"]] == [
        *(("b", step) for step in (0, 4, 9)),
        *(("a", step) for step in (0, 4, 9)),
    ]
    within = await body(
        await client.get(f"{AJAX}/metrics/get-history-bulk-interval?run_ids=a&metric_key=k&start_step=2&end_step=3")
    )
    assert [metric["step"] for metric in within["metrics"]] == [2, 3]
    nothing = await client.get(f"{AJAX}/metrics/get-history-bulk-interval?run_ids=nobody&metric_key=k")
    assert await body(nothing) == {}


async def test_bulk_histories_are_whole_up_to_their_limit(client: Client, rows: SqliteRows) -> None:
    for run_id in ("b", "a"):
        write_series(rows, rows.run(run_id), "k", [(step, step, 0.5) for step in range(3)])
    found = await body(await client.get(f"{AJAX}/metrics/get-history-bulk?run_id=b&run_id=a&metric_key=k"))
    assert [(metric["run_id"], metric["step"]) for metric in found["metrics"]] == [
        *(("a", step) for step in range(3)),
        *(("b", step) for step in range(3)),
    ]


@pytest.mark.parametrize(
    ("sent", "content_type"),
    [
        (b"{}", "application/json"),
        (b"[]", "application/json"),
        (b'{"query":"{ mlflowGetRun("}', "application/json"),
        (b'{"query":"{ __typename }","variables":"x"}', "application/json"),
        (b'{"query":"{ __typename }"}', "text/plain"),
        (b"", "application/json"),
        (b'{"query":"\xff"}', "application/json"),
        (b"[" * 50_000, "application/json"),
    ],
)
async def test_what_is_no_graphql_is_refused(client: Client, sent: bytes, content_type: str) -> None:
    answer = await client.post("/graphql", data=sent, headers={"Content-Type": content_type})
    assert await refusal(answer) == (400, "INVALID_PARAMETER_VALUE")


async def test_graphql_answers_as_json(client: Client) -> None:
    query = {"query": '{ mlflowGetExperiment(input: {experimentId: "1"}) { experiment { name } } }'}
    answer = await body(await client.post("/graphql", json=query))
    assert answer == {"data": {"mlflowGetExperiment": {"experiment": {"name": "one"}}}, "errors": None}


async def test_events_are_answered_with_a_cursor(client: Client, log: MemoryEventLog) -> None:
    await log.append([EventData(bytes(16), "run/r", 1, Actor("ada"), "q", RunDeleted(run_id="r"))])
    first = await body(await client.get("/api/tracklog/v1/events", params={"stream": "run/r", "actor": "ada"}))
    assert [event["data"] for event in first["events"]] == [{"run_id": "r"}]
    rest = await client.get("/api/tracklog/v1/events", params={"cursor": first["next_cursor"]})
    assert (await body(rest))["events"] == []


async def test_an_answer_that_could_not_wait_says_how_far_it_is(client: Client, log: MemoryEventLog) -> None:
    await log.append([EventData(bytes(16), "run/r", 1, Actor("ada"), "q", RunDeleted(run_id="r"))])
    answer = await client.get(f"{V2}/experiments/get", params={"experiment_id": "1"})
    assert answer.status == 200
    assert answer.headers["X-Tracklog-Behind"] == "0:0/1"
    assert "X-Tracklog-Behind" not in (await client.get("/health")).headers


class Asked(Freshness):
    """Remembers what was waited for."""

    def __init__(self) -> None:
        super().__init__(MemoryEventLog(), MemoryProgress())
        self.concerns: list[list[str] | None] = []

    async def caught_up(self, ordering_units: Iterable[str] | None = None) -> str | None:
        self.concerns.append(None if ordering_units is None else list(ordering_units))
        return None


@pytest.mark.parametrize(
    ("path", "units"),
    [
        ("runs/get?run_id=r", ["run/r", "experiments"]),
        ("experiments/get?experiment_id=1", ["experiments"]),
        ("experiments/get-by-name?experiment_name=one", ["experiments"]),
        ("metrics/get-history?run_uuid=r&metric_key=k", ["run/r"]),
        ("metrics/get-history-bulk-interval?run_ids=r&run_ids=s&metric_key=k", ["run/r", "run/s"]),
        ("registered-models/get?name=m", ["registered-models"]),
        ("registered-models/search?filter=name='m'", ["registered-models"]),
        ("model-versions/search?filter=name='m'", ["registered-models"]),
        ("registered-models/alias?name=m&alias=a", ["registered-models"]),
        ("registered-models/get-latest-versions?name=m", ["registered-models"]),
        ("model-versions/get?name=m&version=1", ["registered-models"]),
        ("model-versions/get-download-uri?name=m&version=1", ["registered-models"]),
        ("experiments/search?max_results=1", None),
        ("logged-models/m", None),  # runs report its metrics
    ],
)
async def test_a_read_waits_for_what_can_change_its_answer(
    rows: SqliteRows, log: MemoryEventLog, path: str, units: list[str] | None
) -> None:
    asked = Asked()
    async with served(query_routes(rows, asked, log, NO_HISTORY, NO_DELIVERIES)) as client:
        await client.get(f"{V2}/{path}")
    assert asked.concerns == [units]
