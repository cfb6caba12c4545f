"""A chart's points: MLflow's buckets, and the extremes always among them."""

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from query_api.metrics.sampled_ranks import bucket_ranks, with_extremes
from query_api.metrics.sampling import EXACT_POINTS, StepRange, sample
from query_api.metrics.stored_series import find_series
from read_model.metric_points import POINTS_PER_CHUNK
from tests.examples import examples
from tests.unit.query_api.series_rows import NAN, Point, write_series
from tests.unit.query_api.sqlite_rows import SqliteRows

LARGE = EXACT_POINTS + 3 * POINTS_PER_CHUNK + 77
"""More than are put in order as a whole."""


def rows_with(points: Sequence[Point]) -> SqliteRows:
    rows = SqliteRows()
    write_series(rows, rows.run("r"), "loss", points)
    return rows


async def sampled(points: Sequence[Point], max_results: int, steps: StepRange | None = None) -> list[Point]:
    rows = rows_with(points)
    series = await find_series(rows, "r", "loss")
    assert series is not None
    return await sample(rows, series, max_results, steps)


def chosen(points: Sequence[Point], max_results: int) -> list[Point]:
    """The rule, word for word, on points without NaN or repeats."""
    ordered = sorted(points)
    if len(ordered) <= max_results:
        return ordered
    values = [value for _, _, value in ordered]
    extremes = [values.index(min(values)), values.index(max(values))]
    ranks = bucket_ranks(len(ordered), max_results)
    return [ordered[rank] for rank in (with_extremes(ranks, extremes) if max_results >= 4 else ranks)]


@pytest.mark.parametrize(
    ("max_results", "steps"),
    [(1, [9]), (2, [0, 9]), (3, [0, 4, 9]), (4, [0, 3, 6, 9]), (9, [0, 2, 3, 4, 5, 6, 7, 8, 9]), (10, list(range(10)))],
)
async def test_rising_values_are_sampled_as_mlflow_does(max_results: int, steps: list[int]) -> None:
    points = [(step, 100 + step, float(step)) for step in range(10)]
    assert [step for step, _, _ in await sampled(points, max_results)] == steps


@pytest.mark.parametrize("count", [5, 2500, LARGE])
async def test_no_more_points_than_wanted_are_all_answered(count: int) -> None:
    points = [(step, step, 0.5) for step in range(count)]
    assert await sampled(points, count) == points


async def test_extremes_are_kept_where_buckets_miss_them() -> None:
    points = [(step, step, 0.0) for step in range(100)]
    points[41] = (41, 41, 9.0)
    points[77] = (77, 77, -9.0)
    taken = await sampled(points, 10)
    assert (41, 41, 9.0) in taken
    assert (77, 77, -9.0) in taken
    assert len(taken) == 10
    assert taken[0] == points[0]
    assert taken[-1] == points[-1]


@pytest.mark.parametrize(("low", "high"), [(1, 2), (98, 97), (44, 45), (45, 44), (1, 98), (0, 99), (99, 98), (1, 0)])
@pytest.mark.parametrize("max_results", [4, 5, 10, 99])
async def test_extremes_are_kept_wherever_they_lie(low: int, high: int, max_results: int) -> None:
    points = [(step, step, 0.0) for step in range(100)]
    points[low] = (low, low, -1.0)
    points[high] = (high, high, 1.0)
    taken = await sampled(points, max_results)
    assert {points[0], points[low], points[high], points[99]} <= set(taken)
    assert len(taken) == max_results
    assert taken == sorted(taken)


async def test_fewer_than_four_points_are_mlflows_three() -> None:
    points = [(step, step, 0.0) for step in range(10)]
    points[5] = (5, 5, 9.0)
    assert [step for step, _, _ in await sampled(points, 3)] == [0, 4, 9]


async def test_nan_is_a_point_but_no_extreme() -> None:
    points = [(step, step, NAN if step % 2 else 1.0) for step in range(100)]
    points[50] = (50, 50, 0.5)
    taken = await sampled(points, 4)
    assert (50, 50, 0.5) in taken
    assert math.isnan(taken[-1][2])
    assert len(await sampled([(step, step, NAN) for step in range(LARGE)], 7)) == 7


async def test_a_repeated_point_is_answered_once() -> None:
    assert await sampled([(0, 0, 1.0), (0, 0, 1.0), (1, 0, NAN), (1, 0, NAN)], 3) == [
        (0, 0, 1.0),
        pytest.approx((1, 0, NAN), nan_ok=True),
    ]
    twice = [(step, step, float(step)) for step in range(LARGE)]
    taken = await sampled([*twice, *twice], 100)
    assert len(set(taken)) == len(taken) <= 100


@settings(max_examples=examples(20))
@given(seed=st.integers(0, 10**6), count=st.integers(1, LARGE), max_results=st.integers(1, 400))
async def test_a_history_in_order_is_sampled_exactly(seed: int, count: int, max_results: int) -> None:
    chance = random.Random(seed)
    step = 0
    points: list[Point] = []
    for _ in range(count):
        step += chance.randint(1, 3)
        points.append((step, 10 * step, chance.uniform(-1, 1)))
    assert await sampled(points, max_results) == chosen(points, max_results)


@settings(max_examples=examples(20))
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(2, LARGE),
    max_results=st.integers(4, 400),
    disorder=st.sampled_from([1, 300, 10**6]),
)
async def test_any_history_is_sampled_within_bounds_and_with_its_extremes(
    seed: int, count: int, max_results: int, disorder: int
) -> None:
    chance = random.Random(seed)
    points = [
        (index + chance.randrange(disorder), chance.randrange(99), chance.uniform(-1, 1)) for index in range(count)
    ]
    taken = await sampled(points, max_results)
    assert len(taken) <= max_results
    assert taken == sorted(set(taken))
    assert set(taken) <= set(points)
    values = [value for _, _, value in points]
    assert {min(values), max(values)} <= {value for _, _, value in taken}
    assert taken[0] == min(points)
    assert taken[-1] == max(points)


@pytest.mark.parametrize("count", [100, LARGE])
@pytest.mark.parametrize(("start", "end"), [(10, 60), (-5, 3), (90, 10**6), (4090, 4700), (33, 33), (10**6, 10**7)])
async def test_only_points_of_the_wanted_steps_are_sampled(count: int, start: int, end: int) -> None:
    points = [(step, step, math.sin(step)) for step in range(count)]
    wanted = [point for point in points if start <= point[0] <= end]
    assert await sampled(points, 20, StepRange(start, end)) == chosen(wanted, 20)


@pytest.mark.slow
async def test_a_long_history_is_sampled_from_few_of_its_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_with([(step, step, math.sin(step)) for step in range(300 * POINTS_PER_CHUNK)])
    series = await find_series(rows, "r", "loss")
    assert series is not None
    read: list[int] = []
    fetch = rows.fetch

    async def counted(sql: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        found = await fetch(sql, parameters)
        read.append(len(found))
        return found

    monkeypatch.setattr(rows, "fetch", counted)
    assert len(await sample(rows, series, 20)) == 20
    assert sum(read) <= 22


async def test_more_overlapping_chunks_than_are_merged_are_sampled_all_the_same() -> None:
    chance = random.Random(1)
    points = [(chance.randrange(100), index, chance.random()) for index in range(140 * POINTS_PER_CHUNK)]
    taken = await sampled(points, 50)
    values = [value for _, _, value in points]
    assert {min(values), max(values)} <= {value for _, _, value in taken}
    assert len(taken) == 50
