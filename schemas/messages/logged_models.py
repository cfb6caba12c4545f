"""The requests about logged models."""

from typing import Annotated, ClassVar

import msgspec

from schemas.messages.bounds import (
    MAX_DATASETS_SEARCHED,
    MAX_ORDER_TERMS,
    Digest,
    ExperimentIds,
    Filter,
    Id,
    Key,
    Name,
    PageToken,
    Word,
)
from schemas.messages.message import Int32, Message, NewPairs, Required


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
