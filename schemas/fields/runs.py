"""What the events of a run set."""

import json
from collections.abc import Mapping
from typing import Final, assert_never

import msgspec

from schemas.events import (
    AnyRunDataEvent,
    AnyRunEvent,
    DatasetInput,
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
from schemas.fields.field import END_TIME, LIFECYCLE, NAME, PARAMS, STATUS, TAGS, THERE, Held, Value, tags_of
from schemas.mlflow import ACTIVE, DELETED, MODEL_HISTORY_TAG, NEW_RUN_STATUS, RUN_NAME_TAG

DATASETS: Final = "input_datasets."
"""Each by name and digest, and as JSON."""

INPUT_MODELS: Final = "input_models."
OUTPUT_MODELS: Final = "output_models."
"""By their ids; outputs are the steps at which they were made."""

_dataset: Final = msgspec.json.Decoder(DatasetInput)

_NAME_TAG: Final = f"{TAGS}{RUN_NAME_TAG}"
_MODEL_HISTORY: Final = f"{TAGS}{MODEL_HISTORY_TAG}"


def set_by_run_event(event: AnyRunEvent | AnyRunDataEvent, held: Held) -> Mapping[str, Value]:
    match event:
        case RunCreated():
            return {
                NAME: event.name,
                STATUS: NEW_RUN_STATUS,
                END_TIME: None,
                LIFECYCLE: ACTIVE,
                **tags_of(event.tags),
                _NAME_TAG: event.name,
            }
        case RunUpdated():
            return _updated(event)
        case RunDeleted():
            return {LIFECYCLE: DELETED}
        case RunRestored():
            return {LIFECYCLE: ACTIVE}
        case RunDataLogged():
            return _logged(event, held)
        case RunTagDeleted():
            return {f"{TAGS}{event.key}": None}
        case RunModelLogged():
            return {_MODEL_HISTORY: with_one_more_model(str(held.get(_MODEL_HISTORY) or "[]"), event.model_json)}
        case RunParamCorrected():
            return {f"{PARAMS}{event.key}": event.value}
        case RunInputsLogged():
            logged: dict[str, Value] = {
                dataset_field(one.name, one.digest): _dataset_text(one) for one in reversed(event.datasets)
            }
            logged.update((f"{INPUT_MODELS}{model_id}", THERE) for model_id in event.model_ids)
            return {field: value for field, value in logged.items() if held.get(field) is None}
        case RunInputsRemoved():
            datasets = [dataset_field(one.name, one.digest) for one in event.datasets]
            return dict.fromkeys([*datasets, *(f"{INPUT_MODELS}{model_id}" for model_id in event.model_ids)])
        case RunOutputsLogged():
            return {f"{OUTPUT_MODELS}{one.model_id}": one.step for one in event.models}
        case RunOutputsRemoved():
            return {f"{OUTPUT_MODELS}{model_id}": None for model_id in event.model_ids}
        case RunMetricCorrected() | RunErased():
            return {}
        case _:
            assert_never(event)


def dataset_field(name: str, digest: str) -> str:
    """The name of the field of a dataset that a run reads."""
    return f"{DATASETS}{name}@{digest}"


def dataset_in(value: Value) -> DatasetInput:
    """The dataset that a field holds."""
    return _dataset.decode(str(value))


def _dataset_text(dataset: DatasetInput) -> str:
    return msgspec.json.encode(dataset).decode()


def with_one_more_model(history: str, model_json: str) -> str:
    """The tag mlflow.log-model.history, a JSON list, with one more element. Raises ValueError or TypeError."""
    return json.dumps([*json.loads(history), json.loads(model_json)])


def _updated(event: RunUpdated) -> dict[str, Value]:
    fields: dict[str, Value] = {}
    if event.status is not None:
        fields[STATUS] = event.status
    if event.end_time_ms is not None or event.clears_end_time:
        fields[END_TIME] = event.end_time_ms
    if event.name is not None:
        fields[NAME] = fields[_NAME_TAG] = event.name
    return fields


def _logged(event: RunDataLogged, held: Held) -> dict[str, Value]:
    """The first value of a param stays. The tag of the name is the name; an empty one changes nothing."""
    params: dict[str, Value] = {f"{PARAMS}{param.key}": param.value for param in reversed(event.params)}
    fields: dict[str, Value] = {name: value for name, value in params.items() if held.get(name) is None} | tags_of(
        event.tags
    )
    for name in [tag.value for tag in event.tags if tag.key == RUN_NAME_TAG]:
        if name:
            fields[NAME] = fields[_NAME_TAG] = name
        else:
            fields.pop(_NAME_TAG, None)
    return fields
