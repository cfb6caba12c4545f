"""Imported events count once: an import that is repeated, or two at once, may put one into the log again."""

from collections.abc import Sequence, Set
from typing import Final

from projector.changes import InsertNew, Read, Row
from projector.projection import Loading
from schemas.envelope import RecordedEvent, is_imported, repeats
from schemas.errors import TracklogError
from schemas.events import AnyEvent

_TABLE: Final = "imported_events"
_STREAM: Final = 3
"""Where in a row its stream is."""


def was_brought(recorded: RecordedEvent, event: AnyEvent) -> bool:
    """Whether an event was first elsewhere: it came by the route for such events, or by an import into this log."""
    return event.origin is not None or is_imported(recorded.actor)


class KnownImports:
    """The imported events of a batch that were folded before it, and in it."""

    def __init__(self, known: set[str]) -> None:
        self._known = known
        self._new: list[Row] = []

    def check(self, recorded: RecordedEvent) -> None:
        """Raises ResourceAlreadyExists for an event that was folded before, whatever came of it."""
        if recorded.id.hex() in self._known:
            raise repeats(recorded.id)

    def folded(self, recorded: RecordedEvent, refusal: TracklogError | None) -> None:
        """The fold took an event, or refused it. What is set aside is neither: it will be folded."""
        code, message = (None, None) if refusal is None else (refusal.error_code, refusal.message)
        self._known.add(recorded.id.hex())
        self._new.append((recorded.id.hex(), code, message, recorded.stream))

    def leave_out(self, streams: Set[str]) -> None:
        """Of streams that were erased nothing is noted: what comes of them again is refused for that."""
        self._new = [row for row in self._new if row[_STREAM] not in streams]

    def changes(self) -> list[InsertNew]:
        """What the batch adds to the table."""
        return [InsertNew(_TABLE, self._new)] if self._new else []


def load(ids: Sequence[bytes]) -> Loading[KnownImports]:
    """Which of the events with these ids were folded before."""
    rows = yield Read(_TABLE, ("event_id",), "event_id", {one.hex() for one in ids})
    return KnownImports({event_id for (event_id,) in rows})
