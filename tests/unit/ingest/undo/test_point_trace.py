"""What undoing comes to for points of metrics, by what chosen events and others made of them."""

import math

from ingest.undo.point_trace import PointsChange, PointTrace
from schemas.events import MetricSeries, PointCorrection, RunDataLogged, RunMetricCorrected, RunUpdated


def logged(*values: float | str, key: str = "loss") -> RunDataLogged:
    """A point each, at steps from 0 on."""
    return RunDataLogged(
        run_id="r", metrics=[MetricSeries(key, list(values), [1] * len(values), list(range(len(values))))]
    )


def corrected(old: float | str | None, new: float | None, *, step: int = 0, every: bool = False) -> RunMetricCorrected:
    return RunMetricCorrected(run_id="r", key="loss", points=[PointCorrection(step, 1, old, new)], every=every)


def change(step: int, old: float | str | None, new: float | None) -> PointCorrection:
    return PointCorrection(step, 1, old, new)


def test_points_that_were_logged_are_removed() -> None:
    trace = PointTrace()
    assert trace.take("a", logged(0.5, 0.25), is_chosen=True)
    assert trace.take("b", logged(3.0), is_chosen=False)
    assert list(trace.changes()) == [PointsChange("loss", (change(0, 0.5, None), change(1, 0.25, None)), ("a",), "")]
    assert trace.events == ["a"]


def test_what_touches_no_point_is_not_taken() -> None:
    trace = PointTrace()
    assert not trace.take("a", RunDataLogged(run_id="r"), is_chosen=True)
    assert not trace.take("b", RunUpdated(run_id="r", status="FAILED"), is_chosen=True)
    assert (list(trace.changes()), trace.events) == ([], [])


def test_a_corrected_point_gets_the_value_back_that_it_had() -> None:
    trace = PointTrace()
    assert trace.take("a", corrected(0.5, 1.0), is_chosen=True)
    assert trace.take("b", corrected(1.0, 2.0), is_chosen=True)
    assert list(trace.changes()) == [PointsChange("loss", (change(0, 2.0, 0.5),), ("a", "b"), "")]


def test_a_removed_point_is_added_again_and_an_added_one_removed() -> None:
    trace = PointTrace()
    trace.take("a", corrected(0.5, None), is_chosen=True)
    trace.take("b", corrected(None, 7.0, step=1), is_chosen=True)
    [found] = trace.changes()
    assert found.points == (change(0, None, 0.5), change(1, 7.0, None))


def test_what_comes_back_to_what_it_was_needs_no_change() -> None:
    trace = PointTrace()
    trace.take("a", corrected(0.5, 1.0), is_chosen=True)
    trace.take("b", corrected(1.0, 0.5), is_chosen=True)
    assert (list(trace.changes()), trace.events) == ([], ["a", "b"])
    nan = PointTrace()
    nan.take("a", corrected("NaN", math.nan), is_chosen=True)
    assert list(nan.changes()) == []


def test_what_another_event_changed_later_is_told_apart_with_that_event() -> None:
    trace = PointTrace()
    trace.take("a", logged(0.5, 0.25), is_chosen=True)
    assert trace.take("later", corrected(0.25, 9.0, step=1), is_chosen=False)
    assert trace.take("elsewhere", corrected(4.0, 5.0, step=8), is_chosen=False)
    assert list(trace.changes()) == [
        PointsChange("loss", (change(0, 0.5, None),), ("a",), ""),
        PointsChange("loss", (change(1, 9.0, None),), ("a",), "later"),
    ]
    trace.take("b", corrected(9.0, 8.0, step=1), is_chosen=True)  # and a chosen one took it over again
    [found] = trace.changes()
    assert (found.points[1], found.undoes, found.later) == (change(1, 8.0, None), ("a", "b"), "")


def test_of_a_metric_that_no_chosen_event_touched_nothing_is_kept() -> None:
    trace = PointTrace()
    assert trace.take("other", corrected(1.0, 2.0), is_chosen=False)
    assert (list(trace.changes()), trace.events) == ([], [])


def test_of_points_alike_the_first_is_meant_or_every_one() -> None:
    for every, now in ((False, (change(0, 2.0, None), change(0, 1.0, None))), (True, (change(0, 2.0, None),) * 2)):
        for is_chosen in (True, False):
            trace = PointTrace()
            for event_id in ("a", "b"):
                trace.take(event_id, logged(1.0), is_chosen=True)
            trace.take("c", corrected(1.0, 2.0, every=every), is_chosen=is_chosen)
            points = [point for found in trace.changes() for point in found.points]
            assert sorted(points, key=str) == sorted(now, key=str)


def test_metrics_come_in_the_order_of_their_keys() -> None:
    trace = PointTrace()
    trace.take("a", logged(1.0, key="z"), is_chosen=True)
    trace.take("b", logged(1.0, key="a"), is_chosen=True)
    assert [found.key for found in trace.changes()] == ["a", "z"]
