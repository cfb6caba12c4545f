"""A logged model as the body of its route."""

from typing import Final

from query_api.documents import KeyedDocument
from query_api.port import ReadModel
from schemas.documents.logged_models import LOGGED_MODEL
from schemas.errors import ResourceDoesNotExist
from schemas.messages.logged_models import GetLoggedModel

LOGGED_MODEL_BY_ID: Final = KeyedDocument("model", LOGGED_MODEL, key="model_id", where="m.lifecycle_stage = 'active'")
"""None when it was deleted."""

LOGGED_MODEL_OR_DELETED_BY_ID: Final = KeyedDocument("model", LOGGED_MODEL, key="model_id")


async def get_logged_model(read_model: ReadModel, wanted: GetLoggedModel) -> bytes:
    """`{"model": …}`. Raises ResourceDoesNotExist, also for a model that was deleted unless that is allowed."""
    document = LOGGED_MODEL_OR_DELETED_BY_ID if wanted.allow_deleted else LOGGED_MODEL_BY_ID
    found = await read_model.document(document, wanted.model_id)
    if found is None:
        raise ResourceDoesNotExist(f"Logged model with ID '{wanted.model_id}' not found.")
    return found
