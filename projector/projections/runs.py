"""The projection of runs: their params, tags, metrics, inputs and outputs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, get_args

from projector.changes import (
    Change,
    Delete,
    DeleteBy,
    DeleteUnheld,
    Insert,
    InsertNew,
    NewNumbers,
    Read,
    ReadPairs,
    Row,
    Update,
    Upsert,
)
from projector.erasures import refuse_erasure
from projector.projection import Loading, Orphan, Projection
from projector.projections import datasets, metrics
from projector.projections.datasets import DatasetKey, Datasets
from projector.projections.metrics import Series
from schemas.envelope import RecordedEvent
from schemas.errors import BadRequest, InvalidParameterValue
from schemas.events import (
    AnyRunDataEvent,
    AnyRunEvent,
    ModelMetric,
    RunCreated,
    RunDataLogged,
    RunDeleted,
    RunErased,
    RunInputsLogged,
    RunInputsRemoved,
    RunMetricCorrected,
    RunModelLogged,
    RunOutputsLogged,
    RunOutputsRemoved,
    RunParamCorrected,
    RunRestored,
    RunTagDeleted,
    RunUpdated,
)
from schemas.fields import refuse_if_changed
from schemas.fields.field import PARAMS, TAGS, THERE, Value
from schemas.fields.runs import DATASETS, INPUT_MODELS, OUTPUT_MODELS, dataset_field
from schemas.metric_values import stored_value
from schemas.mlflow import ACTIVE, MODEL_HISTORY_TAG, NEW_RUN_STATUS, RUN_NAME_TAG, lifecycle_stage

MAX_MODEL_HISTORY_CHARACTERS: Final = 100_000
"""Of the tag that lists the models of older clients: some 300 of them. It is read and written with each."""

RunEvent = AnyRunDataEvent | AnyRunEvent


@dataclass(slots=True)
class Run:
    """A row of `runs`, and what of its data the batch needs or changes."""

    run_id: str
    experiment_id: int
    name: str
    user_id: str
    status: str
    start_time_ms: int
    end_time_ms: int | None
    artifact_uri: str
    lifecycle_us: int
    experiment_revision: int | None
    run_number: int
    active: bool
    is_new: bool = False
    changed: bool = False
    params: dict[str, str] = field(default_factory=dict)
    new_params: dict[str, str] = field(default_factory=dict)
    corrected_params: dict[str, str | None] = field(default_factory=dict)  # of those in the tables; None deletes
    tags: dict[str, str | None] = field(default_factory=dict)  # changes only; None deletes
    stored_tags: dict[str, str] = field(default_factory=dict)  # those of them that the batch reads
    series: dict[str, Series] = field(default_factory=dict)
    model_outputs: dict[str, int] = field(default_factory=dict)
    new_model_outputs: dict[str, int] = field(default_factory=dict)
    removed_model_outputs: set[str] = field(default_factory=set)  # of those in the tables
    dataset_inputs: dict[DatasetKey, int] = field(default_factory=dict)
    model_inputs: set[str] = field(default_factory=set)
    new_model_inputs: dict[str, None] = field(default_factory=dict)  # a set in the order of the log
    removed_model_inputs: set[str] = field(default_factory=set)
    new_model_metrics: list[ModelMetric] = field(default_factory=list)


@dataclass(slots=True)
class Runs:
    """The runs that a batch is about, by their ids, and the datasets that it adds.

    `new_numbers` are for the runs that it creates.
    """

    new_numbers: Iterator[int]
    runs: dict[str, Run] = field(default_factory=dict)
    datasets: Datasets = field(default_factory=Datasets)
    erased: list[Run] = field(default_factory=list)


# --- loading ------------------------------------------------------------------------------------------------------

_COLUMNS: Final = (
    "run_id",
    "experiment_id",
    "name",
    "user_id",
    "status",
    "start_time_ms",
    "end_time_ms",
    "artifact_uri",
    "lifecycle_us",
    "experiment_revision",
    "run_number",
    "lifecycle_stage",
)
_KEY: Final = ("run_number", "key")
_KEYED_VALUE: Final = ("run_number", "key", "value")


@dataclass(slots=True)
class _Wanted:
    """What of one run a batch reads."""

    params: set[str] = field(default_factory=set)
    new_points: dict[str, int] = field(default_factory=dict)  # how many come to each metric at most
    corrected: set[str] = field(default_factory=set)  # metrics
    tags: set[str] = field(default_factory=set)
    model_outputs: bool = False
    dataset_inputs: bool = False
    model_inputs: bool = False


def _load(events: Sequence[RunEvent]) -> Loading[Runs]:
    wanted, created = _wanted(events)
    runs: dict[str, Run] = {}
    for row in (yield Read("runs", _COLUMNS, "run_id", wanted)):
        run = Run(*row)
        run.active = row[-1] == ACTIVE
        runs[run.run_id] = run
    new_numbers: Sequence[Row] = ()
    if count := len(created - runs.keys()):
        new_numbers = yield NewNumbers("runs", "run_number", count)
    state = Runs(iter([number for (number,) in new_numbers]), runs)
    if not runs:
        return state
    by_number: dict[int, Run] = {}
    params: dict[int, set[str]] = {}
    new_points: dict[int, dict[str, int]] = {}
    corrected: dict[int, set[str]] = {}
    tags: dict[int, set[str]] = {}
    model_outputs: list[int] = []
    dataset_inputs: list[int] = []
    model_inputs: list[int] = []
    for run_id, run in runs.items():
        number, one = run.run_number, wanted[run_id]
        by_number[number] = run
        if one.params:
            params[number] = one.params
        if one.new_points:
            new_points[number] = one.new_points
        if one.corrected:
            corrected[number] = one.corrected
        if one.tags:
            tags[number] = one.tags
        if one.model_outputs:
            model_outputs.append(number)
        if one.dataset_inputs:
            dataset_inputs.append(number)
        if one.model_inputs:
            model_inputs.append(number)
    if params:
        for number, key, value in (yield ReadPairs("params", _KEYED_VALUE, _KEY, params)):
            by_number[number].params[key] = value
    if new_points:
        for number, key, series in (yield from metrics.load_series(new_points, corrected)):
            by_number[number].series[key] = series
    if tags:
        for number, key, value in (yield ReadPairs("tags", _KEYED_VALUE, _KEY, tags)):
            by_number[number].stored_tags[key] = value
    if model_outputs:
        outputs = ("run_number", "model_id", "step")
        for number, model_id, step in (yield Read("model_outputs", outputs, "run_number", model_outputs)):
            by_number[number].model_outputs[model_id] = step
    if model_inputs:
        for number, model_id in (yield Read("model_inputs", ("run_number", "model_id"), "run_number", model_inputs)):
            by_number[number].model_inputs.add(model_id)
    if dataset_inputs:
        columns = ("run_number", "name", "digest", "ordinal")
        for number, name, digest, ordinal in (yield Read("dataset_inputs", columns, "run_number", dataset_inputs)):
            by_number[number].dataset_inputs[name, digest] = ordinal
    return state


def _wanted(events: Sequence[RunEvent]) -> tuple[dict[str, _Wanted], set[str]]:
    """What to read of each run, and the runs that may be new."""
    wanted: dict[str, _Wanted] = {}
    created: set[str] = set()
    for event in events:
        run = wanted.get(event.run_id)
        if run is None:
            run = wanted[event.run_id] = _Wanted()
        if event.undo is not None:
            run.tags.update(one.removeprefix(TAGS) for one in event.undo.found if one.startswith(TAGS))
            run.params.update(one.removeprefix(PARAMS) for one in event.undo.found if one.startswith(PARAMS))
        match event:
            case RunDataLogged():
                for param in event.params:
                    run.params.add(param.key)
                for series in event.metrics:
                    run.new_points[series.key] = run.new_points.get(series.key, 0) + len(series.value)
            case RunCreated():
                created.add(event.run_id)
            case RunModelLogged():
                run.tags.add(MODEL_HISTORY_TAG)
            case RunOutputsLogged() | RunOutputsRemoved():
                run.model_outputs = True
            case RunInputsLogged() | RunInputsRemoved():
                run.dataset_inputs = run.dataset_inputs or bool(event.datasets)
                run.model_inputs = run.model_inputs or event.undo is not None
            case RunParamCorrected():
                run.params.add(event.key)
            case RunMetricCorrected():
                run.new_points.setdefault(event.key, 0)
                run.corrected.add(event.key)
            case RunErased():
                run.dataset_inputs = True
            case RunUpdated() | RunDeleted() | RunRestored() | RunTagDeleted():
                pass
    return wanted, created


# --- the fold -----------------------------------------------------------------------------------------------------


def _fold(state: Runs, recorded: RecordedEvent, event: RunEvent) -> None:
    if isinstance(event, RunCreated):
        _created(state, recorded, event)
        return
    run = state.runs.get(event.run_id)
    if isinstance(event, RunErased):
        _erased(state, recorded, event, run)
        return
    if run is None:
        raise Orphan(f"run {event.run_id!r} was never created")
    if event.undo is not None:
        refuse_if_changed(event.undo, partial(_held, run))
    match event:
        case RunDataLogged():
            _data_logged(run, event)
        case RunUpdated():
            _updated(run, event)
        case RunDeleted():
            _set_lifecycle(run, recorded, event, active=False)
        case RunRestored():
            _set_lifecycle(run, recorded, event, active=True)
        case RunTagDeleted():
            run.tags[event.key] = None
        case RunParamCorrected():
            _param_corrected(run, event)
        case RunMetricCorrected():
            _metric_corrected(run, event)
        case RunModelLogged():
            _model_logged(run, event)
        case RunInputsLogged():
            run.new_model_inputs.update(dict.fromkeys(event.model_ids))
            run.model_inputs.update(event.model_ids)
            datasets.log_inputs(state.datasets, run, recorded, event.datasets)
        case RunInputsRemoved():
            for model_id in event.model_ids:
                run.new_model_inputs.pop(model_id, None)
            run.model_inputs.difference_update(event.model_ids)
            run.removed_model_inputs.update(event.model_ids)
            datasets.remove_inputs(state.datasets, run, event.datasets)
        case RunOutputsLogged():
            _outputs_logged(run, event)
        case RunOutputsRemoved():
            for model_id in event.model_ids:
                run.model_outputs.pop(model_id, None)
                run.new_model_outputs.pop(model_id, None)
            run.removed_model_outputs.update(event.model_ids)


def _held(run: Run, name: str) -> Value:
    """What a field of a run is, of those that an event of the batch says that it found."""
    match name:
        case "name" | "status" | "end_time_ms":
            value: Value = getattr(run, name)
            return value
        case "lifecycle_stage":
            return lifecycle_stage(run.active)
        case _ if name.startswith(PARAMS):
            return run.params.get(name.removeprefix(PARAMS))
        case _ if name.startswith(OUTPUT_MODELS):
            return run.model_outputs.get(name.removeprefix(OUTPUT_MODELS))
        case _ if name.startswith(INPUT_MODELS):
            return THERE if name.removeprefix(INPUT_MODELS) in run.model_inputs else None
        case _ if name.startswith(DATASETS):
            return THERE if name in {dataset_field(*one) for one in run.dataset_inputs} else None
        case _:
            key = name.removeprefix(TAGS)
            return run.tags[key] if key in run.tags else run.stored_tags.get(key)


def _created(state: Runs, recorded: RecordedEvent, event: RunCreated) -> None:
    """Run ids are random, so a second creation is a repeat of the first."""
    if event.run_id in state.runs:
        return
    run = Run(
        run_id=event.run_id,
        experiment_id=event.experiment_id,
        name=event.name,
        user_id=event.user_id,
        status=NEW_RUN_STATUS,
        start_time_ms=event.start_time_ms,
        end_time_ms=None,
        artifact_uri=event.artifact_uri,
        lifecycle_us=recorded.time_us,
        experiment_revision=event.experiment_revision,
        run_number=next(state.new_numbers),
        active=True,
        is_new=True,
    )
    for tag in event.tags:
        run.tags[tag.key] = tag.value
    run.tags[RUN_NAME_TAG] = event.name
    state.runs[event.run_id] = run


def _erased(state: Runs, recorded: RecordedEvent, event: RunErased, run: Run | None) -> None:
    refuse_erasure(recorded, event, is_active=None if run is None else run.active)
    if run is not None:
        del state.runs[run.run_id]
        state.erased.append(run)
        datasets.leave_out(state.datasets, run)


def _updated(run: Run, event: RunUpdated) -> None:
    run.changed = True
    if event.status is not None:
        run.status = event.status
    if event.end_time_ms is not None:
        run.end_time_ms = event.end_time_ms
    elif event.clears_end_time:
        run.end_time_ms = None
    if event.name is not None:
        run.name = event.name
        run.tags[RUN_NAME_TAG] = event.name


def _set_lifecycle(run: Run, recorded: RecordedEvent, event: RunDeleted | RunRestored, *, active: bool) -> None:
    """Within a run the log's order decides; against its experiment, how much of that the writers had seen.

    Of two racing writers the later in the log may have seen less. It counts all the same, with what both had seen.
    """
    run.changed = True
    run.active = active
    run.lifecycle_us = max(run.lifecycle_us + 1, recorded.time_us)
    seen = event.experiment_revision
    run.experiment_revision = None if seen is None else max(seen, run.experiment_revision or 0)


def _data_logged(run: Run, event: RunDataLogged) -> None:
    """The first value of a param wins; a request that brings another loses as a whole."""
    for param in event.params:
        known = run.params.get(param.key)
        if known is not None and known != param.value:
            raise InvalidParameterValue(
                f"Param '{param.key}' of run '{run.run_id}' has the value '{known}' already and cannot become"
                f" '{param.value}'. Changing param values is not allowed."
            )
    points = [metrics.reported_points(series) for series in event.metrics]
    for param in event.params:
        if param.key not in run.params:
            run.params[param.key] = run.new_params[param.key] = param.value
    for tag in event.tags:
        if tag.key == RUN_NAME_TAG:
            if not tag.value:
                continue  # an empty name is none: MLflow keeps tag and name as they were
            run.name = tag.value
            run.changed = True
        run.tags[tag.key] = tag.value
    for reported, new in zip(event.metrics, points, strict=True):
        series = run.series.get(reported.key)
        if series is None:
            series = run.series[reported.key] = Series()
        metrics.append_points(series, new)
    run.new_model_metrics.extend(event.model_metrics)


def _param_corrected(run: Run, event: RunParamCorrected) -> None:
    """Also of a param that is not there, which was removed by a correction."""
    changes = run.new_params if event.key in run.new_params else run.corrected_params
    if event.value is not None:
        run.params[event.key] = changes[event.key] = event.value
        return
    run.params.pop(event.key, None)
    if changes is run.new_params:
        del run.new_params[event.key]
    else:
        run.corrected_params[event.key] = None


def _metric_corrected(run: Run, event: RunMetricCorrected) -> None:
    series = run.series.get(event.key) or Series()
    if not metrics.correct_points(series, event.points, every=event.every):
        raise InvalidParameterValue(f"Metric '{event.key}' of run '{run.run_id}' has not all of these points.")
    run.series[event.key] = series


def _model_logged(run: Run, event: RunModelLogged) -> None:
    """One more element of the JSON list that the tag is."""
    history = run.tags[MODEL_HISTORY_TAG] if MODEL_HISTORY_TAG in run.tags else run.stored_tags.get(MODEL_HISTORY_TAG)
    try:
        models = json.loads(history or "[]")
    except (ValueError, RecursionError):
        models = None
    if not isinstance(models, list):
        raise InvalidParameterValue(
            f"The tag '{MODEL_HISTORY_TAG}' of run '{run.run_id}' is not a JSON list, to which a model could be added."
        )
    text = json.dumps([*models, json.loads(event.model_json)])
    if len(text) > MAX_MODEL_HISTORY_CHARACTERS:
        raise InvalidParameterValue(
            f"The tag '{MODEL_HISTORY_TAG}' of run '{run.run_id}' would have {len(text)} characters and may have at"
            f" most {MAX_MODEL_HISTORY_CHARACTERS}."
        )
    run.tags[MODEL_HISTORY_TAG] = text


def _outputs_logged(run: Run, event: RunOutputsLogged) -> None:
    model_ids = [model.model_id for model in event.models]
    repeated = [model_id for index, model_id in enumerate(model_ids) if model_id in model_ids[:index]]
    for model_id in (*repeated, *(model_id for model_id in model_ids if model_id in run.model_outputs)):
        raise BadRequest(f"Model '{model_id}' is an output of run '{run.run_id}' already.")
    for model in event.models:
        run.model_outputs[model.model_id] = run.new_model_outputs[model.model_id] = model.step


# --- changes ------------------------------------------------------------------------------------------------------

_OF_A_RUN: Final = (
    *("params", "tags", "latest_metrics", "metric_tails", "metric_chunks"),
    *("model_inputs", "model_outputs", "dataset_inputs", "runs"),
)
"""The tables with rows of a run, by its number."""

_CHANGING: Final = ("name", "status", "end_time_ms", "lifecycle_stage", "lifecycle_us", "experiment_revision")


def _changes(state: Runs) -> Iterator[Change]:
    """Datasets last, for whose rows other workers may wait."""
    runs = list(state.runs.values())
    new = [run for run in runs if run.is_new]
    known = [run for run in runs if not run.is_new]
    if new:
        yield Insert("runs", [_row(run) for run in new])
        yield Insert("tags", _set_tags(new))
    yield Update("runs", _CHANGING, [_changed_row(run) for run in known if run.changed])
    yield Delete(
        "params",
        [(run.run_number, key) for run in known for key, value in run.corrected_params.items() if value is None],
    )
    yield Upsert(
        "params",
        [
            (run.run_number, key, value, run.experiment_id)
            for run in runs
            for key, value in sorted(run.corrected_params.items())
            if value is not None
        ],
    )
    yield Insert(
        "params",
        [
            (run.run_number, key, value, run.experiment_id)
            for run in runs
            for key, value in sorted(run.new_params.items())
        ],
    )
    yield Upsert("tags", _set_tags(known))
    yield Delete("tags", [(run.run_number, key) for run in known for key, value in run.tags.items() if value is None])
    yield from metrics.changes(runs)
    yield Delete("model_inputs", [(run.run_number, one) for run in known for one in sorted(run.removed_model_inputs)])
    yield Delete("model_outputs", [(run.run_number, one) for run in known for one in sorted(run.removed_model_outputs)])
    yield InsertNew("model_inputs", [(run.run_number, model_id) for run in runs for model_id in run.new_model_inputs])
    yield Insert(
        "model_outputs",
        [(run.run_number, model_id, step) for run in runs for model_id, step in run.new_model_outputs.items()],
    )
    yield Upsert("logged_model_metrics", _model_metric_rows(runs))
    yield from _erasures(state.erased)
    yield from datasets.changes(state.datasets)
    left = datasets.read_by(state.erased) | state.datasets.left
    yield DeleteUnheld("datasets", sorted(left), held_by="dataset_inputs")


def _erasures(erased: Sequence[Run]) -> Iterator[Change]:
    numbers = [(run.run_number,) for run in erased if not run.is_new]
    for table in _OF_A_RUN:
        yield DeleteBy(table, "run_number", numbers)
    yield DeleteBy("logged_model_metrics", "run_id", [(run.run_id,) for run in erased])


def _row(run: Run) -> Row:
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
        lifecycle_stage(run.active),
        run.lifecycle_us,
        run.experiment_revision,
    )


def _changed_row(run: Run) -> Row:
    return (
        run.name,
        run.status,
        run.end_time_ms,
        lifecycle_stage(run.active),
        run.lifecycle_us,
        run.experiment_revision,
        run.run_number,
    )


def _set_tags(runs: Sequence[Run]) -> list[Row]:
    return [
        (run.run_number, key, value, run.experiment_id)
        for run in runs
        for key, value in sorted(run.tags.items())
        if value is not None
    ]


def _model_metric_rows(runs: Sequence[Run]) -> list[Row]:
    """Of points that are alike but for their value, the last."""
    rows = (_model_metric_row(run, metric) for run in runs for metric in run.new_model_metrics)
    return list({row[:5]: row for row in rows}.values())


def _model_metric_row(run: Run, metric: ModelMetric) -> Row:
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


RUNS: Final = Projection(get_args(RunEvent), _load, _fold, _changes)
