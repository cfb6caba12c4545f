"""The history of a metric: MLflow's order, each point once, page by page, piece by piece."""

import math
import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from query_api.metrics.history import bulk_history_json, history_json
from query_api.metrics.history_order import in_order
from query_api.metrics.stored_series import find_series
from read_model.metric_points import POINTS_PER_CHUNK
from schemas.errors import InvalidParameterValue, TemporarilyUnavailable
from tests.examples import examples
from tests.unit.query_api.conftest import MakeRows
from tests.unit.query_api.series_rows import NAN, Point, write_series
from tests.unit.query_api.sqlite_rows import SqliteRows

LARGEST = 1.7976931348623157e308


RowsWith = Callable[[Sequence[Point]], SqliteRows]


@pytest.fixture
def rows_with(make_rows: MakeRows) -> RowsWith:
    """A read model with the history of metric `loss` of run `r`."""

    def rows_with(points: Sequence[Point]) -> SqliteRows:
        rows = make_rows()
        write_series(rows, rows.run("r"), "loss", points)
        return rows

    return rows_with


async def body(pieces: AsyncIterator[bytes]) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(b"".join([piece async for piece in pieces]))
    return document


def expected(points: Sequence[Point]) -> list[dict[str, Any]]:
    """What MLflow answers for these points."""
    identities = {
        (timestamp_ms, step, 0.0 if math.isnan(value) else value, math.isnan(value))
        for step, timestamp_ms, value in points
    }
    return [
        {"key": "loss", "value": "NaN" if is_nan else value, "timestamp": timestamp_ms, "step": step}
        for timestamp_ms, step, value, is_nan in sorted(identities)
    ]


async def test_points_come_by_timestamp_then_step_then_value(rows_with: RowsWith) -> None:
    rows = rows_with([(2, 5, 0.1), (1, 5, 0.3), (1, 5, 0.2), (9, 4, 7.0)])
    answered = (await body(history_json(rows, "r", "loss")))["metrics"]
    assert [(m["timestamp"], m["step"], m["value"]) for m in answered] == [
        (4, 9, 7.0),
        (5, 1, 0.2),
        (5, 1, 0.3),
        (5, 2, 0.1),
    ]


async def test_an_exact_repeat_is_answered_once_and_anything_else_is_another_point(rows_with: RowsWith) -> None:
    points = [(0, 0, 1.0), (0, 0, 1.0), (0, 0, NAN), (0, 0, NAN), (0, 0, 0.0), (1, 0, 1.0), (0, 1, 1.0)]
    assert (await body(history_json(rows_with(points), "r", "loss")))["metrics"] == expected(points)
    assert len(expected(points)) == 5


@pytest.mark.parametrize("point", [(3, 7, 0.1), (-3, 7, NAN), (0, 0, LARGEST), (0, 0, -LARGEST)])
async def test_a_single_point_is_its_latest_value(rows_with: RowsWith, point: Point) -> None:
    assert (await body(history_json(rows_with([point]), "r", "loss"))) == {"metrics": expected([point])}


@pytest.mark.parametrize("count", [2, POINTS_PER_CHUNK - 1, POINTS_PER_CHUNK, POINTS_PER_CHUNK + 1, 3000])
async def test_a_history_is_whole_whether_or_not_its_last_chunk_is_full(rows_with: RowsWith, count: int) -> None:
    points = [(step, 1000 + step, step / 7) for step in range(count)]
    assert (await body(history_json(rows_with(points), "r", "loss")))["metrics"] == expected(points)


async def test_an_unknown_run_or_metric_has_no_history(rows_with: RowsWith) -> None:
    rows = rows_with([(0, 0, 0.0)])
    assert await body(history_json(rows, "r", "accuracy")) == {}
    assert await body(history_json(rows, "unknown", "loss")) == {}
    assert await body(history_json(rows, "unknown", "loss", max_results=5)) == {}


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(2, 1700),
    clock=st.sampled_from([3, 400, 10**9]),
    memory=st.sampled_from([20, 600, 10**6]),
)
async def test_any_history_is_in_order_and_without_repeats_however_little_memory_there_is(
    rows_with: RowsWith, seed: int, count: int, clock: int, memory: int
) -> None:
    chance = random.Random(seed)
    points = [
        (chance.randint(-2, 3), chance.randrange(clock), chance.choice([0.0, 1.5, -1.0, NAN])) for _ in range(count)
    ]
    rows = rows_with(points)
    series = await find_series(rows, "r", "loss")
    assert series is not None
    found = [
        {"key": "loss", "value": "NaN" if math.isnan(value) else value, "timestamp": timestamp_ms, "step": step}
        async for piece in in_order(rows, series, max_waiting_points=memory)
        for timestamp_ms, step, value in zip(*piece, strict=True)
    ]
    assert found == expected(points)


async def test_points_that_find_no_room_to_wait_are_read_again(rows_with: RowsWith) -> None:
    chance = random.Random(1)
    rows = rows_with([(step, chance.randrange(10**9), 0.5) for step in range(4 * POINTS_PER_CHUNK)])
    series = await find_series(rows, "r", "loss")
    assert series is not None
    pieces = [piece async for piece in in_order(rows, series, max_waiting_points=200)]
    assert sum(len(piece.steps) for piece in pieces) == 4 * POINTS_PER_CHUNK
    assert max(len(piece.steps) for piece in pieces) <= 200 + POINTS_PER_CHUNK
    assert sum("data FROM metric_chunks" in statement for statement in rows.statements) >= 4


