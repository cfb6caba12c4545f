"""The page's GraphQL: MLflow's names and shapes over the same rows as REST."""

import threading
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from graphql import DocumentNode

from query_api.graphql import engine as graphql_engine
from query_api.graphql.worker import GraphQLWorker
from query_api.metrics.intervals import MetricIntervals
from schemas.errors import InvalidParameterValue, TemporarilyUnavailable
from schemas.messages.artifacts import ListArtifacts
from tests.unit.query_api.series_rows import NAN, write_series
from tests.unit.query_api.sqlite_rows import SqliteRows

RUN_PAGE = """
query RunPage($wanted: MlflowGetRunInput!) @component(name: "anything") {
  mlflowGetRun(input: $wanted) {
    __typename
    apiError { code message helpUrl }
    run {
      info { runName status runUuid experimentId artifactUri endTime lifecycleStage startTime userId }
      experiment { experimentId name tags { key value } artifactLocation lifecycleStage lastUpdateTime }
      modelVersions { status version name source }
      data { metrics { key value step timestamp } params { key value } tags { key value } }
      inputs { datasetInputs { dataset { digest name profile schema source sourceType } tags { key value } }
               modelInputs { modelId } }
      outputs { modelOutputs { modelId step } }
    }
  }
}
"""


@pytest.fixture
async def rows() -> AsyncIterator[SqliteRows]:
    rows = SqliteRows()
    rows.experiment(1, name="one", creation_time_ms=5, last_update_time_ms=2**53 + 1)
    yield rows
    await rows.close()


@pytest.fixture
def graphql(rows: SqliteRows) -> GraphQLWorker:
    return GraphQLWorker(rows, MetricIntervals())


async def ask(graphql: GraphQLWorker, query: str, variables: Any = None, operation: str | None = None) -> Any:
    return orjson.loads(await graphql.answer(query, variables, operation))


async def test_a_run_has_everything_its_page_asks_for(rows: SqliteRows, graphql: GraphQLWorker) -> None:
    run_number = rows.run("r", metrics={"loss": 0.25}, params={"p": "1"}, tags={"t": "x"}, start_time_ms=2**53 + 1)
    rows.dataset(run_number, "d", "abc", tags={"k": "v"}, schema="{}")
    rows.insert("model_outputs", run_number=run_number, model_id="m-1", step=7)
    answer = await ask(graphql, RUN_PAGE, {"wanted": {"runId": "r"}}, "RunPage")
    assert answer["errors"] is None
    got = answer["data"]["mlflowGetRun"]
    assert got["__typename"] == "MlflowGetRunResponse"
    assert got["apiError"] is None
    run = got["run"]
    assert run["info"] == {
        "runName": "name of r",
        "status": "RUNNING",
        "runUuid": "r",
        "experimentId": "1",
        "artifactUri": "mlflow-artifacts:/1/r/artifacts",
        "endTime": "0",
        "lifecycleStage": "active",
        "startTime": "9007199254740993",
        "userId": "",
    }
    assert run["experiment"]["name"] == "one"
    assert run["experiment"]["lastUpdateTime"] == "9007199254740993"
    assert run["modelVersions"] == []
    assert run["data"]["metrics"] == [{"key": "loss", "value": 0.25, "step": "0", "timestamp": "0"}]
    assert run["data"]["params"] == [{"key": "p", "value": "1"}]
    assert run["inputs"]["datasetInputs"] == [
        {
            "dataset": {
                "digest": "abc",
                "name": "d",
                "profile": "",
                "schema": "{}",
                "source": "here",
                "sourceType": "local",
            },
            "tags": [{"key": "k", "value": "v"}],
        }
    ]
    assert run["inputs"]["modelInputs"] == []
    assert run["outputs"]["modelOutputs"] == [{"modelId": "m-1", "step": "7"}]


async def test_an_experiment_is_asked_for_by_id(graphql: GraphQLWorker) -> None:
    query = (
        "query($i: MlflowGetExperimentInput!) { mlflowGetExperiment(input: $i) { experiment { name creationTime } } }"
    )
    answer = await ask(graphql, query, {"i": {"experimentId": "1"}})
    assert answer["data"] == {"mlflowGetExperiment": {"experiment": {"name": "one", "creationTime": "5"}}}


async def test_nan_is_null_and_steps_are_text(rows: SqliteRows, graphql: GraphQLWorker) -> None:
    write_series(rows, rows.run("r", metrics={"n": NAN}), "loss", [(0, 0, 1.0), (1, 1, NAN)])
    answer = await ask(
        graphql,
        '{ mlflowGetMetricHistoryBulkInterval(input: {runIds: ["r"], metricKey: "loss"})'
        " { metrics { key value step runId } }"
        ' mlflowGetRun(input: {runUuid: "r"}) { run { data { metrics { value } } } } }',
    )
    assert answer["errors"] is None
    assert answer["data"]["mlflowGetMetricHistoryBulkInterval"]["metrics"] == [
        {"key": "loss", "value": 1.0, "step": "0", "runId": "r"},
        {"key": "loss", "value": None, "step": "1", "runId": "r"},
    ]
    assert None in [metric["value"] for metric in answer["data"]["mlflowGetRun"]["run"]["data"]["metrics"]]


