"""What a correction becomes: (state, what it says) -> events."""

from collections.abc import Mapping
from typing import Final

from ingest.experiments.state import KnownExperiment
from ingest.keys import repeated
from ingest.runs.state import KnownRun, require_active_run
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.events import PointCorrection, RunMetricCorrected, RunParamCorrected
from schemas.messages.corrections import CorrectRun, MetricCorrection
from schemas.metric_values import metric_value

MAX_POINTS: Final = 2_000_000
"""Of a metric that is corrected: its points are read, 50 MB of them, and those after the first change written anew."""


def check(command: CorrectRun) -> list[RunMetricCorrected]:
    """Refuse what is wrong whatever the state, and return the corrections of metrics. Raises InvalidParameterValue."""
    if not (command.params or command.metrics):
        raise InvalidParameterValue("Nothing is said to be corrected: 'params' and 'metrics' are empty.")
    if again := repeated(one.key for one in command.params):
        raise InvalidParameterValue(f"Param '{again[0]}' is given twice.")
    by_key: dict[str, list[PointCorrection]] = {}
    for one in command.metrics:
        by_key.setdefault(one.key, []).append(_point(one))
    return [
        RunMetricCorrected(run_id=command.run_id, key=key, points=points, every=True, reason=command.reason)
        for key, points in by_key.items()
    ]


def _point(one: MetricCorrection) -> PointCorrection:
    """A point that is said to be otherwise. Raises InvalidParameterValue."""
    if one.timestamp is None:
        raise InvalidParameterValue("Missing value for required parameter 'metrics.timestamp'.")
    new = None if one.new_value is None else metric_value(one.new_value, "metrics.new_value")
    return PointCorrection(one.step, one.timestamp, metric_value(one.value, "metrics.value"), new)


def correct_params(
    command: CorrectRun, run: KnownRun, experiment: KnownExperiment, params: Mapping[str, str]
) -> list[RunParamCorrected]:
    """The params that are not as they should be. `params` are those of the run among the keys of the command.

    Raises InvalidParameterValue for a deleted run, ResourceDoesNotExist for a param that is not there.
    """
    require_active_run(run, experiment)
    for one in command.params:
        if one.key not in params:
            raise ResourceDoesNotExist(f"Run '{run.run_id}' has no param '{one.key}'.")
    return [
        RunParamCorrected(run_id=run.run_id, key=one.key, value=one.value, reason=command.reason)
        for one in command.params
        if params[one.key] != one.value
    ]


def check_length(key: str, points: int | None, run_id: str) -> None:
    """Raises ResourceDoesNotExist for a metric without points, InvalidParameterValue for one with too many."""
    if not points:
        raise ResourceDoesNotExist(f"Run '{run_id}' has no metric '{key}'.")
    if points > MAX_POINTS:
        raise InvalidParameterValue(
            f"Metric '{key}' has {points} points; one of more than {MAX_POINTS} cannot be corrected."
        )