async def test_a_history_whose_chunks_only_touch_in_time_needs_no_second_reading(rows_with: RowsWith) -> None:
    points = [(0, step // 100, step / 7) for step in range(10 * POINTS_PER_CHUNK)]
    rows = rows_with(points)
    assert (await body(history_json(rows, "r", "loss")))["metrics"] == expected(points)
    assert sum("data FROM metric_chunks" in statement for statement in rows.statements) == 1


@pytest.mark.slow
async def test_the_first_piece_of_a_long_history_needs_few_of_its_chunks(rows_with: RowsWith) -> None:
    rows = rows_with([(step, step, 0.5) for step in range(200 * POINTS_PER_CHUNK)])
    pieces = history_json(rows, "r", "loss")
    first = await anext(pieces)
    assert len(first) < 300_000
    assert sum("data FROM metric_chunks" in statement for statement in rows.statements) == 1
    rest = [piece async for piece in pieces]
    assert max(map(len, rest)) < 300_000
    assert len(orjson.loads(first + b"".join(rest))["metrics"]) == 200 * POINTS_PER_CHUNK


@pytest.mark.parametrize("page", [1, 7, POINTS_PER_CHUNK, 1100, 1200, 5000])
async def test_pages_together_are_the_whole_history(rows_with: RowsWith, page: int) -> None:
    chance = random.Random(page)
    points = [
        (step, chance.randrange(600), chance.choice([NAN, 0.0, 1.0])) for step in range(60 if page < 10 else 1200)
    ]
    rows = rows_with(points)
    found: list[Any] = []
    token = ""
    while True:
        answer = await body(history_json(rows, "r", "loss", max_results=page, page_token=token))
        found += answer["metrics"]
        token = answer.get("next_page_token", "")
        if not token:
            break
        assert len(answer["metrics"]) == page
    assert found == expected(points)


async def test_a_page_that_takes_the_last_point_has_no_token(rows_with: RowsWith) -> None:
    rows = rows_with([(step, step, 0.0) for step in range(10)])
    assert "next_page_token" not in await body(history_json(rows, "r", "loss", max_results=10))
    assert "next_page_token" in await body(history_json(rows, "r", "loss", max_results=9))


async def test_a_token_without_max_results_leads_to_all_the_rest(rows_with: RowsWith) -> None:
    rows = rows_with([(step, step, 0.0) for step in range(1000)])
    token = (await body(history_json(rows, "r", "loss", max_results=3)))["next_page_token"]
    rest = await body(history_json(rows, "r", "loss", page_token=token))
    assert [metric["step"] for metric in rest["metrics"]] == list(range(3, 1000))


async def test_points_logged_between_two_pages_shift_nothing(rows_with: RowsWith) -> None:
    rows = rows_with([(step, 10 * step, 0.0) for step in range(10)])
    token = (await body(history_json(rows, "r", "loss", max_results=5)))["next_page_token"]
    rows.connection.execute("DELETE FROM metric_tails")
    rows.connection.execute("DELETE FROM latest_metrics")
    write_series(rows, 1, "loss", [(99, 1, 0.0), *((step, 10 * step, 0.0) for step in range(11))])
    rest = await body(history_json(rows, "r", "loss", max_results=50, page_token=token))
    assert [metric["step"] for metric in rest["metrics"]] == [5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize("max_results", [0, -1])
async def test_max_results_must_be_positive(rows_with: RowsWith, max_results: int) -> None:
    with pytest.raises(InvalidParameterValue):
        await body(history_json(rows_with([(0, 0, 0.0)]), "r", "loss", max_results=max_results))


@pytest.mark.parametrize("token", ["x", "????", "W10=", "eyJvZmZzZXQiOiAzfQ==", "WzEsMiwibmFuIixmYWxzZV0=", "é"])
async def test_a_token_of_no_page_is_refused(rows_with: RowsWith, token: str) -> None:
    with pytest.raises(InvalidParameterValue):
        await body(history_json(rows_with([(0, 0, 0.0)]), "r", "loss", page_token=token))


async def test_a_chunk_that_is_not_there_is_no_shorter_history(rows_with: RowsWith) -> None:
    rows = rows_with([(step, step, 0.0) for step in range(3 * POINTS_PER_CHUNK)])
    rows.connection.execute("DELETE FROM metric_chunks WHERE chunk_number = 1")
    with pytest.raises(TemporarilyUnavailable):
        await body(history_json(rows, "r", "loss"))


async def test_a_bulk_history_counts_the_points_of_all_runs_together(make_rows: MakeRows) -> None:
    rows = make_rows()
    for run_id in ("b", "a", "c"):
        write_series(rows, rows.run(run_id), "loss", [(step, step, 0.5) for step in range(10)])
    answer = await body(bulk_history_json(rows, ["b", "unknown", "a"], "loss", 14))
    assert [(metric["run_id"], metric["step"]) for metric in answer["metrics"]] == [
        *(("a", step) for step in range(10)),
        *(("b", step) for step in range(4)),
    ]
    assert await body(bulk_history_json(rows, ["a"], "loss", 0)) == {"metrics": []}
