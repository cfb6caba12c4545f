"""What commands say about the data of a run, checked and in the shape that events keep, whatever the state of the run.

Points are checked in bulk: a batch of a thousand passes in columns, each distinct key is checked once.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from ingest.keys import check_key, repeated
from schemas.errors import BadRequest, InvalidParameterValue
from schemas.events import DatasetInput, MetricSeries, ModelMetric, ModelOutput, Param, Tag
from schemas.messages.bounds import MAX_PARAM_CHARACTERS, MAX_TAG_CHARACTERS
from schemas.messages.message import KeyValue
from schemas.messages.run_data import (
    Dataset,
    LogInputs,
    LogMetric,
    LogModel,
    LogOutputs,
    LogParam,
    Metric,
    PlainLogBatch,
    PlainMetric,
    SetTag,
)
from schemas.messages.run_data import DatasetInput as DatasetInputMessage
from schemas.metric_values import metric_value
from schemas.mlflow import RUN_NAME_TAG

MAX_ENTITIES: Final = 1000
"""Of one log-batch, altogether."""

MODEL_FIELDS: Final = ("run_id", "artifact_path", "utc_time_created", "model_uuid", "flavors")
"""What of a model MLflow keeps in the tag, in its order; all but the fourth must be there."""


class RunData(msgspec.Struct, frozen=True, gc=False):
    """Params, metric points and tags of one request."""

    params: list[Param] = []
    metrics: list[MetricSeries] = []
    model_metrics: list[ModelMetric] = []
    tags: list[Tag] = []


class RunInputs(msgspec.Struct, frozen=True):
    """Datasets and models that a run read, each model once."""

    datasets: list[DatasetInput]
    model_ids: list[str]


def metric(command: LogMetric) -> RunData:
    """Raises InvalidParameterValue."""
    key = command.key
    check_key(key, "key")
    value = metric_value(command.value, "value")
    timestamp_ms = command.timestamp
    check_timestamp(timestamp_ms, "timestamp")
    if command.dataset_name or command.dataset_digest:
        _check_dataset(command)
    series = [MetricSeries(key, [value], [timestamp_ms], [command.step])]  # type: ignore[list-item]  # just checked
    if not command.model_id:
        return RunData(metrics=series)
    return RunData(metrics=series, model_metrics=[_model_metric(command, value)])


def param(command: LogParam) -> RunData:
    """Raises InvalidParameterValue."""
    check_key(command.key, "key")
    return RunData(params=[Param(command.key, command.value[:MAX_PARAM_CHARACTERS])])


def tag(command: SetTag) -> RunData:
    """Raises InvalidParameterValue."""
    check_key(command.key, "key")
    return RunData(tags=_tags([command]))


def batch(command: PlainLogBatch) -> RunData:
    """Raises InvalidParameterValue."""
    metrics, params, tags = command.metrics, command.params, command.tags
    count = len(metrics) + len(params) + len(tags)
    if count > MAX_ENTITIES:
        raise InvalidParameterValue(
            f"A batch may hold at most {MAX_ENTITIES} metrics, params and tags, and this one holds {count}."
        )
    return RunData(
        params=_params(params) if params else [],
        metrics=_series(metrics) if metrics else [],
        model_metrics=_model_metrics(metrics) if metrics else [],
        tags=_tags(tags) if tags else [],
    )


def model_json(command: LogModel) -> str:
    """What is kept of a model: MODEL_FIELDS, without the settings of its flavors. Raises InvalidParameterValue."""
    model = _model(command.model_json)
    if missing := {field for field in MODEL_FIELDS if field != "model_uuid"} - model.keys():
        raise InvalidParameterValue(f"Model json is missing mandatory fields: {', '.join(sorted(missing))}")
    flavors = model["flavors"] or {}
    if not isinstance(flavors, dict):
        raise InvalidParameterValue(f"Field 'flavors' of the model must be an object, got {type(flavors).__name__}.")
    kept = {field: model.get(field) for field in MODEL_FIELDS}
    kept["flavors"] = {name: _without_config(flavor) for name, flavor in flavors.items()}
    return json.dumps(kept)


def _model(text: str) -> dict[str, Any]:
    try:
        model = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidParameterValue("Malformed model info: model_json is not a valid JSON.") from error
    if not isinstance(model, dict):
        raise InvalidParameterValue(f"model_json must be a JSON object, got {type(model).__name__}.")
    return model


def _without_config(flavor: Any) -> Any:
    return {name: value for name, value in flavor.items() if name != "config"} if isinstance(flavor, dict) else flavor


def inputs(command: LogInputs) -> RunInputs:
    """Raises InvalidParameterValue or BadRequest."""
    for model in command.models:
        _check_model_id(model.model_id)
    return RunInputs(
        datasets=[_dataset_input(dataset) for dataset in command.datasets],
        model_ids=list(dict.fromkeys(model.model_id for model in command.models)),
    )


def outputs(command: LogOutputs) -> list[ModelOutput]:
    """Raises InvalidParameterValue or BadRequest."""
    models = command.models or []
    for model in models:
        _check_model_id(model.model_id)
    if again := repeated(model.model_id for model in models):
        raise BadRequest(f"Model '{again[0]}' is given twice as an output of run '{command.run_id}'.")
    return [ModelOutput(model.model_id, model.step) for model in models]


def _series(metrics: Sequence[PlainMetric]) -> list[MetricSeries]:
    """The points by key, each key's in the order they were sent."""
    series: dict[str, MetricSeries] = {}
    known = series.get
    for metric in metrics:
        one = known(metric.key)
        if one is None:
            check_key(metric.key, "metrics.key")
            one = series[metric.key] = MetricSeries(metric.key, [], [], [])
        one.value.append(metric.value)  # type: ignore[arg-type]  # checked in bulk below
        one.timestamp_ms.append(metric.timestamp)  # type: ignore[arg-type]  # likewise
        one.step.append(metric.step)
    return [_checked(one) for one in series.values()]


