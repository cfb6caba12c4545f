"""Corrected params and points, folded in any batches, against a list of points."""

import tempfile
from array import array
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from read_model.metric_points import Points, extend, no_points, unpack_chunk, unpack_segments
from schemas.events import (
    AnyEvent,
    MetricSeries,
    PointCorrection,
    RunDataLogged,
    RunMetricCorrected,
    RunParamCorrected,
)
from tests.examples import examples
from tests.unit.projector.histories import RUNS, created, experiment, log_of, param
from tests.unit.projector.read_models import Projected, compare_files, projected

RUN: Final = RUNS[0]
Point = tuple[int, int, float]

_steps = st.one_of(
    st.tuples(st.just("log"), st.sampled_from([1, 1, 2, 300, 512, 600]), st.just(0.0)),
    st.tuples(st.just("change"), st.integers(0, 2**16), st.sampled_from([-1.0, 0.5])),
    st.tuples(st.just("remove"), st.integers(0, 2**16), st.just(0.0)),
    st.tuples(st.just("clear"), st.just(0), st.just(0.0)),
    st.tuples(st.just("add"), st.integers(0, 9), st.just(7.0)),
    st.tuples(st.just("miss"), st.just(-1), st.just(0.0)),
)


def correction(*points: PointCorrection, every: bool = False) -> RunMetricCorrected:
    return RunMetricCorrected(run_id=RUN, key="k", points=list(points), every=every)


def history_of(steps: list[tuple[str, int, float]]) -> tuple[list[AnyEvent], list[Point]]:
    """The events of these steps, and the points that are there after them."""
    events: list[AnyEvent] = [experiment(), created()]
    points: list[Point] = []
    for kind, number, value in steps:
        if kind == "log":
            begin = len(events) * 1000
            new = [(begin + one, begin + one, float(one)) for one in range(number)]
            points += new
            columns = [list(column) for column in zip(*new, strict=True)]
            events.append(RunDataLogged(run_id=RUN, metrics=[MetricSeries("k", columns[2], columns[1], columns[0])]))
        elif kind == "add":
            points.append((number, number, value))
            events.append(correction(PointCorrection(number, number, None, value)))
        elif kind == "miss":
            events.append(correction(PointCorrection(number, number, value, 1.0)))
        elif kind == "clear" and points:
            events.append(correction(*(PointCorrection(*one, None) for one in points)))
            points.clear()
        elif points:
            step, timestamp_ms, old = points[number % len(points)]
            index = points.index((step, timestamp_ms, old))
            points[index : index + 1] = [(step, timestamp_ms, value)] if kind == "change" else []
            new_value = value if kind == "change" else None
            events.append(correction(PointCorrection(step, timestamp_ms, old, new_value)))
    return events, points


def stored(read_model: Projected) -> list[Point]:
    """The points of the one metric, as its rows hold them."""
    found = no_points()
    for (data,) in read_model.rows("SELECT data FROM metric_chunks ORDER BY chunk_number"):
        extend(found, unpack_chunk(data))  # type: ignore[arg-type]
    for (data,) in read_model.rows("SELECT data FROM metric_tails"):
        extend(found, unpack_segments(data))  # type: ignore[arg-type]
    for points, step, timestamp_ms, value in read_model.rows(
        "SELECT points, step, timestamp_ms, value FROM latest_metrics"
    ):
        if points == 1:
            extend(found, Points(array("q", [step]), array("q", [timestamp_ms]), array("d", [value])))  # type: ignore[list-item]
        assert points == len(found.steps)
    return list(zip(*found, strict=True))


@pytest.mark.slow
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(_steps, max_size=12), ends=st.lists(st.integers(2, 14), max_size=4))
async def test_points_are_as_corrected_however_the_log_was_batched(
    steps: list[tuple[str, int, float]], ends: list[int]
) -> None:
    events, points = history_of(steps)
    log = await log_of(*events)
    with tempfile.TemporaryDirectory() as folder:
        whole = await projected(Path(folder), log)
        in_parts = await projected(Path(folder), log, ends)
        assert stored(whole) == points
        assert compare_files(whole.path, in_parts.path) == []
        newest = whole.rows("SELECT step, timestamp_ms, value FROM latest_metrics")
        assert newest == ([max(points, key=lambda one: one)] if points else [])


async def test_a_correction_of_every_point_alike_corrects_each(tmp_path: Path) -> None:
    twice = RunDataLogged(run_id=RUN, metrics=[MetricSeries("k", ["NaN", 1.0, "NaN"], [5, 5, 5], [1, 1, 1])])
    once, each = PointCorrection(1, 5, "NaN", 2.0), PointCorrection(1, 5, 1.0, None)
    one = await projected(tmp_path, await log_of(experiment(), created(), twice, correction(once)))
    assert [value for _, _, value in stored(one)][:2] == [2.0, 1.0]
    every = await projected(tmp_path, await log_of(experiment(), created(), twice, correction(once, each, every=True)))
    assert stored(every) == [(1, 5, 2.0), (1, 5, 2.0)]


async def test_a_correction_of_several_points_holds_only_as_a_whole(tmp_path: Path) -> None:
    logged = RunDataLogged(run_id=RUN, metrics=[MetricSeries("k", [1.0, 2.0], [1, 2], [1, 2])])
    wrong = correction(PointCorrection(1, 1, 1.0, 5.0), PointCorrection(9, 9, 9.0, None))
    read_model = await projected(tmp_path, await log_of(experiment(), created(), logged, wrong))
    assert stored(read_model) == [(1, 1, 1.0), (2, 2, 2.0)]
    assert [one.error_code for report in read_model.published for one in report.refusals] == ["INVALID_PARAMETER_VALUE"]


_values = st.sampled_from(["1", "2"])
_param_events = st.one_of(
    st.builds(lambda value: param("p", value), _values),
    st.builds(lambda value: RunParamCorrected(run_id=RUN, key="p", value=value), st.none() | _values),
)


@settings(max_examples=examples(40))
@given(events=st.lists(_param_events, max_size=8), ends=st.lists(st.integers(2, 10), max_size=4))
async def test_a_param_is_as_corrected_and_the_first_value_after_its_removal_wins(
    events: list[RunDataLogged | RunParamCorrected], ends: list[int]
) -> None:
    value: str | None = None
    for event in events:
        if isinstance(event, RunParamCorrected):
            value = event.value
        elif value is None:
            value = event.params[0].value
    log = await log_of(experiment(), created(), *events)
    with tempfile.TemporaryDirectory() as folder:
        whole = await projected(Path(folder), log)
        assert whole.rows("SELECT value FROM params") == ([] if value is None else [(value,)])
        assert compare_files(whole.path, (await projected(Path(folder), log, ends)).path) == []
