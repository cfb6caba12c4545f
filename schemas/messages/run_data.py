"""The requests that log something to a run: params, metrics, tags, inputs and outputs."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import msgspec

from schemas.messages.bounds import (
    MAX_BATCH_METRICS,
    MAX_BATCH_PARAMS,
    MAX_BATCH_TAGS,
    MAX_DATASET_PROFILE_CHARACTERS,
    MAX_DATASET_SCHEMA_CHARACTERS,
    MAX_DATASET_SOURCE_CHARACTERS,
    MAX_DATASET_TAGS,
    MAX_INPUT_TAG_KEY_CHARACTERS,
    MAX_INPUT_TAG_VALUE_CHARACTERS,
    MAX_INPUTS,
    MAX_MODEL_JSON_CHARACTERS,
    MAX_PARAM_CHARACTERS,
    MAX_TAG_CHARACTERS,
    Cut,
    Digest,
    Id,
    Key,
    Name,
    NumberText,
)
from schemas.messages.message import Int64, KeyValue, Message, Required
from schemas.messages.runs import RUN, RunMessage


class LogMetric(RunMessage):
    required: ClassVar[Required] = (*RUN, "key", "value", "timestamp")

    key: Key = ""
    value: float | NumberText | bool | None = None
    timestamp: Int64 | None = None
    step: Int64 = 0
    model_id: Id = ""
    dataset_name: Name = ""
    dataset_digest: Digest = ""


class LogParam(RunMessage):
    required: ClassVar[Required] = (*RUN, "key")

    key: Key = ""
    value: Annotated[str, Cut(MAX_PARAM_CHARACTERS)] = ""


class SetTag(RunMessage):
    required: ClassVar[Required] = (*RUN, "key")

    key: Key = ""
    value: Annotated[str, Cut(MAX_TAG_CHARACTERS)] = ""


class DeleteTag(Message):
    required: ClassVar[Required] = ("run_id", "key")

    run_id: Id = ""
    key: Key = ""


class LogModel(Message):
    required: ClassVar[Required] = ("run_id", "model_json")

    run_id: Id = ""
    model_json: Annotated[str, msgspec.Meta(max_length=MAX_MODEL_JSON_CHARACTERS)] = ""


class PlainMetric(Message):
    """A metric point inside log-batch, as training loops send it."""

    required: ClassVar[Required] = ("key", "value", "timestamp")

    key: Key = ""
    value: float | NumberText | bool | None = None
    timestamp: Int64 | None = None
    step: Int64 = 0


class Metric(PlainMetric):
    """A metric point inside log-batch that may be about a model or a dataset."""

    dataset_name: Name = ""
    dataset_digest: Digest = ""
    model_id: Id = ""
    run_id: Id = ""


class PlainLogBatch(Message):
    required: ClassVar[Required] = ("run_id",)

    run_id: Id = ""
    metrics: Annotated[Sequence[PlainMetric], msgspec.Meta(max_length=MAX_BATCH_METRICS)] = []
    params: Annotated[list[KeyValue], msgspec.Meta(max_length=MAX_BATCH_PARAMS)] = []
    tags: Annotated[list[KeyValue], msgspec.Meta(max_length=MAX_BATCH_TAGS)] = []


class LogBatch(PlainLogBatch):
    """Tried as PlainLogBatch first: points of four fields are decoded a third faster than points of eight."""

    plain = PlainLogBatch

    metrics: Annotated[Sequence[Metric], msgspec.Meta(max_length=MAX_BATCH_METRICS)] = []


class InputTag(KeyValue):
    """What a dataset is to a run."""

    key: Annotated[str, msgspec.Meta(max_length=MAX_INPUT_TAG_KEY_CHARACTERS)] = ""
    value: Annotated[str, msgspec.Meta(max_length=MAX_INPUT_TAG_VALUE_CHARACTERS)] = ""


class Dataset(Message):
    name: Name = ""
    digest: Digest = ""
    source_type: Name = ""
    source: Annotated[str, msgspec.Meta(max_length=MAX_DATASET_SOURCE_CHARACTERS)] = ""
    schema: Annotated[str, msgspec.Meta(max_length=MAX_DATASET_SCHEMA_CHARACTERS)] | None = None
    profile: Annotated[str, msgspec.Meta(max_length=MAX_DATASET_PROFILE_CHARACTERS)] | None = None


class DatasetInput(Message):
    tags: Annotated[list[InputTag], msgspec.Meta(max_length=MAX_DATASET_TAGS)] = []
    dataset: Dataset | None = None


class ModelInput(Message):
    model_id: Id = ""


class LogInputs(Message):
    required: ClassVar[Required] = ("run_id",)

    run_id: Id = ""
    datasets: Annotated[list[DatasetInput], msgspec.Meta(max_length=MAX_INPUTS)] = []
    models: Annotated[list[ModelInput], msgspec.Meta(max_length=MAX_INPUTS)] = []


class ModelOutput(Message):
    model_id: Id = ""
    step: Int64 = 0


class LogOutputs(Message):
    required: ClassVar[Required] = ("run_id", "models")

    run_id: Id = ""
    models: Annotated[list[ModelOutput], msgspec.Meta(max_length=MAX_INPUTS)] | None = None
