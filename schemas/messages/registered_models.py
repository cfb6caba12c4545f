"""The requests about registered models."""

from typing import Annotated, ClassVar, Final

import msgspec

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
)
from schemas.messages.message import Int64, KeyValue, Message, Required

RegistryDescription = Annotated[str, msgspec.Meta(max_length=MAX_REGISTRY_DESCRIPTION_CHARACTERS)]
RegistryTagValue = Annotated[str, msgspec.Meta(max_length=MAX_REGISTRY_TAG_CHARACTERS)]
Alias = Annotated[str, msgspec.Meta(max_length=MAX_ALIAS_CHARACTERS)]

MAX_STAGES: Final = 100


class RegistryTag(KeyValue):
    """A tag of a new registered model or version."""

    value: RegistryTagValue = ""


RegistryTags = Annotated[list[RegistryTag], msgspec.Meta(max_length=MAX_NEW_PAIRS)]


class CreateRegisteredModel(Message):
    required: ClassVar[Required] = ("name",)

    name: Name = ""
    tags: RegistryTags = []
    description: RegistryDescription = ""


class RenameRegisteredModel(Message):
    required: ClassVar[Required] = ("name", "new_name")

    name: Name = ""
    new_name: Name = ""


class UpdateRegisteredModel(Message):
    required: ClassVar[Required] = ("name",)

    name: Name = ""
    description: RegistryDescription = ""


class DeleteRegisteredModel(Message):
    required: ClassVar[Required] = ("name",)

    name: Name = ""


class GetRegisteredModel(Message):
    required: ClassVar[Required] = ("name",)

    name: Name = ""


class SearchRegisteredModels(Message):
    filter: Filter = ""
    max_results: Int64 | None = None
    order_by: Orders = []
    page_token: PageToken = ""


class GetLatestVersions(Message):
    required: ClassVar[Required] = ("name",)

    name: Name = ""
    stages: Annotated[list[Word], msgspec.Meta(max_length=MAX_STAGES)] = []


class SetRegisteredModelTag(Message):
    required: ClassVar[Required] = ("name", "key")

    name: Name = ""
    key: Key = ""
    value: RegistryTagValue = ""


class DeleteRegisteredModelTag(Message):
    required: ClassVar[Required] = ("name", "key")

    name: Name = ""
    key: Key = ""


class SetRegisteredModelAlias(Message):
    required: ClassVar[Required] = ("name", "alias", "version")

    name: Name = ""
    alias: Alias = ""
    version: Word = ""


class DeleteRegisteredModelAlias(Message):
    required: ClassVar[Required] = ("name", "alias")

    name: Name = ""
    alias: Alias = ""


class GetModelVersionByAlias(Message):
    required: ClassVar[Required] = ("name", "alias")

    name: Name = ""
    alias: Alias = ""