def _checked(series: MetricSeries) -> MetricSeries:
    """The series when its values and times may be kept, its values as they are kept."""
    times = series.timestamp_ms
    if None in times or min(times) < 0:
        for timestamp_ms in times:
            check_timestamp(timestamp_ms, "metrics.timestamp")
    if set(map(type, series.value)) == {float}:
        return series
    values = [metric_value(value, "metrics.value") for value in series.value]
    return MetricSeries(series.key, values, times, series.step)


def _check_dataset(metric: Metric | LogMetric) -> None:
    """A dataset is identified by its name and its digest together."""
    if bool(metric.dataset_name) != bool(metric.dataset_digest):
        raise InvalidParameterValue(
            "'dataset_name' and 'dataset_digest' of a metric belong together: give both or none."
        )


def _model_metrics(metrics: Sequence[PlainMetric]) -> list[ModelMetric]:
    """The points that are about a model too; a batch of plain points has none."""
    found: list[ModelMetric] = []
    for metric in metrics:
        if not isinstance(metric, Metric):
            break  # the points of one batch are of one type
        _check_dataset(metric)
        if metric.model_id:
            found.append(_model_metric(metric, metric_value(metric.value, "value")))
    return found


def _model_metric(metric: Metric | LogMetric, value: float | str) -> ModelMetric:
    check_timestamp(metric.timestamp, "timestamp")
    return ModelMetric(
        model_id=metric.model_id,
        key=metric.key,
        value=value,
        timestamp_ms=metric.timestamp or 0,
        step=metric.step,
        dataset_name=metric.dataset_name or None,
        dataset_digest=metric.dataset_digest or None,
    )


def _params(params: Sequence[KeyValue]) -> list[Param]:
    keys = [param.key for param in params]
    _check_keys(keys, "params.key")
    if again := repeated(keys):
        raise InvalidParameterValue(f"Param '{again[0]}' is given twice; each may be given once.")
    return [Param(param.key, param.value[:MAX_PARAM_CHARACTERS]) for param in params]


def _tags(tags: Sequence[KeyValue | SetTag]) -> list[Tag]:
    """The last of equal keys wins; a name that is empty is none, and leaves the run its own, as MLflow does."""
    last = {tag.key: tag.value for tag in tags if tag.value or tag.key != RUN_NAME_TAG}
    _check_keys(last, "tags.key")
    return [Tag(key, value[:MAX_TAG_CHARACTERS]) for key, value in last.items()]


def _check_keys(keys: Iterable[str], field: str) -> None:
    for key in keys:
        check_key(key, field)


def _dataset_input(sent: DatasetInputMessage) -> DatasetInput:
    dataset = sent.dataset or Dataset()
    return DatasetInput(
        name=dataset.name,
        digest=dataset.digest,
        source_type=dataset.source_type,
        source=dataset.source,
        schema=dataset.schema,
        profile=dataset.profile,
        tags=_input_tags(sent.tags),
    )


def _input_tags(tags: Sequence[KeyValue]) -> list[Tag]:
    for tag in tags:
        if not tag.key:
            raise InvalidParameterValue("Missing value for required parameter 'tags.key'.")
    if again := repeated(tag.key for tag in tags):
        raise BadRequest(f"Tag '{again[0]}' of a dataset input is given twice.")
    return [Tag(tag.key, tag.value) for tag in tags]


def _check_model_id(model_id: str) -> None:
    if not model_id:
        raise InvalidParameterValue("Missing value for required parameter 'models.model_id'.")


def check_timestamp(timestamp_ms: int | None, field: str) -> None:
    """Refuse a time that is missing or before the Unix epoch. Raises InvalidParameterValue."""
    if timestamp_ms is None:
        raise InvalidParameterValue(f"Missing value for required parameter '{field}'.")
    if timestamp_ms < 0:
        raise InvalidParameterValue(
            f"Invalid value {timestamp_ms} for parameter '{field}': it must be a nonnegative 64-bit integer."
        )
