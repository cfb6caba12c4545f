"""What requests that create or change runs are answered with."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from ingest.runs.state import RunInfo
from schemas.documents.rendering import Renderer
from schemas.documents.runs import RUN_CREATED, RUN_UPDATED
from schemas.events import RunCreated, Tag
from schemas.mlflow import RUN_NAME_TAG

_CREATED: Final = Renderer(RUN_CREATED)
_UPDATED: Final = Renderer(RUN_UPDATED)


class _Created(NamedTuple):
    info: RunInfo
    tags: Sequence[Tag]


def run_created(info: RunInfo, event: RunCreated) -> bytes:
    """`{"run": …}` with what `event` makes: `info`, and the tags."""
    return _CREATED.render(_Created(info, [*event.tags, Tag(RUN_NAME_TAG, event.name)]))


def run_updated(info: RunInfo) -> bytes:
    """`{"run_info": …}`."""
    return _UPDATED.render(info)
