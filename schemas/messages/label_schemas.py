"""The requests about label schemas."""

from typing import Annotated, ClassVar

import msgspec

from schemas.errors import ResourceAlreadyExists, ResourceDoesNotExist
from schemas.messages.bounds import (
    MAX_INSTRUCTION_CHARACTERS,
    MAX_LABEL_CHARACTERS,
    MAX_OPTIONS,
    Id,
    Key,
    PageToken,
    Word,
)
from schemas.messages.message import Int32, Int64, Message, Required

Label = Annotated[str, msgspec.Meta(max_length=MAX_LABEL_CHARACTERS)]
Instruction = Annotated[str, msgspec.Meta(max_length=MAX_INSTRUCTION_CHARACTERS)]


class PassFailInput(Message):
    positive_label: Label = ""
    negative_label: Label = ""


class CategoricalInput(Message):
    options: Annotated[list[Label], msgspec.Meta(max_length=MAX_OPTIONS)] = []
    multi_select: bool = False


class NumericInput(Message):
    min_value: float | None = None
    max_value: float | None = None


class TextInput(Message):
    max_length: Int64 | None = None


class LabelSchemaInput(Message):
    """What kind of answer is wanted: exactly one of these."""

    pass_fail: PassFailInput | None = None
    categorical: CategoricalInput | None = None
    numeric: NumericInput | None = None
    text: TextInput | None = None


class CreateLabelSchema(Message):
    required: ClassVar[Required] = ("experiment_id", "name")

    experiment_id: Id = ""
    name: Key = ""
    type: Word | int | None = None
    input: LabelSchemaInput | None = None
    instruction: Instruction | None = None
    enable_comment: bool = False


class LabelSchemaMessage(Message):
    required: ClassVar[Required] = ("schema_id",)

    schema_id: Id = ""


class GetLabelSchema(LabelSchemaMessage):
    pass


class DeleteLabelSchema(LabelSchemaMessage):
    pass


class UpdateLabelSchema(LabelSchemaMessage):
    name: Key | None = None
    input: LabelSchemaInput | None = None
    instruction: Instruction | None = None
    enable_comment: bool | None = None


class GetLabelSchemaByName(Message):
    required: ClassVar[Required] = ("experiment_id", "name")

    experiment_id: Id = ""
    name: Key = ""


class ListLabelSchemas(Message):
    required: ClassVar[Required] = ("experiment_id",)

    experiment_id: Id = ""
    max_results: Int32 = 100
    page_token: PageToken = ""


def label_schema_not_found(schema_id: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"Label schema with id '{schema_id}' not found.")


def label_schema_exists(experiment_id: int, name: str) -> ResourceAlreadyExists:
    return ResourceAlreadyExists(f"Label schema with name '{name}' already exists for experiment '{experiment_id}'.")
