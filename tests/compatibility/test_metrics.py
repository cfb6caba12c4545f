"""Metrics: their history, the value that counts as the latest, NaN and infinities."""

import math

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

LARGEST_DOUBLE = 1.7976931348623157e308

Point = tuple[float, int, int]
SeenPoint = tuple[float | str, int, int]


def log(client: MlflowClient, run_id: str, points: list[Point]) -> None:
    """Log (value, timestamp_ms, step) points of metric m in the given order, one request each."""
    for value, timestamp_ms, step in points:
        client.log_metric(run_id, "m", value, timestamp=timestamp_ms, step=step)


def history(client: MlflowClient, run_id: str, key: str = "m") -> list[SeenPoint]:
    """Return the whole history as (value, timestamp_ms, step), NaN written as 'nan' so that it can be compared."""
    return [
        (("nan" if math.isnan(m.value) else m.value), m.timestamp, m.step)
        for m in client.get_metric_history(run_id, key)
    ]


def test_a_metric_with_steps_reads_back_point_by_point(client: MlflowClient, run_id: str) -> None:
    log(client, run_id, [(0.5, 100, 0), (0.4, 200, 1), (0.3, 300, 2)])
    assert history(client, run_id) == [(0.5, 100, 0), (0.4, 200, 1), (0.3, 300, 2)]
    assert client.get_run(run_id).data.metrics == {"m": 0.3}


def test_history_is_ordered_by_time_then_step_then_value(client: MlflowClient, run_id: str) -> None:
    log(client, run_id, [(3.0, 20, 1), (9.0, 10, 5), (2.0, 20, 0), (1.0, 20, 1), (-1.0, 10, 7)])
    assert history(client, run_id) == [(9.0, 10, 5), (-1.0, 10, 7), (2.0, 20, 0), (1.0, 20, 1), (3.0, 20, 1)]


@pytest.mark.parametrize(
    ("points", "latest"),
    [
        ([(1.0, 10, 5), (2.0, 99, 4)], 1.0),
        ([(1.0, 10, 5), (2.0, 11, 5)], 2.0),
        ([(2.0, 11, 5), (1.0, 10, 5)], 2.0),
        ([(1.0, 10, 5), (2.0, 10, 5)], 2.0),
        ([(2.0, 10, 5), (1.0, 10, 5)], 2.0),
        ([(1.0, 10, -5), (2.0, 10, -6)], 1.0),
        ([(1.0, 10, -1), (2.0, 5, 0)], 2.0),
    ],
)
def test_the_latest_value_has_the_greatest_step_then_time_then_value(
    client: MlflowClient, run_id: str, points: list[Point], latest: float
) -> None:
    log(client, run_id, points)
    assert client.get_run(run_id).data.metrics == {"m": latest}


def test_nan_counts_as_zero_when_the_latest_is_chosen(client: MlflowClient, run_id: str) -> None:
    log(client, run_id, [(math.nan, 10, 0), (-1.0, 10, 0)])
    assert math.isnan(client.get_run(run_id).data.metrics["m"])
    log(client, run_id, [(1.0, 10, 0)])
    assert client.get_run(run_id).data.metrics["m"] == 1.0
    log(client, run_id, [(math.nan, 10, 1)])
    assert math.isnan(client.get_run(run_id).data.metrics["m"])


def test_a_batch_chooses_its_latest_by_the_same_rule(client: MlflowClient, run_id: str) -> None:
    client.log_batch(
        run_id,
        metrics=[
            Metric("m", 1.0, 10, 3),
            Metric("m", 2.0, 99, 1),
            Metric("m", 3.0, 10, 3),
            Metric("m", math.nan, 10, 3),
            Metric("n", 5.0, 1, -2),
        ],
    )
    assert client.get_run(run_id).data.metrics == {"m": 3.0, "n": 5.0}
    client.log_batch(run_id, metrics=[Metric("m", 7.0, 9, 3), Metric("n", 6.0, 1, -1)])
    assert client.get_run(run_id).data.metrics == {"m": 3.0, "n": 6.0}


