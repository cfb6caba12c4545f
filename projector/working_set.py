"""The part of the read model that one batch of events touches, in memory: what the fold reads and changes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from read_model.metric_points import Points
from schemas.events import (
    AnyEvent,
    ArtifactDeleted,
    ArtifactUploaded,
    DatasetInput,
    ExperimentAcknowledged,
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentRenamed,
    ExperimentRestored,
    ExperimentTagDeleted,
    ExperimentTagSet,
    LoggedModelCreated,
    LoggedModelDeleted,
    LoggedModelFinalized,
    LoggedModelParamsLogged,
    LoggedModelTagDeleted,
    LoggedModelTagsSet,
    ModelMetric,
    RunCreated,
    RunDataLogged,
    RunDeleted,
    RunInputsLogged,
    RunModelLogged,
    RunOutputsLogged,
    RunRestored,
    RunTagDeleted,
    RunUpdated,
)

MODEL_HISTORY_TAG: Final = "mlflow.log-model.history"
"""A JSON list of the models that older clients logged in a run."""


@dataclass(slots=True)
class Experiment:
    """A row of `experiments`."""

    experiment_id: int
    name: str
    artifact_location: str
    active: bool
    lifecycle_us: int
    creation_time_ms: int
    last_update_time_ms: int
    lifecycle_revision: int = 0
    claim: str | None = None


@dataclass(slots=True)
class Series:
    """The newest value of one metric of a run, and the points this batch adds to its history.

    `value` None is NaN. `is_stored`: the tables hold points of it. `first` is the one point of a series of one point,
    which has no row in the history yet.
    """

    step: int = 0
    timestamp_ms: int = 0
    value: float | None = None
    points: int = 0
    is_stored: bool = False
    first: tuple[int, int, float] | None = None
    new: list[Points] = field(default_factory=list)  # one for each event


def stored_series(step: int, timestamp_ms: int, value: float | None, points: int) -> Series:
    """A series as its row of `latest_metrics` tells it."""
    first = (step, timestamp_ms, math.nan if value is None else value) if points == 1 else None
    return Series(step, timestamp_ms, value, points, True, first)


@dataclass(slots=True)
class Run:
    """A row of `runs`, and what of its data the batch needs or changes. `run_number` None: not in the tables yet."""

    run_id: str
    experiment_id: int
    name: str
    user_id: str
    status: str
    start_time_ms: int
    end_time_ms: int | None
    artifact_uri: str
    active: bool
    lifecycle_us: int
    experiment_revision: int | None = None
    run_number: int | None = None
    changed: bool = False
    params: dict[str, str] = field(default_factory=dict)
    new_params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str | None] = field(default_factory=dict)  # changes only; None deletes
    stored_tags: dict[str, str] = field(default_factory=dict)  # those of them that the batch reads
    series: dict[str, Series] = field(default_factory=dict)
    model_outputs: set[str] = field(default_factory=set)
    new_model_outputs: dict[str, int] = field(default_factory=dict)
    new_model_inputs: list[str] = field(default_factory=list)
    new_dataset_inputs: list[DatasetInput] = field(default_factory=list)
    new_model_metrics: list[ModelMetric] = field(default_factory=list)


@dataclass(slots=True)
class LoggedModel:
    """A row of `logged_models`, and what of its data the batch needs or changes."""

    model_id: str
    experiment_id: int
    name: str
    model_type: str
    source_run_id: str
    status: int
    artifact_location: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    active: bool = True
    is_new: bool = False
    changed: bool = False
    params: dict[str, str] = field(default_factory=dict)
    new_params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str | None] = field(default_factory=dict)  # changes only; None deletes


@dataclass(frozen=True, slots=True)
class FirstDataset:
    """A dataset as one event described it; the earliest (time_us, event_id) of an experiment's wins."""

    experiment_id: int
    time_us: int
    event_id: str
    dataset: DatasetInput


@dataclass(slots=True)
class WorkingSet:
    """Everything a batch may read, loaded before it is folded; and, marked in place, everything it changed."""

    experiments: dict[int, Experiment] = field(default_factory=dict)
    experiment_ids: dict[str, int] = field(default_factory=dict)  # by name
    changed_experiments: set[int] = field(default_factory=set)
    experiment_tags: dict[tuple[int, str], str | None] = field(default_factory=dict)  # changes only; None deletes
    runs: dict[str, Run] = field(default_factory=dict)
    logged_models: dict[str, LoggedModel] = field(default_factory=dict)
    datasets: list[FirstDataset] = field(default_factory=list)


@dataclass(slots=True)
class RunNeeds:
    """What of one run a batch reads."""

    params: set[str] = field(default_factory=set)
    series: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)
    model_outputs: bool = False


@dataclass(slots=True)
class Needs:
    """What a batch of events reads of the present state."""

    experiment_ids: set[int] = field(default_factory=set)
    experiment_names: set[str] = field(default_factory=set)
    runs: dict[str, RunNeeds] = field(default_factory=dict)
    logged_models: dict[str, set[str]] = field(default_factory=dict)  # the keys of its params, by model

    def run(self, run_id: str) -> RunNeeds:
        needs = self.runs.get(run_id)
        if needs is None:
            needs = self.runs[run_id] = RunNeeds()
        return needs

    def logged_model(self, model_id: str) -> set[str]:
        """The params that are read of a model, by key, to be added to."""
        return self.logged_models.setdefault(model_id, set())


def needs_of(events: Sequence[AnyEvent]) -> Needs:
    """What folding `events` will read."""
    needs = Needs()
    for event in events:
        match event:
            case RunDataLogged():
                run = needs.run(event.run_id)
                run.params.update(param.key for param in event.params)
                run.series.update(series.key for series in event.metrics)
            case RunCreated() | RunUpdated() | RunDeleted() | RunRestored() | RunTagDeleted() | RunInputsLogged():
                needs.run(event.run_id)
            case RunModelLogged():
                needs.run(event.run_id).tags.add(MODEL_HISTORY_TAG)
            case RunOutputsLogged():
                needs.run(event.run_id).model_outputs = True
            case ExperimentCreated() | ExperimentRenamed():
                needs.experiment_ids.add(event.experiment_id)
                needs.experiment_names.add(event.name)
            case (
                ExperimentAcknowledged()
                | ExperimentDeleted()
                | ExperimentRestored()
                | ExperimentTagSet()
                | ExperimentTagDeleted()
            ):
                needs.experiment_ids.add(event.experiment_id)
            case LoggedModelParamsLogged():
                needs.logged_model(event.model_id).update(param.key for param in event.params)
            case (
                LoggedModelCreated()
                | LoggedModelFinalized()
                | LoggedModelTagsSet()
                | LoggedModelTagDeleted()
                | LoggedModelDeleted()
            ):
                needs.logged_model(event.model_id)
            case ArtifactUploaded() | ArtifactDeleted():
                pass
    return needs
