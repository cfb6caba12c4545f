"""A frame holds what the routes of MLflow answer, of many runs at once."""

import math
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pyarrow
import pytest
from aiohttp import ClientPayloadError, web
from aiohttp.test_utils import TestClient, TestServer

from event_log.memory_event_log import MemoryEventLog
from query_api.frames import metric_history as history_frame
from query_api.frames import routes, selection
from query_api.frames.routes import frame, stream
from query_api.metrics.history import history_json
from query_api.runs.search.search import search_runs
from query_api.seen import seen_by
from read_model.metric_points import POINTS_PER_CHUNK
from schemas.errors import InvalidParameterValue, NotImplementedYet, TemporarilyUnavailable
from schemas.messages.frames import GetFrame
from schemas.messages.runs import SearchRuns
from schemas.sight import Scope, Sight
from tests.unit.query_api.series_rows import write_series
from tests.unit.query_api.sqlite_rows import SqliteRows

NAN = float("nan")


async def table_of(read_model: Any, table: str, **wanted: Any) -> pyarrow.Table:
    """What a reader makes of the stream."""
    schema, batches = await frame(read_model, GetFrame(table=table, **wanted), MemoryEventLog(), {})
    pieces = [piece async for piece in stream(schema, batches)]
    return pyarrow.ipc.open_stream(b"".join(pieces)).read_all()


@pytest.fixture
def filled(rows: SqliteRows) -> SqliteRows:
    """Two experiments of runs with and without everything."""
    rows.experiment(2)
    for number in range(7):
        rows.run(
            f"r{number}",
            experiment_id=1 + number % 2,
            start_time_ms=number // 3,
            end_time_ms=5 if number == 3 else None,
            params={"lr": f"0.{number}", "ü": "ö"} if number != 4 else {},
            tags={"team": "a"} if number % 3 else {},
            metrics={"loss": NAN if number == 2 else number / 7, f"only {number % 2}": 1.0},
        )
    return rows


@pytest.mark.slow
async def test_the_frame_of_runs_is_what_a_search_answers(filled: SqliteRows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "PAGE_RUNS", 2)
    table = await table_of(filled, "runs", experiment_ids=["1", "2"], filter="metrics.loss >= 0")
    found = [
        orjson.loads(await search_runs(filled, SearchRuns(experiment_ids=[one], filter="metrics.loss >= 0")))["runs"]
        for one in ("1", "2")
    ]
    assert [without_missing(row) for row in table.to_pylist()] == [of_document(run) for of in found for run in of]
    assert table.schema.field("start_time").type == pyarrow.timestamp("ms", tz="UTC")
    assert {"params.ü", "metrics.only 1", "tags.team"} < set(table.column_names)


def without_missing(row: dict[str, Any]) -> dict[str, Any]:
    times = {name: round(row[name].timestamp() * 1000) for name in ("start_time", "end_time") if row[name]}
    return {name: value for name, value in {**row, **times}.items() if value is not None}


def of_document(run: dict[str, Any]) -> dict[str, Any]:
    info = {name: value for name, value in run["info"].items() if name != "run_uuid"}
    return info | {
        f"{kind}.{one['key']}": one["value"]
        for kind in ("params", "metrics", "tags")
        for one in run["data"].get(kind, [])
    }


async def test_a_long_frame_has_a_row_for_each_value(filled: SqliteRows) -> None:
    params = await table_of(filled, "params", experiment_ids=["2"], keys=["lr"])
    assert params.to_pylist() == [
        {"run_id": run_id, "key": "lr", "value": value}
        for run_id, value in (("r3", "0.3"), ("r5", "0.5"), ("r1", "0.1"))
    ]
    metrics = (await table_of(filled, "metrics", run_ids=["r2"])).to_pylist()
    assert [(row["key"], math.isnan(row["value"])) for row in metrics] == [("loss", True), ("only 0", False)]
    assert (await table_of(filled, "tags", run_ids=["r0"])).num_rows == 0


