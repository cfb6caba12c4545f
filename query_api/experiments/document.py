"""An experiment, whatever its lifecycle stage, as the body of its routes."""

from typing import Final

from query_api.documents import KeyedDocument
from schemas.documents.experiments import EXPERIMENT

EXPERIMENT_BY_ID: Final = KeyedDocument("experiment", EXPERIMENT, key="experiment_id")

EXPERIMENT_BY_NAME: Final = KeyedDocument("experiment", EXPERIMENT, key="name")
