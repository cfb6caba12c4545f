"""The requests about experiments, and about the datasets in them."""

from typing import Annotated, ClassVar

import msgspec

from schemas.errors import InvalidParameterValue
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
    shown,
)
from schemas.messages.message import Int64, KeyValue, Message, Required
from schemas.mlflow import LARGEST_INT64


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


def experiment_id_of(text: str) -> int:
    """The experiment id that `text` spells, as leniently as Python's int does.

    An id no experiment can have (negative, beyond 64 bits) is for the look-up to miss: it becomes -1.
    Raises InvalidParameterValue.
    """
    try:
        number = int(text)
    except ValueError as error:
        raise InvalidParameterValue(f"Experiment id {shown(text)} is not an integer.") from error
    return number if 0 <= number <= LARGEST_INT64 else -1
