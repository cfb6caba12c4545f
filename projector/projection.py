"""What a projection is: how the events of one aggregate become rows."""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from projector.changes import Change, Reading, Row
from schemas.envelope import RecordedEvent

State = TypeVar("State")
AnEvent = TypeVar("AnEvent")

Loading: TypeAlias = Generator[Reading, Sequence[Row], State]
"""Yields what is to be read, is sent its rows, and returns the state: a reading may rest on the rows of another."""


class Orphan(Exception):
    """An event about something that no earlier event of the log made."""


@dataclass(frozen=True, slots=True, eq=False)
class Projection(Generic[State, AnEvent]):
    """A projection is pure: no clock, no I/O, no configuration. The same events give the same rows at every replay.

    `load(events)` reads what folding those events can ask for.
    `fold(state, recorded, event)` applies one event to the state in place. It raises a TracklogError when the event
    loses against an earlier one, which its writer is answered with, and Orphan. It checks before its first change, so
    an event that is refused, or whose fold raises, leaves the state as it was.
    `changes(state)` are the changes to the tables that the state has come to, in the order in which to make them.
    """

    events: tuple[type, ...]
    load: Callable[[Sequence[AnEvent]], Loading[State]]
    fold: Callable[[State, RecordedEvent, AnEvent], None]
    changes: Callable[[State], Iterable[Change]]


AnyProjection: TypeAlias = Projection[Any, Any]
