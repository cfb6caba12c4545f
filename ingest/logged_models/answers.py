"""What requests that create or change logged models are answered with."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from schemas.documents.logged_models import LOGGED_MODEL_ANSWER
from schemas.documents.rendering import Renderer
from schemas.envelope import EventData
from schemas.events import LoggedModelCreated, Param, Tag
from schemas.mlflow import NEW_LOGGED_MODEL_STATUS

_MODEL: Final = Renderer(LOGGED_MODEL_ANSWER)


class ModelMetric(NamedTuple):
    """One point, its value as JSON."""

    key: str
    value_json: str
    timestamp_ms: int
    step: int
    dataset_name: str | None
    dataset_digest: str | None
    model_id: str
    run_id: str


class LoggedModelInfo(NamedTuple):
    """Everything that is answered of a logged model."""

    model_id: str
    experiment_id: int
    name: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    artifact_location: str
    status: int
    model_type: str
    source_run_id: str
    tags: Sequence[Tag]
    params: Sequence[Param]
    metrics: Sequence[ModelMetric]


def logged_model_created(stamped: EventData, event: LoggedModelCreated) -> bytes:
    """`{"model": …}` as `event` makes it."""
    created_ms = stamped.time_us // 1000
    return logged_model(
        LoggedModelInfo(
            model_id=event.model_id,
            experiment_id=event.experiment_id,
            name=event.name,
            creation_timestamp_ms=created_ms,
            last_updated_timestamp_ms=created_ms,
            artifact_location=event.artifact_location,
            status=NEW_LOGGED_MODEL_STATUS,
            model_type=event.model_type,
            source_run_id=event.source_run_id,
            tags=event.tags,
            params=event.params,
            metrics=(),
        )
    )


def logged_model(model: LoggedModelInfo) -> bytes:
    """`{"model": …}`."""
    return _MODEL.render(model)
