"""The requests about registered models."""

import re
from typing import Annotated, ClassVar, Final

import msgspec

from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.bounds import (
    MAX_ALIAS_CHARACTERS,
    MAX_NEW_PAIRS,
    MAX_REGISTRY_DESCRIPTION_CHARACTERS,
    MAX_REGISTRY_TAG_CHARACTERS,
    Filter,
    Key,
    Name,
    Orders,
    PageToken,
    Word,
    shown,
)
from schemas.messages.message import Int64, KeyValue, Message, Required

RegistryDescription = Annotated[str, msgspec.Meta(max_length=MAX_REGISTRY_DESCRIPTION_CHARACTERS)]
RegistryTagValue = Annotated[str, msgspec.Meta(max_length=MAX_REGISTRY_TAG_CHARACTERS)]
Alias = Annotated[str, msgspec.Meta(max_length=MAX_ALIAS_CHARACTERS)]

MAX_STAGES: Final = 100

_ALIAS_CHARACTERS: Final = re.compile(r"[\w\-]+\Z")
_RESERVED_ALIAS: Final = re.compile(r"latest\Z|v\d+\Z", re.IGNORECASE)


class RegistryTag(KeyValue):
    """A tag of a new registered model or version."""

    value: RegistryTagValue = ""


RegistryTags = Annotated[list[RegistryTag], msgspec.Meta(max_length=MAX_NEW_PAIRS)]


class RegisteredModelMessage(Message):
    """A request about one registered model, by its name."""

    required: ClassVar[Required] = ("name",)

    name: Name = ""


class CreateRegisteredModel(RegisteredModelMessage):
    tags: RegistryTags = []
    description: RegistryDescription = ""


class RenameRegisteredModel(RegisteredModelMessage):
    required: ClassVar[Required] = ("name", "new_name")

    new_name: Name = ""


class UpdateRegisteredModel(RegisteredModelMessage):
    description: RegistryDescription = ""


class DeleteRegisteredModel(RegisteredModelMessage):
    pass


class GetRegisteredModel(RegisteredModelMessage):
    pass


class SearchRegisteredModels(Message):
    filter: Filter = ""
    max_results: Int64 | None = None
    order_by: Orders = []
    page_token: PageToken = ""


class GetLatestVersions(RegisteredModelMessage):
    stages: Annotated[list[Word], msgspec.Meta(max_length=MAX_STAGES)] = []


class SetRegisteredModelTag(RegisteredModelMessage):
    required: ClassVar[Required] = ("name", "key")

    key: Key = ""
    value: RegistryTagValue = ""


class DeleteRegisteredModelTag(RegisteredModelMessage):
    required: ClassVar[Required] = ("name", "key")

    key: Key = ""


class SetRegisteredModelAlias(RegisteredModelMessage):
    required: ClassVar[Required] = ("name", "alias", "version")

    alias: Alias = ""
    version: Word = ""


class DeleteRegisteredModelAlias(RegisteredModelMessage):
    required: ClassVar[Required] = ("name", "alias")

    alias: Alias = ""


class GetModelVersionByAlias(RegisteredModelMessage):
    required: ClassVar[Required] = ("name", "alias")

    alias: Alias = ""


def registered_model_not_found(name: str) -> ResourceDoesNotExist:
    """The error where no registered model has this name."""
    return ResourceDoesNotExist(f"Registered Model with name={name} not found")


def check_model_name(name: str, field: str = "name") -> None:
    """Refuse what no registered model is called: blanks, and what paths and URIs are divided by.

    Raises InvalidParameterValue. Source: MLflow 3.17 as observed.
    """
    if not name.strip():
        raise InvalidParameterValue(f"Invalid value {shown(name)} for parameter '{field}': it must not be blank.")
    if "/" in name or ":" in name or name == "." or name.startswith(".."):
        raise InvalidParameterValue(
            f"Invalid value {shown(name)} for parameter '{field}': the name of a registered model holds no '/' and no"
            " ':', is not '.', and does not begin with '..'."
        )


def check_alias(alias: str) -> None:
    """Refuse what no alias is. Raises InvalidParameterValue."""
    if not _ALIAS_CHARACTERS.match(alias):
        raise InvalidParameterValue(
            f"Invalid value {shown(alias)} for parameter 'alias': an alias may hold only letters, digits, underscores"
            " and dashes."
        )


def check_new_alias(alias: str) -> None:
    """Refuse what no alias is, and what would be taken for a version. Raises InvalidParameterValue."""
    check_alias(alias)
    if _RESERVED_ALIAS.match(alias):
        raise InvalidParameterValue(
            f"Invalid value {shown(alias)} for parameter 'alias': 'latest', and 'v' with a number, are reserved."
        )
