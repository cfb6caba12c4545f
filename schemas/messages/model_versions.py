"""The requests about the versions of registered models."""

from typing import ClassVar, Final

from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.bounds import Filter, Key, Name, Orders, PageToken, Path, Word, shown
from schemas.messages.message import Int64, Message, Required
from schemas.messages.registered_models import (
    RegisteredModelMessage,
    RegistryDescription,
    RegistryTags,
    RegistryTagValue,
)
from schemas.mlflow import LARGEST_INT64, MODEL_VERSION_STAGES

VERSION: Final[Required] = ("name", "version")


class ModelVersionMessage(RegisteredModelMessage):
    """A request about one version of a registered model, by its number as text."""

    required: ClassVar[Required] = VERSION

    version: Word = ""


class CreateModelVersion(RegisteredModelMessage):
    required: ClassVar[Required] = ("name", "source")

    source: Path = ""
    run_id: Name = ""
    tags: RegistryTags = []
    run_link: Path = ""
    description: RegistryDescription = ""
    model_id: Name = ""


class UpdateModelVersion(ModelVersionMessage):
    """`description` None: not sent, which clears it."""

    description: RegistryDescription | None = None


class TransitionModelVersionStage(ModelVersionMessage):
    required: ClassVar[Required] = (*VERSION, "stage")

    stage: Word = ""
    archive_existing_versions: bool = False


class DeleteModelVersion(ModelVersionMessage):
    pass


class GetModelVersion(ModelVersionMessage):
    pass


class SearchModelVersions(Message):
    filter: Filter = ""
    max_results: Int64 | None = None
    order_by: Orders = []
    page_token: PageToken = ""


class GetModelVersionDownloadUri(ModelVersionMessage):
    required: ClassVar[Required] = ()


class SetModelVersionTag(ModelVersionMessage):
    required: ClassVar[Required] = (*VERSION, "key")

    key: Key = ""
    value: RegistryTagValue = ""


class DeleteModelVersionTag(ModelVersionMessage):
    required: ClassVar[Required] = (*VERSION, "key")

    key: Key = ""


def model_version_not_found(name: str, version: int | str) -> ResourceDoesNotExist:
    """The error where a model has no such version, or is not there itself."""
    return ResourceDoesNotExist(f"Model Version (name={name}, version={version}) not found")


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