async def test_values_that_do_not_fit_into_one_read_come_in_several(
    rows: SqliteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("query_api.sqlite.read_model.MAX_PAGE_BYTES", 3000)
    monkeypatch.setattr("query_api.postgresql.read_model.MAX_PAGE_BYTES", 3000)
    expected = set()
    for number in range(5):
        params = {f"p{index}": str(index) * 500 for index in range(9 if number == 2 else 2)}
        rows.run(f"r{number}", params=params)
        expected |= {(f"r{number}", key, value) for key, value in params.items()}
    long = await table_of(rows, "params", experiment_ids=["1"])
    assert [tuple(row.values()) for row in long.to_pylist()] == sorted(expected)
    wide = await table_of(rows, "runs", experiment_ids=["1"])
    assert expected == {
        (row["run_id"], name.removeprefix("params."), value)
        for row in wide.to_pylist()
        for name, value in row.items()
        if name.startswith("params.") and value is not None
    }


async def test_the_history_of_metrics_is_what_its_route_answers(
    rows: SqliteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_frame, "SHORT_POINTS", 2 * POINTS_PER_CHUNK)
    monkeypatch.setattr(history_frame, "_SERIES_AT_ONCE", 2)
    for run, many in (("a", 1), ("b", 700), ("c", 3 * POINTS_PER_CHUNK)):
        number = rows.run(run)
        in_time = [(step, step, step / 3) for step in range(many)]
        write_series(rows, number, "in time", in_time)
        write_series(rows, number, "twice, and back", [*reversed(in_time), *in_time, (1, 1, NAN), (1, 1, NAN)])
        write_series(rows, number, "other", in_time[:20])
    keys = ["in time", "twice, and back"]
    table = await table_of(rows, "metric-history", experiment_ids=["1"], keys=keys)
    found: dict[tuple[str, str], list[Any]] = {}
    for row in table.to_pylist():
        point = (round(row["timestamp"].timestamp() * 1000), row["step"], str(row["value"]))
        found.setdefault((row["run_id"], row["key"]), []).append(point)
    assert found == {(run, key): await points_of(rows, run, key) for run in "abc" for key in keys}
    assert table.to_pandas().shape == (table.num_rows, 5)


async def points_of(rows: SqliteRows, run: str, key: str) -> list[Any]:
    answer = b"".join([piece async for piece in history_json(rows, run, key)])
    return [
        (one["timestamp"], one["step"], "nan" if one["value"] == "NaN" else str(float(one["value"])))
        for one in orjson.loads(answer)["metrics"]
    ]


async def test_a_frame_has_only_what_may_be_seen(filled: SqliteRows) -> None:
    nothing = seen_by(filled, Sight(1, (1,), {"experiment": Scope.GRANTED}))
    for table in routes.TABLES:
        assert (await table_of(nothing, table, experiment_ids=["1", "2"])).num_rows == 0
        assert (await table_of(nothing, table, run_ids=["r1"])).num_rows == 0


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"table": "run", "experiment_ids": ["1"]}, "There are the tables runs, run-infos, params"),
        ({"table": "runs"}, "experiment_ids or run_ids must be given"),
        ({"table": "runs", "experiment_ids": ["1"], "as_of": "2d"}, "serves everything that reads"),
        ({"table": "runs", "experiment_ids": ["1"], "keys": ["lr"]}, "keys of runs are params"),
        ({"table": "runs", "experiment_ids": ["1"], "filter": "metrics.a ~ 1"}, "filter"),
    ],
)
async def test_a_frame_that_cannot_be_is_refused(rows: SqliteRows, wanted: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidParameterValue, match=told):
        await frame(rows, GetFrame(**wanted), MemoryEventLog(), {})


async def test_columns_without_end_are_refused(filled: SqliteRows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("query_api.frames.runs.MAX_FRAME_KEYS", 5)
    assert (await table_of(filled, "runs", experiment_ids=["1"])).num_columns == 9 + 5
    with pytest.raises(InvalidParameterValue, match="more than 5 params"):
        await frame(filled, GetFrame(table="runs", experiment_ids=["1", "2"]), MemoryEventLog(), {})


async def test_without_the_library_it_says_how_to_have_it(rows: SqliteRows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(NotImplementedYet, match=r"pip install 'tracklog\[frames\]'"):
        await frame(rows, GetFrame(table="runs", experiment_ids=["1"]), MemoryEventLog(), {})


async def test_a_frame_that_breaks_off_is_an_error_to_its_reader() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"
        yield b"c"
        raise TemporarilyUnavailable("The read model is away.")

    async def handle(request: web.Request) -> web.StreamResponse:
        return await routes._sent(request, pieces())

    app = web.Application()
    app.router.add_get("/", handle)
    async with TestClient(TestServer(app)) as client:
        with pytest.raises(ClientPayloadError):
            await (await client.get("/")).read()