async def test_runs_are_searched_and_each_experiment_asked_for_once(rows: SqliteRows, graphql: GraphQLWorker) -> None:
    for number in range(3):
        rows.run(f"r{number}", start_time_ms=number)
    query = """query SearchRuns($data: MlflowSearchRunsInput!) { mlflowSearchRuns(input: $data) {
      nextPageToken runs { info { runUuid } experiment { name } modelVersions { name creationTimestamp } } } }"""
    variables = {"data": {"experimentIds": ["1"], "runViewType": "ALL", "maxResults": 2}}
    rows.statements.clear()
    found = (await ask(graphql, query, variables))["data"]["mlflowSearchRuns"]
    assert [run["info"]["runUuid"] for run in found["runs"]] == ["r2", "r1"]
    assert {run["experiment"]["name"] for run in found["runs"]} == {"one"}
    assert found["nextPageToken"]
    assert sum("WHERE e.experiment_id = ?" in statement for statement in rows.statements) == 1


async def test_searches_are_there_as_mutations_too(rows: SqliteRows, graphql: GraphQLWorker) -> None:
    rows.dataset(rows.run("r"), "d", "abc")
    answer = await ask(
        graphql,
        'mutation { mlflowSearchDatasets(input: {experimentIds: ["1"]}) { datasetSummaries { name context } }'
        ' mlflowSearchRuns(input: {experimentIds: ["1"]}) { runs { info { runId } } } }',
    )
    assert answer["data"]["mlflowSearchDatasets"] == {"datasetSummaries": [{"name": "d", "context": ""}]}
    assert answer["data"]["mlflowSearchRuns"] == {"runs": [{"info": {"runId": "r"}}]}


SEARCH_VERSIONS = """query Versions($wanted: MlflowSearchModelVersionsInput) {
  mlflowSearchModelVersions(input: $wanted) {
    modelVersions { name version creationTimestamp lastUpdatedTimestamp userId currentStage description source runId
                    status statusMessage tags { key value } runLink aliases modelId }
    nextPageToken
  }
}"""


async def test_model_versions_are_searched(rows: SqliteRows, graphql: GraphQLWorker) -> None:
    empty = (await ask(graphql, SEARCH_VERSIONS))["data"]["mlflowSearchModelVersions"]
    assert empty == {"modelVersions": [], "nextPageToken": ""}
    rows.registered_model("m")
    rows.model_version("m", 1, run_id="r", creation_timestamp_ms=2**53 + 1, tags={"k": "v"}, description=None)
    rows.model_version("m", 2, run_id="r", last_updated_timestamp_ms=1)
    wanted = {"filter": "run_id = 'r'", "maxResults": "1", "orderBy": ["version_number"]}
    page = (await ask(graphql, SEARCH_VERSIONS, {"wanted": wanted}))["data"]["mlflowSearchModelVersions"]
    assert page["modelVersions"] == [
        {
            "name": "m",
            "version": "1",
            "creationTimestamp": "9007199254740993",
            "lastUpdatedTimestamp": "0",
            "userId": "",
            "currentStage": "None",
            "description": "",
            "source": "s3://bucket/1",
            "runId": "r",
            "status": "READY",
            "statusMessage": "",
            "tags": [{"key": "k", "value": "v"}],
            "runLink": "",
            "aliases": [],
            "modelId": "",
        }
    ]
    rest = {"wanted": wanted | {"pageToken": page["nextPageToken"]}}
    (second,) = (await ask(graphql, SEARCH_VERSIONS, rest))["data"]["mlflowSearchModelVersions"]["modelVersions"]
    assert second["version"] == "2"


