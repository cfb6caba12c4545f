"""Artifacts have no rows: the stores themselves are asked what they hold, and the log keeps who changed it."""

from collections.abc import Iterable, Sequence
from typing import Final, get_args

from projector.changes import Change
from projector.projection import Loading, Projection
from schemas.envelope import RecordedEvent
from schemas.events import AnyArtifactEvent


def _load(events: Sequence[AnyArtifactEvent]) -> Loading[None]:
    yield from ()


def _fold(state: None, recorded: RecordedEvent, event: AnyArtifactEvent) -> None:
    pass


def _changes(state: None) -> Iterable[Change]:
    return ()


ARTIFACTS: Final = Projection(get_args(AnyArtifactEvent), _load, _fold, _changes)