def test_negative_steps_and_step_zero_are_kept(client: MlflowClient, run_id: str) -> None:
    log(client, run_id, [(1.0, 1, -(2**62)), (2.0, 2, -1), (3.0, 3, 0), (4.0, 4, 2**62)])
    assert [step for _, _, step in history(client, run_id)] == [-(2**62), -1, 0, 2**62]


def test_nan_reads_back_as_nan(client: MlflowClient, run_id: str) -> None:
    client.log_metric(run_id, "m", math.nan, timestamp=5, step=1)
    client.log_batch(run_id, metrics=[Metric("b", math.nan, 5, 1)])
    assert history(client, run_id) == [("nan", 5, 1)]
    assert history(client, run_id, "b") == [("nan", 5, 1)]
    assert all(math.isnan(value) for value in client.get_run(run_id).data.metrics.values())


@pytest.mark.parametrize(("logged", "seen"), [(math.inf, LARGEST_DOUBLE), (-math.inf, -LARGEST_DOUBLE)])
def test_infinities_read_back_as_the_largest_double(
    client: MlflowClient, run_id: str, logged: float, seen: float
) -> None:
    client.log_metric(run_id, "m", logged, timestamp=1)
    client.log_batch(run_id, metrics=[Metric("b", logged, 1, 0)])
    assert client.get_run(run_id).data.metrics == {"m": seen, "b": seen}
    assert history(client, run_id) == [(seen, 1, 0)]
    assert history(client, run_id, "b") == [(seen, 1, 0)]


@pytest.mark.parametrize(
    "value", [0.1 + 0.2, 1 / 3, 5e-324, -2.5e-308, 123456789.123456789, 2.0**53 + 2, LARGEST_DOUBLE, 1e22]
)
def test_doubles_read_back_to_the_last_bit(client: MlflowClient, run_id: str, value: float) -> None:
    client.log_metric(run_id, "m", value, timestamp=1)
    assert client.get_run(run_id).data.metrics["m"] == value
    assert history(client, run_id) == [(value, 1, 0)]


def test_an_exact_repeat_is_one_point(client: MlflowClient, run_id: str) -> None:
    log(client, run_id, [(1.0, 10, 0), (1.0, 10, 0), (math.nan, 10, 0), (math.nan, 10, 0)])
    client.log_batch(run_id, metrics=[Metric("m", 1.0, 10, 0), Metric("m", 1.0, 10, 0), Metric("m", math.nan, 10, 0)])
    assert sorted(map(str, history(client, run_id))) == ["('nan', 10, 0)", "(1.0, 10, 0)"]


def test_zero_and_nan_at_one_place_are_two_points(client: MlflowClient, run_id: str) -> None:
    log(client, run_id, [(0.0, 10, 0), (math.nan, 10, 0)])
    assert sorted(map(str, history(client, run_id))) == ["('nan', 10, 0)", "(0.0, 10, 0)"]


def test_anything_but_an_exact_repeat_is_another_point(client: MlflowClient, run_id: str) -> None:
    log(client, run_id, [(1.0, 10, 0), (1.0, 11, 0), (1.0, 10, 1), (1.5, 10, 0)])
    assert len(history(client, run_id)) == 4


def test_the_history_of_an_unknown_metric_is_empty(client: MlflowClient, run_id: str) -> None:
    assert client.get_metric_history(run_id, "never") == []


def test_integers_and_booleans_become_doubles(client: MlflowClient, run_id: str) -> None:
    client.log_metric(run_id, "int", 3, timestamp=1)
    client.log_metric(run_id, "bool", True, timestamp=1)
    assert client.get_run(run_id).data.metrics == {"int": 3.0, "bool": 1.0}


def test_a_long_history_comes_back_whole(client: MlflowClient, run_id: str) -> None:
    steps = range(2500)
    for first in range(0, len(steps), 1000):
        batch = [Metric("m", s / 7, s, s) for s in steps[first : first + 1000]]
        client.log_batch(run_id, metrics=batch)
    assert history(client, run_id) == [(s / 7, s, s) for s in steps]
