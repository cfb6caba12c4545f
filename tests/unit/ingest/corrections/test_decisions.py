"""What a correction becomes, and what it is refused for."""

import math

import pytest

from ingest.corrections import decisions
from ingest.experiments.state import KnownExperiment
from ingest.runs.state import KnownRun
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.events import PointCorrection, RunMetricCorrected, RunParamCorrected
from schemas.messages.corrections import CorrectRun, MetricCorrection, ParamCorrection

EXPERIMENT = KnownExperiment(7, "train", "l", active=True, lifecycle_us=1, lifecycle_revision=0)
RUN = KnownRun("r", 7, active=True, lifecycle_us=1, experiment_revision=0)


def of_metrics(*metrics: MetricCorrection) -> CorrectRun:
    return CorrectRun(run_id="r", reason="why", metrics=list(metrics))


def of_params(**params: str | None) -> CorrectRun:
    return CorrectRun(run_id="r", reason="why", params=[ParamCorrection(key, value) for key, value in params.items()])


def test_points_are_gathered_by_their_metrics() -> None:
    command = of_metrics(
        MetricCorrection("loss", 1, 5, 0.5, 0.25),
        MetricCorrection("acc", 0, 6, 1, None),
        MetricCorrection("loss", 2, 7, "NaN", "Infinity"),
    )
    loss, accuracy = decisions.check(command)
    assert accuracy == RunMetricCorrected(
        run_id="r", key="acc", points=[PointCorrection(0, 6, 1.0, None)], every=True, reason="why"
    )
    assert (loss.key, loss.points[0]) == ("loss", PointCorrection(1, 5, 0.5, 0.25))
    assert (loss.points[1].step, str(loss.points[1].old).lower(), float(loss.points[1].new or 0)) == (
        2,
        "nan",
        math.inf,
    )


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (of_metrics(), "Nothing is said to be corrected"),
        (CorrectRun(params=[ParamCorrection("p", "1"), ParamCorrection("p")]), "Param 'p' is given twice."),
        (of_metrics(MetricCorrection("loss", value=1.0)), "metrics.timestamp"),
        (of_metrics(MetricCorrection("loss", 0, 1, "much", 1.0)), "metrics.value"),
        (of_metrics(MetricCorrection("loss", 0, 1, 1.0, "much")), "metrics.new_value"),
    ],
)
def test_what_is_wrong_whatever_the_state_is_refused(command: CorrectRun, said: str) -> None:
    with pytest.raises(InvalidParameterValue) as refused:
        decisions.check(command)
    assert said in refused.value.message


def test_a_correction_of_params_alone_corrects_no_metric() -> None:
    assert decisions.check(of_params(p="1")) == []


def test_params_that_are_as_they_should_be_are_not_corrected() -> None:
    found = decisions.correct_params(
        of_params(p="2", same="s", gone=None), RUN, EXPERIMENT, {"p": "1", "same": "s", "gone": ""}
    )
    assert found == [
        RunParamCorrected(run_id="r", key="p", value="2", reason="why"),
        RunParamCorrected(run_id="r", key="gone", value=None, reason="why"),
    ]


def test_a_param_that_is_not_there_cannot_be_corrected() -> None:
    with pytest.raises(ResourceDoesNotExist, match="Run 'r' has no param 'q'"):
        decisions.correct_params(of_params(p="1", q="2"), RUN, EXPERIMENT, {"p": "1"})


@pytest.mark.parametrize("deleted", ["run", "experiment"])
def test_what_is_deleted_is_not_corrected(deleted: str) -> None:
    run = KnownRun("r", 7, active=deleted != "run", lifecycle_us=1, experiment_revision=0)
    experiment = KnownExperiment(
        7, "train", "l", active=deleted == "run", lifecycle_us=1, lifecycle_revision=int(deleted == "experiment")
    )
    with pytest.raises(InvalidParameterValue):
        decisions.correct_params(of_params(p="1"), run, experiment, {"p": "0"})


def test_a_metric_has_to_be_there_and_not_too_long() -> None:
    decisions.check_length("loss", decisions.MAX_POINTS, "r")
    for points in (None, 0):
        with pytest.raises(ResourceDoesNotExist, match="Run 'r' has no metric 'loss'"):
            decisions.check_length("loss", points, "r")
    with pytest.raises(InvalidParameterValue, match="has 2000001 points"):
        decisions.check_length("loss", decisions.MAX_POINTS + 1, "r")
