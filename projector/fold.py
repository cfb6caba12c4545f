"""The fold: one event after another changes the working set, or is refused.

No clock, no I/O, no configuration: the same events give the same rows at every replay. An event is checked before the
first change it makes, so a fold that refuses or raises leaves the working set as it was.
"""

import json
import math
from array import array
from typing import Final

from projector.working_set import MODEL_HISTORY_TAG, Experiment, FirstDataset, LoggedModel, Run, Series, WorkingSet
from read_model.metric_points import Points
from schemas.claims import claim_of
from schemas.envelope import RecordedEvent
from schemas.errors import BadRequest, InvalidParameterValue, InvalidState, ResourceAlreadyExists, ResourceDoesNotExist
from schemas.events import (
    AnyEvent,
    ArtifactDeleted,
    ArtifactUploaded,
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
    MetricSeries,
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
from schemas.metric_values import stored_value
from schemas.mlflow import NEW_LOGGED_MODEL_STATUS, NEW_RUN_STATUS, RUN_NAME_TAG

MAX_MODEL_HISTORY_CHARACTERS: Final = 100_000
"""Of the tag that lists the models of older clients: some 300 of them. It is read and written with each."""


class Orphan(Exception):
    """An event about something that no earlier event of the log made."""


def fold(working_set: WorkingSet, recorded: RecordedEvent, event: AnyEvent) -> None:
    """Apply one event.

    Raises a TracklogError when the event loses against an earlier one (its writer is owed that error), and Orphan.
    """
    match event:
        case RunDataLogged():
            _run_data_logged(_run(working_set, event.run_id), event)
        case RunCreated():
            _run_created(working_set, recorded, event)
        case RunUpdated():
            _run_updated(_run(working_set, event.run_id), event)
        case RunDeleted():
            _set_run_lifecycle(_run(working_set, event.run_id), recorded, event, active=False)
        case RunRestored():
            _set_run_lifecycle(_run(working_set, event.run_id), recorded, event, active=True)
        case RunTagDeleted():
            _run(working_set, event.run_id).tags[event.key] = None
        case RunModelLogged():
            _run_model_logged(_run(working_set, event.run_id), event)
        case RunInputsLogged():
            _run_inputs_logged(working_set, recorded, event)
        case RunOutputsLogged():
            _run_outputs_logged(_run(working_set, event.run_id), event)
        case ExperimentCreated():
            _experiment_created(working_set, recorded, event)
        case ExperimentAcknowledged():
            _experiment_acknowledged(working_set, event)
        case ExperimentRenamed():
            _experiment_renamed(working_set, recorded, event)
        case ExperimentDeleted():
            _set_experiment_lifecycle(working_set, recorded, event.experiment_id, active=False)
        case ExperimentRestored():
            _set_experiment_lifecycle(working_set, recorded, event.experiment_id, active=True)
        case ExperimentTagSet():
            _experiment(working_set, event.experiment_id)
            working_set.experiment_tags[event.experiment_id, event.key] = event.value
        case ExperimentTagDeleted():
            _experiment(working_set, event.experiment_id)
            working_set.experiment_tags[event.experiment_id, event.key] = None
        case LoggedModelCreated():
            _logged_model_created(working_set, recorded, event)
        case LoggedModelFinalized():
            model = _logged_model(working_set, event.model_id)
            model.status = event.status
            _logged_model_changed(model, recorded)
        case LoggedModelParamsLogged():
            _logged_model_params_logged(_logged_model(working_set, event.model_id), event)
        case LoggedModelTagsSet():
            _logged_model(working_set, event.model_id).tags.update((tag.key, tag.value) for tag in event.tags)
        case LoggedModelTagDeleted():
            _logged_model(working_set, event.model_id).tags[event.key] = None
        case LoggedModelDeleted():
            model = _logged_model(working_set, event.model_id)
            model.active = False
            _logged_model_changed(model, recorded)
        case ArtifactUploaded() | ArtifactDeleted():
            pass  # the stores themselves are asked what they hold; the log keeps who changed it


def _run(working_set: WorkingSet, run_id: str) -> Run:
    run = working_set.runs.get(run_id)
    if run is None:
        raise Orphan(f"run {run_id!r} was never created")
    return run


def _experiment(working_set: WorkingSet, experiment_id: int) -> Experiment:
    experiment = working_set.experiments.get(experiment_id)
    if experiment is None:
        raise Orphan(f"experiment {experiment_id} was never created")
    return experiment


def _logged_model(working_set: WorkingSet, model_id: str) -> LoggedModel:
    model = working_set.logged_models.get(model_id)
    if model is None:
        raise Orphan(f"logged model {model_id!r} was never created")
    return model


# --- experiments --------------------------------------------------------------------------------------------------


def _experiment_created(working_set: WorkingSet, recorded: RecordedEvent, event: ExperimentCreated) -> None:
    """The first claim of a name wins, and the first claim of an id."""
    if event.name in working_set.experiment_ids:
        raise ResourceAlreadyExists(f"Experiment '{event.name}' already exists.")
    if event.experiment_id in working_set.experiments:
        raise ResourceAlreadyExists(f"Experiment id {event.experiment_id} is taken.")
    time_ms = recorded.time_us // 1000
    working_set.experiments[event.experiment_id] = Experiment(
        event.experiment_id,
        event.name,
        event.artifact_location,
        True,
        recorded.time_us,
        time_ms,
        time_ms,
        claim=claim_of(recorded.actor, event) if event.awaits_acknowledgement else None,
    )
    working_set.experiment_ids[event.name] = event.experiment_id
    working_set.changed_experiments.add(event.experiment_id)
    for tag in event.tags:
        working_set.experiment_tags[event.experiment_id, tag.key] = tag.value


def _experiment_acknowledged(working_set: WorkingSet, event: ExperimentAcknowledged) -> None:
    """One of the requests that would be told of the same experiment is: the first in the log."""
    experiment = _experiment(working_set, event.experiment_id)
    if experiment.claim is None:
        raise ResourceAlreadyExists(f"Experiment '{experiment.name}' already exists.")
    experiment.claim = None
    working_set.changed_experiments.add(event.experiment_id)


def _experiment_renamed(working_set: WorkingSet, recorded: RecordedEvent, event: ExperimentRenamed) -> None:
    experiment = _experiment(working_set, event.experiment_id)
    if not experiment.active:
        raise InvalidState(f"Experiment {event.experiment_id} is deleted; only an active experiment can be renamed.")
    holder = working_set.experiment_ids.get(event.name)
    if holder is not None and holder != event.experiment_id:
        raise BadRequest(f"Experiment '{event.name}' already exists: it is experiment {holder}.")
    working_set.experiment_ids.pop(experiment.name, None)
    working_set.experiment_ids[event.name] = event.experiment_id
    experiment.name = event.name
    experiment.last_update_time_ms = max(experiment.last_update_time_ms, recorded.time_us // 1000)
    working_set.changed_experiments.add(event.experiment_id)


def _set_experiment_lifecycle(
    working_set: WorkingSet, recorded: RecordedEvent, experiment_id: int, *, active: bool
) -> None:
    experiment = _experiment(working_set, experiment_id)
    if experiment.active == active:
        wanted, is_now = ("deleted", "active") if active else ("active", "deleted")
        raise ResourceDoesNotExist(f"There is no {wanted} experiment {experiment_id}; it is {is_now}.")
    experiment.active = active
    experiment.lifecycle_us = max(experiment.lifecycle_us + 1, recorded.time_us)
    experiment.lifecycle_revision += 1
    experiment.last_update_time_ms = max(experiment.last_update_time_ms, recorded.time_us // 1000)
    working_set.changed_experiments.add(experiment_id)


# --- runs ---------------------------------------------------------------------------------------------------------


def _run_created(working_set: WorkingSet, recorded: RecordedEvent, event: RunCreated) -> None:
    """Run ids are random, so a second creation is a repeat of the first."""
    if event.run_id in working_set.runs:
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
        active=True,
        lifecycle_us=recorded.time_us,
        experiment_revision=event.experiment_revision,
    )
    for tag in event.tags:
        run.tags[tag.key] = tag.value
    run.tags[RUN_NAME_TAG] = event.name
    working_set.runs[event.run_id] = run


def _run_updated(run: Run, event: RunUpdated) -> None:
    run.changed = True
    if event.status is not None:
        run.status = event.status
    if event.end_time_ms is not None:
        run.end_time_ms = event.end_time_ms
    if event.name is not None:
        run.name = event.name
        run.tags[RUN_NAME_TAG] = event.name


def _set_run_lifecycle(run: Run, recorded: RecordedEvent, event: RunDeleted | RunRestored, *, active: bool) -> None:
    """Within a run the log's order decides; against its experiment, how much of that the writers had seen.

    Of two racing writers the later in the log may have seen less. It counts all the same, with what both had seen.
    """
    run.changed = True
    run.active = active
    run.lifecycle_us = max(run.lifecycle_us + 1, recorded.time_us)
    seen = event.experiment_revision
    run.experiment_revision = None if seen is None else max(seen, run.experiment_revision or 0)


def _run_data_logged(run: Run, event: RunDataLogged) -> None:
    """The first value of a param wins; a request that brings another loses as a whole."""
    for param in event.params:
        known = run.params.get(param.key)
        if known is not None and known != param.value:
            raise InvalidParameterValue(
                f"Param '{param.key}' of run '{run.run_id}' has the value '{known}' already and cannot become"
                f" '{param.value}'. Changing param values is not allowed."
            )
    points = [_points(series) for series in event.metrics]
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
        _append_points(series, new)
    run.new_model_metrics.extend(event.model_metrics)


def _points(reported: MetricSeries) -> Points:
    """The points as they are kept. Raises when the columns are not of one length."""
    values: array[float]
    try:
        values = array("d", reported.value)  # type: ignore[arg-type]  # text raises, and is rare
    except TypeError:
        values = array("d", map(stored_value, reported.value))
    points = Points(array("q", reported.step), array("q", reported.timestamp_ms), values)
    if not len(points.steps) == len(points.timestamps_ms) == len(values) > 0:
        raise ValueError(f"the columns of metric {reported.key!r} are empty or not of one length")
    return points


def _append_points(series: Series, new: Points) -> None:
    index = newest(new)
    step, timestamp_ms, value = new.steps[index], new.timestamps_ms[index], new.values[index]
    known = (series.step, series.timestamp_ms, series.value or 0.0)
    if series.points == 0 or (step, timestamp_ms, _recency_value(value)) > known:
        series.step, series.timestamp_ms = step, timestamp_ms
        series.value = None if math.isnan(value) else value
    series.points += len(new.steps)
    series.new.append(new)


def newest(points: Points) -> int:
    """The index of the point that search sees: the greatest (step, timestamp_ms, value), NaN counting as 0.

    Source: MLflow's latest-metric rule, as observed.
    """
    steps, timestamps_ms, values = points
    last = len(steps) - 1
    if last == 0:
        return 0
    greatest = max(steps)
    if steps[last] == greatest and steps.count(greatest) == 1:
        return last  # the common case, points in the order of their steps, without comparing tuples
    return max(range(last + 1), key=lambda index: (steps[index], timestamps_ms[index], _recency_value(values[index])))


def _recency_value(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _run_model_logged(run: Run, event: RunModelLogged) -> None:
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


def _run_inputs_logged(working_set: WorkingSet, recorded: RecordedEvent, event: RunInputsLogged) -> None:
    run = _run(working_set, event.run_id)
    run.new_model_inputs.extend(event.model_ids)
    for dataset in event.datasets:
        run.new_dataset_inputs.append(dataset)
        working_set.datasets.append(FirstDataset(run.experiment_id, recorded.time_us, recorded.id.hex(), dataset))


def _run_outputs_logged(run: Run, event: RunOutputsLogged) -> None:
    model_ids = [model.model_id for model in event.models]
    repeated = [model_id for index, model_id in enumerate(model_ids) if model_id in model_ids[:index]]
    for model_id in (*repeated, *(model_id for model_id in model_ids if model_id in run.model_outputs)):
        raise BadRequest(f"Model '{model_id}' is an output of run '{run.run_id}' already.")
    for model in event.models:
        run.model_outputs.add(model.model_id)
        run.new_model_outputs[model.model_id] = model.step


# --- logged models ------------------------------------------------------------------------------------------------


def _logged_model_created(working_set: WorkingSet, recorded: RecordedEvent, event: LoggedModelCreated) -> None:
    """Model ids are random, so a second creation is a repeat of the first."""
    if event.model_id in working_set.logged_models:
        return
    time_ms = recorded.time_us // 1000
    working_set.logged_models[event.model_id] = LoggedModel(
        model_id=event.model_id,
        experiment_id=event.experiment_id,
        name=event.name,
        model_type=event.model_type,
        source_run_id=event.source_run_id,
        status=NEW_LOGGED_MODEL_STATUS,
        artifact_location=event.artifact_location,
        creation_timestamp_ms=time_ms,
        last_updated_timestamp_ms=time_ms,
        is_new=True,
        params={param.key: param.value for param in event.params},
        new_params={param.key: param.value for param in event.params},
        tags={tag.key: tag.value for tag in event.tags},
    )


def _logged_model_changed(model: LoggedModel, recorded: RecordedEvent) -> None:
    """Params, tags and metrics of a model change it as little as those of a run do."""
    model.last_updated_timestamp_ms = max(model.last_updated_timestamp_ms, recorded.time_us // 1000)
    model.changed = True


def _logged_model_params_logged(model: LoggedModel, event: LoggedModelParamsLogged) -> None:
    """A param that is there loses, even with the same value, and with it the whole request: so it is in MLflow."""
    for param in event.params:
        if param.key in model.params:
            raise BadRequest(
                f"Param '{param.key}' of logged model '{model.model_id}' exists already: params never change."
            )
    for param in event.params:
        model.params[param.key] = model.new_params[param.key] = param.value
