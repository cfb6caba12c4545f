"""The request messages of the tracking routes, field for field.

A field absent from a request holds its default: the empty value, or None where absence and the empty value differ.
`required` names the fields without which a request is refused; a tuple in it means any one of several.
Source: the field tables of MLflow's service descriptors.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import msgspec

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

    run_id: str = ""
    run_uuid: str = ""

    @property
    def run(self) -> str:
        """The run's id, however it was named."""
        return self.run_id or self.run_uuid


class KeyValue(Message):
    """A tag or a param inside a request."""

    required: ClassVar[Required] = ("key",)

    key: str = ""
    value: str = ""


# --- experiments --------------------------------------------------------------------------------------------------


class CreateExperiment(Message):
    required: ClassVar[Required] = ("name",)

    name: str = ""
    artifact_location: str = ""
    tags: list[KeyValue] = []


class GetExperiment(Message):
    required: ClassVar[Required] = ("experiment_id",)

    experiment_id: str = ""


class GetExperimentByName(Message):
    required: ClassVar[Required] = ("experiment_name",)

    experiment_name: str = ""


class DeleteExperiment(Message):
    required: ClassVar[Required] = ("experiment_id",)

    experiment_id: str = ""


class RestoreExperiment(Message):
    required: ClassVar[Required] = ("experiment_id",)

    experiment_id: str = ""


class UpdateExperiment(Message):
    required: ClassVar[Required] = ("experiment_id", "new_name")

    experiment_id: str = ""
    new_name: str = ""


class SetExperimentTag(Message):
    required: ClassVar[Required] = ("experiment_id", "key")

    experiment_id: str = ""
    key: str = ""
    value: str = ""


class DeleteExperimentTag(Message):
    required: ClassVar[Required] = ("experiment_id", "key")

    experiment_id: str = ""
    key: str = ""


class SearchExperiments(Message):
    max_results: Int64 | None = None
    page_token: str = ""
    filter: str = ""
    order_by: list[str] = []
    view_type: str | int | None = None


class SearchDatasets(Message):
    experiment_ids: list[str] = []


# --- runs ---------------------------------------------------------------------------------------------------------


class CreateRun(Message):
    experiment_id: str = ""
    user_id: str = ""
    run_name: str = ""
    start_time: Int64 = 0
    tags: list[KeyValue] = []


class UpdateRun(RunMessage):
    status: str | int | None = None
    end_time: Int64 | None = None
    run_name: str = ""


class DeleteRun(Message):
    required: ClassVar[Required] = ("run_id",)

    run_id: str = ""


class RestoreRun(Message):
    required: ClassVar[Required] = ("run_id",)

    run_id: str = ""


class LogMetric(RunMessage):
    required: ClassVar[Required] = (*RUN, "key", "value", "timestamp")

    key: str = ""
    value: float | str | bool | None = None
    timestamp: Int64 | None = None
    step: Int64 = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class LogParam(RunMessage):
    required: ClassVar[Required] = (*RUN, "key")

    key: str = ""
    value: str = ""


class SetTag(RunMessage):
    required: ClassVar[Required] = (*RUN, "key")

    key: str = ""
    value: str = ""


class LogModel(Message):
    required: ClassVar[Required] = ("run_id", "model_json")

    run_id: str = ""
    model_json: str = ""


class DeleteTag(Message):
    required: ClassVar[Required] = ("run_id", "key")

    run_id: str = ""
    key: str = ""


class GetRun(RunMessage):
    pass


class SearchRuns(Message):
    experiment_ids: list[str] = []
    filter: str = ""
    run_view_type: str | int | None = None
    max_results: Int32 = 1000
    order_by: list[str] = []
    page_token: str = ""


class PlainMetric(Message):
    """A metric point inside log-batch, as training loops send it."""

    required: ClassVar[Required] = ("key", "value", "timestamp")

    key: str = ""
    value: float | str | bool | None = None
    timestamp: Int64 | None = None
    step: Int64 = 0


class Metric(PlainMetric):
    """A metric point inside log-batch that may be about a model or a dataset."""

    dataset_name: str = ""
    dataset_digest: str = ""
    model_id: str = ""
    run_id: str = ""


class PlainLogBatch(Message):
    required: ClassVar[Required] = ("run_id",)

    run_id: str = ""
    metrics: Sequence[PlainMetric] = []
    params: list[KeyValue] = []
    tags: list[KeyValue] = []


class LogBatch(PlainLogBatch):
    """Tried as PlainLogBatch first: points of four fields are decoded a third faster than points of eight."""

    plain = PlainLogBatch

    metrics: Sequence[Metric] = []


class Dataset(Message):
    name: str = ""
    digest: str = ""
    source_type: str = ""
    source: str = ""
    schema: str | None = None
    profile: str | None = None


class DatasetInput(Message):
    tags: list[KeyValue] = []
    dataset: Dataset | None = None


class ModelInput(Message):
    model_id: str = ""


class LogInputs(Message):
    required: ClassVar[Required] = ("run_id",)

    run_id: str = ""
    datasets: list[DatasetInput] = []
    models: list[ModelInput] = []


class ModelOutput(Message):
    model_id: str = ""
    step: Int64 = 0


class LogOutputs(Message):
    required: ClassVar[Required] = ("run_id", "models")

    run_id: str = ""
    models: list[ModelOutput] | None = None


# --- metric history -----------------------------------------------------------------------------------------------


class GetMetricHistory(RunMessage):
    required: ClassVar[Required] = (*RUN, "metric_key")

    metric_key: str = ""
    page_token: str = ""
    max_results: Int32 | None = None


class GetMetricHistoryBulkInterval(Message):
    required: ClassVar[Required] = ("run_ids", "metric_key")

    run_ids: list[str] | None = None
    metric_key: str = ""
    start_step: Int32 | None = None
    end_step: Int32 | None = None
    max_results: Int32 | None = None


# --- logged models ------------------------------------------------------------------------------------------------


class CreateLoggedModel(Message):
    required: ClassVar[Required] = ("experiment_id",)

    experiment_id: str = ""
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: list[KeyValue] = []
    tags: list[KeyValue] = []


class FinalizeLoggedModel(Message):
    required: ClassVar[Required] = ("status",)

    model_id: str = ""
    status: str | int | None = None


class GetLoggedModel(Message):
    model_id: str = ""
    allow_deleted: bool = False


class DeleteLoggedModel(Message):
    model_id: str = ""


class LogLoggedModelParams(Message):
    model_id: str = ""
    params: list[KeyValue] = []


class SetLoggedModelTags(Message):
    model_id: str = ""
    tags: list[KeyValue] = []


class DeleteLoggedModelTag(Message):
    model_id: str = ""
    tag_key: str = ""


class LoggedModelsOrderBy(Message):
    field_name: str = ""
    ascending: bool = True
    dataset_name: str = ""
    dataset_digest: str = ""


class LoggedModelsDataset(Message):
    dataset_name: str = ""
    dataset_digest: str = ""


class SearchLoggedModels(Message):
    required: ClassVar[Required] = ("experiment_ids",)

    experiment_ids: list[str] | None = None
    filter: str = ""
    datasets: list[LoggedModelsDataset] = []
    max_results: Int32 | None = None
    order_by: list[LoggedModelsOrderBy] = []
    page_token: str = ""


# --- artifacts ----------------------------------------------------------------------------------------------------


class ListArtifacts(RunMessage):
    path: str = ""
    page_token: str = ""
