"""The requests about the versions of registered models."""

from typing import ClassVar, Final

from schemas.errors import InvalidParameterValue
from schemas.messages.bounds import Filter, Key, Name, Orders, PageToken, Path, Word, shown
from schemas.messages.message import Int64, Message, Required
from schemas.messages.registered_models import RegistryDescription, RegistryTags, RegistryTagValue
from schemas.mlflow import LARGEST_INT64, MODEL_VERSION_STAGES

VERSION: Final[Required] = ("name", "version")


class CreateModelVersion(Message):
    required: ClassVar[Required] = ("name", "source")

    name: Name = ""
    source: Path = ""
    run_id: Name = ""
    tags: RegistryTags = []
    run_link: Path = ""
    description: RegistryDescription = ""
    model_id: Name = ""


class UpdateModelVersion(Message):
    """`description` None: not sent, which clears it."""

    required: ClassVar[Required] = VERSION

    name: Name = ""
    version: Word = ""
    description: RegistryDescription | None = None


class TransitionModelVersionStage(Message):
    required: ClassVar[Required] = (*VERSION, "stage")

    name: Name = ""
    version: Word = ""
    stage: Word = ""
    archive_existing_versions: bool = False


class DeleteModelVersion(Message):
    required: ClassVar[Required] = VERSION

    name: Name = ""
    version: Word = ""


class GetModelVersion(Message):
    required: ClassVar[Required] = VERSION

    name: Name = ""
    version: Word = ""


class SearchModelVersions(Message):
    filter: Filter = ""
    max_results: Int64 | None = None
    order_by: Orders = []
    page_token: PageToken = ""


class GetModelVersionDownloadUri(Message):
    name: Name = ""
    version: Word = ""


class SetModelVersionTag(Message):
    required: ClassVar[Required] = (*VERSION, "key")

    name: Name = ""
    version: Word = ""
    key: Key = ""
    value: RegistryTagValue = ""


class DeleteModelVersionTag(Message):
    required: ClassVar[Required] = (*VERSION, "key")

    name: Name = ""
    version: Word = ""
    key: Key = ""


def version_of(text: str) -> int:
    """The version number that `text` spells, as leniently as Python's int does.

    A number that no version can have is for the look-up to miss: it becomes 0.
    Raises InvalidParameterValue.
    """
    try:
        number = int(text)
    except ValueError as error:
        raise InvalidParameterValue(f"Model version {shown(text)} is not an integer.") from error
    return number if 0 < number <= LARGEST_INT64 else 0


def stage_of(text: str) -> str:
    """The stage that `text` names in any letter case. Raises InvalidParameterValue."""
    for stage in MODEL_VERSION_STAGES:
        if text.lower() == stage.lower():
            return stage
    raise InvalidParameterValue(
        f"Invalid Model Version stage: {shown(text)}. It must be one of {', '.join(MODEL_VERSION_STAGES)}."
    )