async def test_each_run_has_the_model_versions_that_come_from_it_read_together(
    rows: SqliteRows, graphql: GraphQLWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("query_api.graphql.fields._RUNS_AT_ONCE", 2)
    for number in range(5):
        rows.run(f"r{number}", start_time_ms=number)
    rows.registered_model("m")
    for version, run_id in enumerate(("r0", "r4", "r4", ""), start=1):
        rows.model_version("m", version, run_id=run_id)
    rows.registered_model("p", tags={"mlflow.prompt.is_prompt": "true"})
    rows.model_version("p", 1, run_id="r4")
    query = """{ mlflowSearchRuns(input: {experimentIds: ["1"]}) {
      runs { info { runId } modelVersions { name version status source } } }
      mlflowGetRun(input: {runId: "r0"}) { run { modelVersions { version } } } }"""
    rows.statements.clear()
    answer = await ask(graphql, query)
    assert answer["errors"] is None
    found = {
        run["info"]["runId"]: [f"{one['name']}/{one['version']} {one['status']}" for one in run["modelVersions"]]
        for run in answer["data"]["mlflowSearchRuns"]["runs"]
    }
    assert found == {"r4": ["m/3 READY", "m/2 READY"], "r3": [], "r2": [], "r1": [], "r0": ["m/1 READY"]}
    assert answer["data"]["mlflowGetRun"]["run"]["modelVersions"] == [{"version": "1"}]
    assert sum("model_versions" in statement for statement in rows.statements) <= 4


async def test_artifacts_are_listed_where_the_process_passes_them(rows: SqliteRows) -> None:
    async def list_artifacts(message: ListArtifacts) -> bytes:
        assert (message.run, message.path) == ("r", "a")
        return b'{"root_uri":"u","files":[{"path":"a/b","is_dir":false,"file_size":3},{"path":"a/c","is_dir":true}]}'

    graphql = GraphQLWorker(rows, MetricIntervals(), list_artifacts)
    query = '{ mlflowListArtifacts(input: {runId: "r", path: "a"}) { rootUri files { path isDir fileSize } } }'
    answer = await ask(graphql, query)
    assert answer["data"]["mlflowListArtifacts"] == {
        "rootUri": "u",
        "files": [
            {"path": "a/b", "isDir": False, "fileSize": "3"},
            {"path": "a/c", "isDir": True, "fileSize": "0"},
        ],
    }


@pytest.mark.parametrize(
    ("query", "data"),
    [
        ('{ mlflowGetRun(input: {runId: "nobody"}) { run { info { runId } } } }', {"mlflowGetRun": None}),
        ("{ mlflowGetRun { run { info { runId } } } }", {"mlflowGetRun": None}),
        ('{ mlflowGetExperiment(input: {experimentId: "x"}) { apiError { code } } }', {"mlflowGetExperiment": None}),
        ('{ mlflowGetRun(input: {runId: "r"}) { noSuchField } }', None),
        ('{ mlflowListArtifacts(input: {runId: "r"}) { files { path } } }', {"mlflowListArtifacts": None}),
        ("query A { mlflowGetRun { apiError { code } } } query B { mlflowGetRun { apiError { code } } }", None),
        ("{" + "".join(f"f{n}: mlflowGetRun {{ apiError {{ code }} }} " for n in range(11)) + "}", None),
        ("{ __schema { types { fields " + "{ type { ofType " * 5 + "{ name }" + " } }" * 5 + " } } }", None),
        ("{ mlflowGetRun { apiError {" + " code" * 1000 + " } } }", None),
        ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", None),
        (
            "{ ...A } fragment A on Query { ...B ...B ...B } fragment B on Query "
            + "{ mlflowGetRun { apiError {"
            + " code" * 400
            + " } } }",
            None,
        ),
    ],
)
async def test_what_goes_wrong_is_told_as_text_in_an_answer(graphql: GraphQLWorker, query: str, data: Any) -> None:
    answer = await ask(graphql, query)
    assert answer["data"] == data
    assert answer["errors"]
    assert all(isinstance(error, str) for error in answer["errors"])


@pytest.mark.parametrize("query", ["{ mlflowGetRun(", "", "{" * 5000, "{a " * 9999, "fragment"])
async def test_a_query_that_cannot_be_parsed_is_a_bad_request(graphql: GraphQLWorker, query: str) -> None:
    with pytest.raises(InvalidParameterValue):
        await ask(graphql, query)


async def test_directives_nobody_knows_are_ignored(graphql: GraphQLWorker) -> None:
    query = """query @component(name: "a") @new(flag: true) {
      mlflowGetExperiment(input: {experimentId: "1"}) @other { experiment { name } }
    }"""
    assert (await ask(graphql, query))["errors"] is None


async def test_what_may_be_retried_is_no_part_of_an_answer(
    rows: SqliteRows, graphql: GraphQLWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(*_: object) -> list[Any]:
        raise TemporarilyUnavailable("away")

    monkeypatch.setattr(rows, "fetch", unavailable)
    with pytest.raises(TemporarilyUnavailable):
        await ask(graphql, '{ mlflowGetRun(input: {runId: "r"}) { run { info { runId } } } }')


async def test_a_mistake_of_ours_is_not_told_to_clients(
    rows: SqliteRows, graphql: GraphQLWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> list[Any]:
        raise RuntimeError("secret")

    monkeypatch.setattr(rows, "fetch", broken)
    with pytest.raises(RuntimeError):
        await ask(graphql, '{ mlflowGetRun(input: {runId: "r"}) { run { info { runId } } } }')


async def test_types_can_be_asked_for(graphql: GraphQLWorker) -> None:
    answer = await ask(graphql, '{ __type(name: "MlflowRunStatus") { enumValues { name } } }')
    assert [value["name"] for value in answer["data"]["__type"]["enumValues"]] == [
        "RUNNING",
        "SCHEDULED",
        "FINISHED",
        "FAILED",
        "KILLED",
    ]


async def test_a_query_is_worked_on_outside_the_event_loop(
    graphql: GraphQLWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    parse = graphql_engine._parsed

    def parsed(query: str) -> DocumentNode:
        threads.append(threading.current_thread())
        return parse(query)

    monkeypatch.setattr(graphql_engine, "_parsed", parsed)
    assert await ask(graphql, "{ __typename }") == {"data": {"__typename": "Query"}, "errors": None}
    assert len(threads) == 1
    assert threading.current_thread() not in threads
