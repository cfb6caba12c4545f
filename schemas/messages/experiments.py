"""The requests about experiments, and about the datasets in them."""

from typing import Annotated, ClassVar

import msgspec

from schemas.messages.bounds import (
    MAX_ARTIFACT_LOCATION_CHARACTERS,
    MAX_EXPERIMENT_TAG_CHARACTERS,
    MAX_NEW_PAIRS,
    ExperimentIds,
    Filter,
    Id,
    Key,
    Name,
    Orders,
    PageToken,
    Word,
)
from schemas.messages.message import Int64, KeyValue, Message, Required


class ExperimentTag(KeyValue):
    value: Annotated[str, msgspec.Meta(max_length=MAX_EXPERIMENT_TAG_CHARACTERS)] = ""


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
