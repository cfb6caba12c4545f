"""The datasets that runs read: a row for each in an experiment, and one for each run that read it.

This is a part of the projection of runs, whose events bring them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

import msgspec

from projector.changes import Change, Delete, Insert, Row, Upsert
from schemas.envelope import RecordedEvent
from schemas.events import DatasetInput, DatasetName

_CONTEXT_TAG: Final = "mlflow.data.context"
_FIRST_LOGGED: Final = ("first_us", "first_event_id")

DatasetKey: TypeAlias = tuple[str, str]
"""What tells a dataset from the others of its experiment: name and digest."""


class ReadsDatasets(Protocol):
    """What is needed of a run. Its `dataset_inputs` are all of them with their ordinals, the newest included."""

    @property
    def run_number(self) -> int: ...
    @property
    def experiment_id(self) -> int: ...
    @property
    def dataset_inputs(self) -> dict[DatasetKey, int]: ...


@dataclass(slots=True)
class Datasets:
    """What a batch adds: rows of `datasets` by their keys, and rows of `dataset_inputs`; and what it removes of these.

    `left` are the keys of datasets that a run read, and reads no more.
    """

    datasets: dict[Row, Row] = field(default_factory=dict)
    inputs: list[Row] = field(default_factory=list)
    removed: list[Row] = field(default_factory=list)
    left: set[Row] = field(default_factory=set)


def log_inputs(datasets: Datasets, run: ReadsDatasets, recorded: RecordedEvent, logged: Sequence[DatasetInput]) -> None:
    """Of one dataset the earliest description counts, by (time, event id); of one input of a run the first."""
    first = (recorded.time_us, recorded.id.hex())
    for dataset in logged:
        key = (run.experiment_id, dataset.name, dataset.digest)
        known = datasets.datasets.get(key)
        if known is None or first < known[-2:]:
            described = (dataset.source_type, dataset.source, dataset.schema, dataset.profile)
            datasets.datasets[key] = (*key, *described, *first)
        identity = (dataset.name, dataset.digest)
        if identity not in run.dataset_inputs:
            context = next((tag.value for tag in dataset.tags if tag.key == _CONTEXT_TAG), None)
            tags = msgspec.json.encode(dataset.tags).decode()
            ordinal = max(run.dataset_inputs.values(), default=-1) + 1
            datasets.inputs.append((run.run_number, ordinal, *identity, run.experiment_id, tags, context))
            run.dataset_inputs[identity] = ordinal


def remove_inputs(datasets: Datasets, run: ReadsDatasets, removed: Iterable[DatasetName]) -> None:
    """Those of them that the run reads. A dataset that no run reads any more is none."""
    for dataset in removed:
        identity = (dataset.name, dataset.digest)
        ordinal = run.dataset_inputs.pop(identity, None)
        if ordinal is not None:
            key = (run.run_number, ordinal)
            datasets.inputs = [row for row in datasets.inputs if row[:2] != key]
            datasets.removed.append(key)
            datasets.left.add((run.experiment_id, *identity))


def leave_out(datasets: Datasets, run: ReadsDatasets) -> None:
    """What the batch adds of a run that is no more. Datasets that no other run read are removed by `read_by`."""
    datasets.inputs = [row for row in datasets.inputs if row[0] != run.run_number]


def read_by(runs: Iterable[ReadsDatasets]) -> set[Row]:
    """The keys of the datasets that runs read."""
    return {(run.experiment_id, *identity) for run in runs for identity in run.dataset_inputs}


def changes(datasets: Datasets) -> Iterator[Change]:
    """What the batch adds, the rows that several workers may write last and in the order of their keys.

    Runs of one experiment lie in different partitions: workers that write the same datasets at once wait for one
    another, in that order not in a circle, and the later in these changes the shorter.
    """
    yield Delete("dataset_inputs", datasets.removed)
    yield Insert("dataset_inputs", datasets.inputs)
    yield Upsert("datasets", [datasets.datasets[key] for key in sorted(datasets.datasets)], first_by=_FIRST_LOGGED)
