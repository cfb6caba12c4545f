"""Who was let in, and who was not, has no rows: the log keeps it for whoever reads the history."""

from collections.abc import Iterable, Sequence
from typing import Final

from projector.changes import Change
from projector.projection import Loading, Projection
from schemas.envelope import RecordedEvent
from schemas.events import AccessDenied, AccessGranted, AccessRefused, AnyAccessEvent


def _load(events: Sequence[AnyAccessEvent]) -> Loading[None]:
    yield from ()


def _fold(state: None, recorded: RecordedEvent, event: AnyAccessEvent) -> None:
    pass


def _changes(state: None) -> Iterable[Change]:
    return ()


ACCESS: Final = Projection((AccessRefused, AccessGranted, AccessDenied), _load, _fold, _changes)
