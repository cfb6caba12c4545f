"""A version of a registered model, and where its files are, as the bodies of their routes."""

from typing import Final

from query_api.documents import KeyedDocument
from query_api.port import ReadModel
from schemas.documents.model_versions import MODEL_VERSION, MODEL_VERSIONS
from schemas.documents.shape import Document, Object, Text
from schemas.messages.model_versions import (
    GetModelVersion,
    GetModelVersionDownloadUri,
    model_version_not_found,
    version_of,
)
from schemas.messages.registered_models import check_model_name

MODEL_VERSION_BY_REFERENCE: Final = KeyedDocument("model_version", MODEL_VERSION, key="reference")

DOWNLOAD_URI_BY_REFERENCE: Final = KeyedDocument(
    "", Document(MODEL_VERSIONS, Object(Text("artifact_uri", "storage_location"))), key="reference"
)


async def get_model_version(read_model: ReadModel, wanted: GetModelVersion) -> bytes:
    """`{"model_version": …}`. Raises ResourceDoesNotExist, or InvalidParameterValue for what is no name or number."""
    return await _of_version(read_model, MODEL_VERSION_BY_REFERENCE, wanted.name, wanted.version)


async def get_download_uri(read_model: ReadModel, wanted: GetModelVersionDownloadUri) -> bytes:
    """`{"artifact_uri": …}`. Raises as `get_model_version` does."""
    return await _of_version(read_model, DOWNLOAD_URI_BY_REFERENCE, wanted.name, wanted.version)


async def _of_version(read_model: ReadModel, document: KeyedDocument, name: str, version: str) -> bytes:
    check_model_name(name)
    found = await read_model.document(document, f"{name}/{version_of(version)}")
    if found is None:
        raise model_version_not_found(name, version)
    return found
