"""The requests about evaluation datasets. Tags and records travel as JSON in a text, as MLflow's client sends them."""

from typing import Annotated, ClassVar, Final

import msgspec

from schemas.errors import ResourceDoesNotExist
from schemas.messages.bounds import (
    MAX_DATASET_EXPERIMENTS,
    MAX_DATASET_PROFILE_CHARACTERS,
    MAX_DATASET_SCHEMA_CHARACTERS,
    MAX_DATASET_SOURCE_CHARACTERS,
    MAX_EVALUATION_DATASET_TAGS_CHARACTERS,
    MAX_RECORDS_CHARACTERS,
    MAX_RECORDS_NAMED,
    ExperimentIds,
    Filter,
    Id,
    Key,
    Name,
    Orders,
    PageToken,
    Word,
)
from schemas.messages.message import Int32, Message, Required

TagsText = Annotated[str, msgspec.Meta(max_length=MAX_EVALUATION_DATASET_TAGS_CHARACTERS)]
Experiments = Annotated[list[Id], msgspec.Meta(max_length=MAX_DATASET_EXPERIMENTS)]

NO_DATASET: Final = "Evaluation dataset with id '{}' not found"


class CreateEvaluationDataset(Message):
    """What MLflow's message has beside name, experiments and tags counts for nothing, there as here."""

    required: ClassVar[Required] = ("name",)

    name: Name = ""
    experiment_ids: Experiments = []
    source_type: Word | int | None = None
    source: Annotated[str, msgspec.Meta(max_length=MAX_DATASET_SOURCE_CHARACTERS)] = ""
    schema: Annotated[str, msgspec.Meta(max_length=MAX_DATASET_SCHEMA_CHARACTERS)] = ""
    profile: Annotated[str, msgspec.Meta(max_length=MAX_DATASET_PROFILE_CHARACTERS)] = ""
    created_by: Name = ""
    tags: TagsText = ""


class EvaluationDatasetMessage(Message):
    """What is about the dataset in the path."""

    dataset_id: Id = ""


class GetEvaluationDataset(EvaluationDatasetMessage):
    page_token: PageToken = ""


class DeleteEvaluationDataset(EvaluationDatasetMessage):
    pass


class GetEvaluationDatasetExperimentIds(EvaluationDatasetMessage):
    pass


class SetEvaluationDatasetTags(EvaluationDatasetMessage):
    required: ClassVar[Required] = ("tags",)

    tags: TagsText = ""


class DeleteEvaluationDatasetTag(EvaluationDatasetMessage):
    key: Key = ""


class UpsertDatasetRecords(EvaluationDatasetMessage):
    required: ClassVar[Required] = ("records",)

    records: Annotated[str, msgspec.Meta(max_length=MAX_RECORDS_CHARACTERS)] = ""
    updated_by: Name = ""


class GetDatasetRecords(EvaluationDatasetMessage):
    max_results: Int32 = 0
    page_token: PageToken = ""


class DeleteDatasetRecords(EvaluationDatasetMessage):
    dataset_record_ids: Annotated[list[Id], msgspec.Meta(max_length=MAX_RECORDS_NAMED)] = []


class AddDatasetToExperiments(EvaluationDatasetMessage):
    experiment_ids: Experiments = []


class RemoveDatasetFromExperiments(EvaluationDatasetMessage):
    experiment_ids: Experiments = []


class SearchEvaluationDatasets(Message):
    experiment_ids: ExperimentIds = []
    filter_string: Filter = ""
    max_results: Int32 = 0
    order_by: Orders = []
    page_token: PageToken = ""


def evaluation_dataset_not_found(dataset_id: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(NO_DATASET.format(dataset_id))
