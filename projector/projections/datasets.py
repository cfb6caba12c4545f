"""The datasets that runs read: a row for each in an experiment, and one for each run that read it.

This is a part of the projection of runs, whose events bring them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from projector.changes import Change, InsertNew, Row, Upsert
from schemas.envelope import RecordedEvent
from schemas.events import DatasetInput

_CONTEXT_TAG: Final = "mlflow.data.context"
_FIRST_LOGGED: Final = ("first_us", "first_event_id")


class ReadsDatasets(Protocol):
    """What is needed of a run."""

    @property
    def run_number(self) -> int: ...
    @property
    def experiment_id(self) -> int: ...


@dataclass(slots=True)
class Datasets:
    """What a batch adds: rows of `datasets` and of `dataset_inputs`, by their keys."""

    datasets: dict[Row, Row] = field(default_factory=dict)
    inputs: dict[Row, Row] = field(default_factory=dict)


def log_inputs(datasets: Datasets, run: ReadsDatasets, recorded: RecordedEvent, logged: Sequence[DatasetInput]) -> None:
    """Of one dataset the earliest description counts, by (time, event id); of one input of a run the first."""
    first = (recorded.time_us, recorded.id.hex())
    for dataset in logged:
        key = (run.experiment_id, dataset.name, dataset.digest)
        known = datasets.datasets.get(key)
        if known is None or first < known[-2:]:
            described = (dataset.source_type, dataset.source, dataset.schema, dataset.profile)
            datasets.datasets[key] = (*key, *described, *first)
        key = (run.run_number, dataset.name, dataset.digest)
        if key not in datasets.inputs:
            context = next((tag.value for tag in dataset.tags if tag.key == _CONTEXT_TAG), None)
            tags = msgspec.json.encode(dataset.tags).decode()
            datasets.inputs[key] = (*key, run.experiment_id, tags, context)


def changes(datasets: Datasets) -> Iterator[Change]:
    """What the batch adds, the rows that several workers may write last and in the order of their keys.

    Runs of one experiment lie in different partitions: workers that write the same datasets at once wait for one
    another, in that order not in a circle, and the later in these changes the shorter.
    """
    yield InsertNew("dataset_inputs", list(datasets.inputs.values()))
    yield Upsert("datasets", [datasets.datasets[key] for key in sorted(datasets.datasets)], first_by=_FIRST_LOGGED)
