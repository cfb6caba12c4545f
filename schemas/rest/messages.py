"""The request messages of the tracking routes, field for field.

A field absent from a request holds its default: the empty value, or None where absence and the empty value differ.
`required` names the fields without which a request is refused; a tuple in it means any one of several.
Every text and list declares its greatest length, by a type of `schemas.rest.bounds`; a test holds every field to it.
Source: the field tables of MLflow's service descriptors.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import msgspec

from schemas.rest.bounds import (
    MAX_ARTIFACT_LOCATION_CHARACTERS,
    MAX_BATCH_METRICS,
    MAX_BATCH_PARAMS,
    MAX_BATCH_TAGS,
    MAX_DATASET_PROFILE_CHARACTERS,
    MAX_DATASET_SCHEMA_CHARACTERS,
    MAX_DATASET_SOURCE_CHARACTERS,
    MAX_DATASET_TAGS,
    MAX_DATASETS_SEARCHED,
    MAX_EXPERIMENT_TAG_CHARACTERS,
    MAX_INPUT_TAG_KEY_CHARACTERS,
    MAX_INPUT_TAG_VALUE_CHARACTERS,
    MAX_INPUTS,
    MAX_MODEL_JSON_CHARACTERS,
    MAX_NEW_PAIRS,
    MAX_ORDER_TERMS,
    MAX_PARAM_CHARACTERS,
    MAX_TAG_CHARACTERS,
    Cut,
    Digest,
    ExperimentIds,
    Filter,
    Id,
    Key,
    Name,
    NumberText,
    Orders,
    PageToken,
    Path,
    RunIds,
    RunName,
    Word,
)

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Required = tuple[str | tuple[str, ...], ...]


class Message(msgspec.Struct, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A request. Unknown fields take the slow path of `schemas.rest.decode`, where they are ignored."""

    required: ClassVar[Required] = ()
    plain: "ClassVar[type[Message] | None]" = None
    """A base class with fewer fields, which the common request fills; a request may be decoded as that instead."""


RUN: Required = (("run_id", "run_uuid"),)


class RunMessage(Message):
    """A request about one run, which clients of every age name either way."""

    required: ClassVar[Required] = RUN

    run_id: Id = ""
    run_uuid: Id = ""

    @property
    def run(self) -> str:
        """The run's id, however it was named."""
        return self.run_id or self.run_uuid


class KeyValue(Message):
    """A tag or a param inside a request."""

    required: ClassVar[Required] = ("key",)

    key: Key = ""
    value: Annotated[str, Cut(MAX_TAG_CHARACTERS)] = ""
    """A param's is cut shorter."""


class ExperimentTag(KeyValue):
    value: Annotated[str, msgspec.Meta(max_length=MAX_EXPERIMENT_TAG_CHARACTERS)] = ""


class InputTag(KeyValue):
    """What a dataset is to a run."""

    key: Annotated[str, msgspec.Meta(max_length=MAX_INPUT_TAG_KEY_CHARACTERS)] = ""
    value: Annotated[str, msgspec.Meta(max_length=MAX_INPUT_TAG_VALUE_CHARACTERS)] = ""


NewPairs = Annotated[list[KeyValue], msgspec.Meta(max_length=MAX_NEW_PAIRS)]


# --- experiments --------------------------------------------------------------------------------------------------


class CreateExperiment(Message):
    required: ClassVar[Required] = ("name",)

    name: Name = ""
    artifact_location: Annotated[str, msgspec.Meta(max_length=MAX_ARTIFACT_LOCATION_CHARACTERS)] = ""
    tags: Annotated[list[ExperimentTag], msgspec.Meta(max_length=MAX_NEW_PAIRS)] = []


class GetExperiment(Message):
    required: ClassVar[Required] = ("experiment_id",)

    experiment_id: Id = ""


class GetExperimentByName(Message):
    required: ClassVar[Required] = ("experiment_name",)

    experiment_name: Name = ""


class DeleteExperiment(Message):
    required: ClassVar[Required] = ("experiment_id",)

    experiment_id: Id = ""


class RestoreExperiment(Message):
    required: ClassVar[Required] = ("experiment_id",)

    experiment_id: Id = ""


class UpdateExperiment(Message):
    required: ClassVar[Required] = ("experiment_id", "new_name")

    experiment_id: Id = ""
    new_name: Name = ""


