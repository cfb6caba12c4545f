"""Where the files of a version of a registered model lie."""

from typing import Final

from query_api.artifact_roots import ArtifactRoot
from schemas.events.registered_models import REGISTERED_MODELS
from schemas.messages.model_versions import model_version_not_found


def _missing(reference: str) -> str:
    name, _, version = reference.rpartition("/")
    return model_version_not_found(name, version).message


MODEL_VERSION_FILES: Final = ArtifactRoot(
    "SELECT storage_location FROM model_versions WHERE reference = $1", REGISTERED_MODELS.ordering_unit, _missing
)
"""By `<name>/<number>`. What the version is made from may be deleted by now: its files are where they were."""
