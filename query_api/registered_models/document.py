"""A registered model, its latest versions and the version behind an alias, as the bodies of their routes."""

from typing import Final

import orjson

from query_api.documents import KeyedDocument
from query_api.model_versions.document import MODEL_VERSION_BY_REFERENCE
from query_api.port import ReadModel
from schemas.documents.model_versions import MODEL_VERSION
from schemas.documents.registered_models import LATEST_VERSIONS, REGISTERED_MODEL
from schemas.documents.shape import Document, Source
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.model_versions import stage_of
from schemas.messages.registered_models import (
    GetLatestVersions,
    GetModelVersionByAlias,
    GetRegisteredModel,
    check_alias,
    check_model_name,
    registered_model_not_found,
)

REGISTERED_MODEL_BY_NAME: Final = KeyedDocument("registered_model", REGISTERED_MODEL, key="name")

LATEST_VERSIONS_BY_NAME: Final = KeyedDocument("", LATEST_VERSIONS, key="name")

MODEL_VERSION_BY_ALIAS: Final = KeyedDocument(
    "model_version",
    Document(Source("registered_model_aliases", "a", joined=Source("model_versions", "v")), MODEL_VERSION.shape),
    key="reference",
)
"""The version that an alias stands for, in one statement: an alias has a reference of its own."""

_LATEST: Final = "latest"
"""In any letter case, an alias that nobody sets: it stands for the version with the highest number."""


async def get_registered_model(read_model: ReadModel, wanted: GetRegisteredModel) -> bytes:
    """`{"registered_model": …}`. Raises ResourceDoesNotExist, or InvalidParameterValue for what is no name."""
    check_model_name(wanted.name)
    found = await read_model.document(REGISTERED_MODEL_BY_NAME, wanted.name)
    if found is None:
        raise registered_model_not_found(wanted.name)
    return found


async def get_latest_versions(read_model: ReadModel, wanted: GetLatestVersions) -> bytes:
    """`{"model_versions": […]}`, the highest version in each of the stages, of all without any; `{}` without versions.

    Raises ResourceDoesNotExist, or InvalidParameterValue for what is no name or no stage.
    """
    check_model_name(wanted.name)
    found = await read_model.document(LATEST_VERSIONS_BY_NAME, wanted.name)
    if found is None:
        raise registered_model_not_found(wanted.name)
    stages = set(map(stage_of, wanted.stages))
    return _in_stages(found, stages) if stages else found


def _in_stages(latest: bytes, stages: set[str]) -> bytes:
    """Of the latest versions, one for each stage there is, those in some stages."""
    versions = [one for one in orjson.loads(latest).get("model_versions", ()) if one["current_stage"] in stages]
    return orjson.dumps({"model_versions": versions} if versions else {})


async def get_model_version_by_alias(read_model: ReadModel, wanted: GetModelVersionByAlias) -> bytes:
    """`{"model_version": …}`. Raises ResourceDoesNotExist for an unknown model, or for `latest` without versions.

    Raises InvalidParameterValue for an alias that the model does not have.
    """
    check_model_name(wanted.name)
    check_alias(wanted.alias)
    if wanted.alias.lower() == _LATEST:
        return await _highest_version(read_model, wanted.name)
    found = await read_model.document(MODEL_VERSION_BY_ALIAS, f"{wanted.name}@{wanted.alias}")
    if found is None:
        await _check_model(read_model, wanted.name)
        raise InvalidParameterValue(f"Registered model alias {wanted.alias} not found.")
    return found


async def _highest_version(read_model: ReadModel, name: str) -> bytes:
    """Asks again when the version was deleted between its number and itself."""
    highest = read_model.dialect.statement("SELECT max(version) FROM model_versions WHERE name = $1")
    while True:
        ((number,),) = await read_model.lookup(highest, (name,))
        if number is None:
            await _check_model(read_model, name)
            raise ResourceDoesNotExist(f"Registered Model with name={name} has no versions")
        found = await read_model.document(MODEL_VERSION_BY_REFERENCE, f"{name}/{number}")
        if found is not None:
            return found


async def _check_model(read_model: ReadModel, name: str) -> None:
    """Raises ResourceDoesNotExist when there is no model of this name."""
    statement = read_model.dialect.statement("SELECT 1 FROM registered_models WHERE name = $1")
    if not await read_model.lookup(statement, (name,)):
        raise registered_model_not_found(name)
