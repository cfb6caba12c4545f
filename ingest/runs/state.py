"""What commands know of a run, and what a change makes of it."""

from dataclasses import dataclass, replace

from ingest.experiments.state import KnownExperiment
from schemas.errors import InvalidParameterValue
from schemas.events import RunUpdated
from schemas.events.runs import RUNS
from schemas.mlflow import lifecycle_stage


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What runs/update answers with."""

    run_id: str
    experiment_id: int
    name: str
    user_id: str
    status: str
    start_time_ms: int
    end_time_ms: int | None
    artifact_uri: str
    active: bool
    """By its effective lifecycle stage, as far as it is known."""

    @property
    def lifecycle_stage(self) -> str:
        return lifecycle_stage(self.active)


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run as commands need it.

    `experiment_revision` is how much of its experiment's lifecycle the writer of its own last change had seen; None
    when that was not noted yet.
    """

    run_id: str
    experiment_id: int
    active: bool
    lifecycle_us: int
    experiment_revision: int | None
    info: RunInfo | None = None
    """The run as it is, when this process made it and every change since; else None, and the read model is asked."""
    has_no_params: bool = False
    """True when this process made the run and logged no param of it; else the read model is asked."""


def is_active(run: KnownRun, experiment: KnownExperiment) -> bool:
    """A run's own stage counts, unless its experiment was deleted or restored after what the run's writer had seen.

    Where that was not noted, the later of their last changes counts, and at one time the experiment's.
    `schemas.documents.runs.LIFECYCLE_STAGE` says the same in SQL.
    """
    if run.experiment_revision is None:
        return run.active if run.lifecycle_us > experiment.lifecycle_us else experiment.active
    return run.active if run.experiment_revision >= experiment.lifecycle_revision else experiment.active


def require_active_run(run: KnownRun, experiment: KnownExperiment) -> None:
    """Raises InvalidParameterValue when the run is deleted, by itself or with its experiment."""
    if not is_active(run, experiment):
        raise InvalidParameterValue(
            f"The run {run.run_id} must be in the 'active' state. Current state is deleted."
        ).explained(RUNS.stream(run.run_id))


def with_params(run: KnownRun) -> KnownRun:
    """The run after a command that logs params, whatever comes of it."""
    return replace(run, has_no_params=False)


def without_info(run: KnownRun) -> KnownRun:
    """The run after a change whose outcome is not known here."""
    return replace(run, info=None)


def updated(run: KnownRun, before: RunInfo, event: RunUpdated) -> KnownRun:
    """The run after an update that was decided when its info was `before`.

    When another change came between, the log has the two in an order that is not known here.
    """
    return replace(run, info=info_after(before, event) if run.info is before else None)


def info_after(info: RunInfo, event: RunUpdated) -> RunInfo:
    """The run after an update, as the fold makes it."""
    return replace(
        info,
        status=info.status if event.status is None else event.status,
        end_time_ms=info.end_time_ms if event.end_time_ms is None else event.end_time_ms,
        name=info.name if event.name is None else event.name,
    )
