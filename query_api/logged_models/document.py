"""A logged model as the body of its route."""

from typing import Final

from query_api.documents import KeyedDocument
from schemas.documents.logged_models import LOGGED_MODEL

LOGGED_MODEL_BY_ID: Final = KeyedDocument("model", LOGGED_MODEL, key="model_id", where="m.lifecycle_stage = 'active'")
"""None when it was deleted."""

LOGGED_MODEL_OR_DELETED_BY_ID: Final = KeyedDocument("model", LOGGED_MODEL, key="model_id")
