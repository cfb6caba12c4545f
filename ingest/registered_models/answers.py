"""What requests that create or change registered models are answered with."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from ingest.model_versions.answers import ModelVersionInfo
from schemas.documents.registered_models import REGISTERED_MODEL_ANSWER
from schemas.documents.rendering import Renderer
from schemas.envelope import EventData
from schemas.events import RegisteredModelCreated, Tag

_MODEL: Final = Renderer(REGISTERED_MODEL_ANSWER)


class HeldAlias(NamedTuple):
    """An alias and the version that it stands for."""

    alias: str
    version: int


class RegisteredModelInfo(NamedTuple):
    """Everything that is answered of a registered model."""

    name: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    description: str
    latest_versions: Sequence[ModelVersionInfo]
    tags: Sequence[Tag]
    aliases: Sequence[HeldAlias]


def registered_model_created(stamped: EventData, event: RegisteredModelCreated) -> bytes:
    """`{"registered_model": …}` as `event` makes it."""
    created_ms = stamped.time_us // 1000
    return registered_model(
        RegisteredModelInfo(
            name=event.name,
            creation_timestamp_ms=created_ms,
            last_updated_timestamp_ms=created_ms,
            description=event.description,
            latest_versions=(),
            tags=event.tags,
            aliases=(),
        )
    )


def registered_model(model: RegisteredModelInfo) -> bytes:
    """`{"registered_model": …}`."""
    return _MODEL.render(model)
