"""Where the artifacts of a logged model lie, unless it was deleted."""

from typing import Final

from query_api.artifact_roots import ArtifactRoot
from schemas.events.logged_models import LOGGED_MODELS

LOGGED_MODEL_ARTIFACTS: Final = ArtifactRoot(
    "SELECT artifact_location FROM logged_models WHERE model_id = $1 AND lifecycle_stage = 'active'",
    LOGGED_MODELS.ordering_unit,
    "Logged model with ID '{}' not found.".format,
)
