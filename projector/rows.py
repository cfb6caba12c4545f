"""A folded working set as rows of the tables, for whatever database keeps them.

Each row is a tuple in the order of its table's columns. A list holds no key twice.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from projector.metric_rows import history_rows
from projector.port import Refusal, SetAside
from projector.working_set import Experiment, FirstDataset, LoggedModel, Run, WorkingSet
from schemas.events import ModelMetric
from schemas.metric_values import stored_value

_CONTEXT_TAG: Final = "mlflow.data.context"

Values = tuple[Any, ...]
SeriesKey = tuple[int | None, str]
"""(run_number, key of the metric)."""


@dataclass(slots=True)
class MetricRows:
    """What a batch does to the tables of metrics. `new_*` have no row yet; the others have one."""

    new_latest: list[Values] = field(default_factory=list)
    changed_latest: list[Values] = field(default_factory=list)
    chunks: list[Values] = field(default_factory=list)
    new_tails: list[Values] = field(default_factory=list)
    appended_tails: list[Values] = field(default_factory=list)
    replaced_tails: list[Values] = field(default_factory=list)
    deleted_tails: list[SeriesKey] = field(default_factory=list)


def number_new_runs(working_set: WorkingSet, next_number: Callable[[], int]) -> list[Run]:
    """Give each run that is not in the tables its number, and return those runs."""
    new = [run for run in working_set.runs.values() if run.run_number is None]
    for run in new:
        run.run_number = next_number()
    return new


def experiment_row(experiment: Experiment) -> Values:
    return (
        experiment.experiment_id,
        experiment.name,
        experiment.artifact_location,
        _stage(experiment.active),
        experiment.lifecycle_us,
        experiment.creation_time_ms,
        experiment.last_update_time_ms,
        experiment.lifecycle_revision,
        experiment.claim,
    )


def run_row(run: Run) -> Values:
    return (
        run.run_number,
        run.run_id,
        run.experiment_id,
        run.name,
        run.user_id,
        run.status,
        run.start_time_ms,
        run.end_time_ms,
        run.artifact_uri,
        _stage(run.active),
        run.lifecycle_us,
        run.experiment_revision,
    )


def run_change(run: Run) -> Values:
    """What of a run changes, and its key.

    (name, status, end_time_ms, lifecycle_stage, lifecycle_us, experiment_revision, run_number)
    """
    return (
        run.name,
        run.status,
        run.end_time_ms,
        _stage(run.active),
        run.lifecycle_us,
        run.experiment_revision,
        run.run_number,
    )


def param_rows(runs: Iterable[Run]) -> list[Values]:
    return [
        (run.run_number, key, value, run.experiment_id) for run in runs for key, value in sorted(run.new_params.items())
    ]


def tag_rows(runs: Iterable[Run]) -> list[Values]:
    """Tags that are set."""
    return [
        (run.run_number, key, value, run.experiment_id)
        for run in runs
        for key, value in sorted(run.tags.items())
        if value is not None
    ]


def deleted_tags(runs: Iterable[Run]) -> list[Values]:
    """(run_number, key) of tags that are deleted."""
    return [(run.run_number, key) for run in runs for key, value in sorted(run.tags.items()) if value is None]


def metric_rows(runs: Iterable[Run], load_tail: Callable[[SeriesKey], bytes]) -> MetricRows:
    """Rows of the points in `runs`. `load_tail` is called for the series of which `completes_a_chunk` is true."""
    rows = MetricRows()
    for run in runs:
        for key, series in sorted(run.series.items()):
            if not series.new:
                continue
            where = (run.run_number, key)
            latest = (
                *where,
                run.experiment_id,
                series.value,
                '"NaN"' if series.value is None else repr(series.value),
                series.timestamp_ms,
                series.step,
                series.points,
            )
            (rows.changed_latest if series.is_stored else rows.new_latest).append(latest)
            history = history_rows(series, lambda where=where: load_tail(where))  # type: ignore[misc]
            rows.chunks.extend(
                (
                    *where,
                    chunk.chunk_number,
                    chunk.min_step,
                    chunk.max_step,
                    chunk.min_timestamp_ms,
                    chunk.max_timestamp_ms,
                    chunk.min_value,
                    chunk.max_value,
                    chunk.data,
                )
                for chunk in history.chunks
            )
            if history.insert is not None:
                rows.new_tails.append((*where, history.insert))
            elif history.append is not None:
                rows.appended_tails.append((*where, history.append))
            elif history.replace is not None:
                rows.replaced_tails.append((*where, history.replace))
            elif history.deletes:
                rows.deleted_tails.append(where)
    return rows


def model_input_rows(runs: Iterable[Run]) -> list[Values]:
    return [(run.run_number, model_id) for run in runs for model_id in dict.fromkeys(run.new_model_inputs)]


def model_output_rows(runs: Iterable[Run]) -> list[Values]:
    return [(run.run_number, model_id, step) for run in runs for model_id, step in run.new_model_outputs.items()]


def model_metric_rows(runs: Iterable[Run]) -> list[Values]:
    """The last of the points that are alike but for their value."""
    rows = (_model_metric_row(run, metric) for run in runs for metric in run.new_model_metrics)
    return list({row[:5]: row for row in rows}.values())


def _model_metric_row(run: Run, metric: ModelMetric) -> Values:
    number = stored_value(metric.value)
    value = 0.0 if number != number else number  # NaN is kept as 0.0, as MLflow does
    return (
        metric.model_id,
        metric.key,
        metric.timestamp_ms,
        metric.step,
        run.run_id,
        value,
        repr(value),
        run.experiment_id,
        metric.dataset_name,
        metric.dataset_digest,
    )


def dataset_rows(datasets: Sequence[FirstDataset]) -> list[Values]:
    """The earliest description of each dataset, ordered by key.

    In that order because runs of one experiment lie in different partitions: workers that write the same datasets at
    once wait for one another, and not in a circle.
    """
    earliest: dict[Values, Values] = {}
    for first in datasets:
        dataset = first.dataset
        row = (
            *(key := (first.experiment_id, dataset.name, dataset.digest)),
            dataset.source_type,
            dataset.source,
            dataset.schema,
            dataset.profile,
            first.time_us,
            first.event_id,
        )
        if key not in earliest or row[-2:] < earliest[key][-2:]:
            earliest[key] = row
    return [earliest[key] for key in sorted(earliest)]


def dataset_input_rows(runs: Iterable[Run]) -> list[Values]:
    """Datasets as their runs first read them; a later mention of the same one is a repeat."""
    rows: dict[Values, Values] = {}
    for run in runs:
        for dataset in run.new_dataset_inputs:
            context = next((tag.value for tag in dataset.tags if tag.key == _CONTEXT_TAG), None)
            key = (run.run_number, dataset.name, dataset.digest)
            tags = msgspec.json.encode(dataset.tags).decode()
            rows.setdefault(key, (*key, run.experiment_id, tags, context))
    return list(rows.values())


def logged_model_row(model: LoggedModel) -> Values:
    return (
        model.model_id,
        model.experiment_id,
        model.name,
        model.model_type,
        model.source_run_id,
        model.status,
        model.artifact_location,
        model.creation_timestamp_ms,
        model.last_updated_timestamp_ms,
        _stage(model.active),
    )


def logged_model_change(model: LoggedModel) -> Values:
    """(status, last_updated_timestamp_ms, lifecycle_stage, model_id): what of a model changes, and its key."""
    return (model.status, model.last_updated_timestamp_ms, _stage(model.active), model.model_id)


def logged_model_param_rows(models: Iterable[LoggedModel]) -> list[Values]:
    return [(model.model_id, *param) for model in models for param in sorted(model.new_params.items())]


def logged_model_tag_rows(models: Iterable[LoggedModel]) -> list[Values]:
    """Tags that are set."""
    return [
        (model.model_id, key, value)
        for model in models
        for key, value in sorted(model.tags.items())
        if value is not None
    ]


def deleted_logged_model_tags(models: Iterable[LoggedModel]) -> list[Values]:
    """(model_id, key) of tags that are deleted."""
    return [(model.model_id, key) for model in models for key, value in sorted(model.tags.items()) if value is None]


def refusal_row(refusal: Refusal) -> Values:
    return (refusal.partition, refusal.offset, refusal.error_code, refusal.message)


def set_aside_row(set_aside: SetAside) -> Values:
    event = set_aside.event
    return (event.partition, event.offset, event.stream, event.id.hex(), event.type, set_aside.reason)


def _stage(active: bool) -> str:
    return "active" if active else "deleted"