class SetExperimentTag(Message):
    required: ClassVar[Required] = ("experiment_id", "key")

    experiment_id: Id = ""
    key: Key = ""
    value: Annotated[str, msgspec.Meta(max_length=MAX_EXPERIMENT_TAG_CHARACTERS)] = ""


class DeleteExperimentTag(Message):
    required: ClassVar[Required] = ("experiment_id", "key")

    experiment_id: Id = ""
    key: Key = ""


class SearchExperiments(Message):
    max_results: Int64 | None = None
    page_token: PageToken = ""
    filter: Filter = ""
    order_by: Orders = []
    view_type: Word | int | None = None


class SearchDatasets(Message):
    experiment_ids: ExperimentIds = []


# --- runs ---------------------------------------------------------------------------------------------------------


class CreateRun(Message):
    experiment_id: Id = ""
    user_id: Name = ""
    run_name: RunName = ""
    start_time: Int64 = 0
    tags: NewPairs = []


class UpdateRun(RunMessage):
    status: Word | int | None = None
    end_time: Int64 | None = None
    run_name: RunName = ""


class DeleteRun(Message):
    required: ClassVar[Required] = ("run_id",)

    run_id: Id = ""


class RestoreRun(Message):
    required: ClassVar[Required] = ("run_id",)

    run_id: Id = ""


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


class LogModel(Message):
    required: ClassVar[Required] = ("run_id", "model_json")

    run_id: Id = ""
    model_json: Annotated[str, msgspec.Meta(max_length=MAX_MODEL_JSON_CHARACTERS)] = ""


class DeleteTag(Message):
    required: ClassVar[Required] = ("run_id", "key")

    run_id: Id = ""
    key: Key = ""


class GetRun(RunMessage):
    pass


class SearchRuns(Message):
    experiment_ids: ExperimentIds = []
    filter: Filter = ""
    run_view_type: Word | int | None = None
    max_results: Int32 = 1000
    order_by: Orders = []
    page_token: PageToken = ""


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


# --- metric history -----------------------------------------------------------------------------------------------


class GetMetricHistory(RunMessage):
    required: ClassVar[Required] = (*RUN, "metric_key")

    metric_key: Key = ""
    page_token: PageToken = ""
    max_results: Int32 | None = None


class GetMetricHistoryBulkInterval(Message):
    required: ClassVar[Required] = ("run_ids", "metric_key")

    run_ids: RunIds | None = None
    metric_key: Key = ""
    start_step: Int32 | None = None
    end_step: Int32 | None = None
    max_results: Int32 | None = None


# --- logged models ------------------------------------------------------------------------------------------------


class CreateLoggedModel(Message):
    required: ClassVar[Required] = ("experiment_id",)

    experiment_id: Id = ""
    name: Name = ""
    model_type: Name = ""
    source_run_id: Id = ""
    params: NewPairs = []
    tags: NewPairs = []


class FinalizeLoggedModel(Message):
    required: ClassVar[Required] = ("status",)

    model_id: Id = ""
    status: Word | int | None = None


class GetLoggedModel(Message):
    model_id: Id = ""
    allow_deleted: bool = False


class DeleteLoggedModel(Message):
    model_id: Id = ""


class LogLoggedModelParams(Message):
    model_id: Id = ""
    params: NewPairs = []


class SetLoggedModelTags(Message):
    model_id: Id = ""
    tags: NewPairs = []


class DeleteLoggedModelTag(Message):
    model_id: Id = ""
    tag_key: Key = ""


class LoggedModelsOrderBy(Message):
    field_name: Name = ""
    ascending: bool = True
    dataset_name: Name = ""
    dataset_digest: Digest = ""


class LoggedModelsDataset(Message):
    dataset_name: Name = ""
    dataset_digest: Digest = ""


class SearchLoggedModels(Message):
    required: ClassVar[Required] = ("experiment_ids",)

    experiment_ids: ExperimentIds | None = None
    filter: Filter = ""
    datasets: Annotated[list[LoggedModelsDataset], msgspec.Meta(max_length=MAX_DATASETS_SEARCHED)] = []
    max_results: Int32 | None = None
    order_by: Annotated[list[LoggedModelsOrderBy], msgspec.Meta(max_length=MAX_ORDER_TERMS)] = []
    page_token: PageToken = ""


# --- artifacts ----------------------------------------------------------------------------------------------------


class ListArtifacts(RunMessage):
    path: Path = ""
    page_token: PageToken = ""
