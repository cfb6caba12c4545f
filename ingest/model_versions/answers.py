"""What requests that create or change versions of registered models are answered with."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from schemas.documents.model_versions import MODEL_VERSION_ANSWER
from schemas.documents.rendering import Renderer
from schemas.events import Tag

_VERSION: Final = Renderer(MODEL_VERSION_ANSWER)


class ModelVersionInfo(NamedTuple):
    """Everything that is answered of a version."""

    name: str
    version: int
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    current_stage: str
    description: str | None
    source: str
    run_id: str
    run_link: str
    tags: Sequence[Tag]
    aliases: Sequence[str]


def model_version(version: ModelVersionInfo) -> bytes:
    """`{"model_version": …}`."""
    return _VERSION.render(version)
