"""What requests that create experiments are answered with."""

from typing import Final, NamedTuple

from schemas.documents.experiments import EXPERIMENT_CREATED
from schemas.documents.rendering import Renderer

_CREATED: Final = Renderer(EXPERIMENT_CREATED)


class _Created(NamedTuple):
    experiment_id: int


def experiment_created(experiment_id: int) -> bytes:
    """`{"experiment_id": …}`."""
    return _CREATED.render(_Created(experiment_id))
