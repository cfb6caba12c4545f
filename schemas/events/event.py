"""What all events are, how an event knows its stream, and the values that several of them hold.

Each class is the newest version of its event; older shapes are lifted to it by `schemas.upcasters`.
Times without a unit in their name do not exist here; `*_ms` is milliseconds since the Unix epoch by the client's clock.
"""

from dataclasses import dataclass
from typing import ClassVar

import msgspec


@dataclass(frozen=True, slots=True)
class StreamKind:
    """One kind of aggregate: what the names of its streams begin with, and in what their events are ordered.

    The events of one stream are always in order. Where the order between streams decides as well, because names are
    unique across them or numbers are given out, all streams of the kind share one ordering unit, as those of
    registered models do.
    """

    name: str
    """Before the first slash of a stream's name."""
    shared_unit: str | None = None
    """The ordering unit of all streams of the kind; None where each is one of its own."""

    def stream(self, key: str) -> str:
        """The name of the stream of one aggregate."""
        return f"{self.name}/{key}"

    def ordering_unit(self, key: str) -> str:
        """What the partition of the events of one aggregate is chosen by."""
        return self.shared_unit or self.stream(key)


class Undo(msgspec.Struct, frozen=True, gc=False):
    """That an event undoes others: their ids, UUIDs as text, and what the fields that it sets were found to be.

    Where a field is another by the time of the fold, the event is refused: what was not seen is not overwritten.
    """

    events: list[str]
    found: dict[str, str | int | None] = {}


class Origin(msgspec.Struct, frozen=True, gc=False):
    """That an event was brought in from elsewhere: where it was first, and the user who brought it.

    `source` is the id of another log, or the store of an import. Time and actor of the event are those of there.
    """

    source: str
    brought_by: str


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A fact. `event_type` and `event_version` name its stored shape for ever.

    The events of an aggregate share a base class that declares `kind` and `stream_key`. Any event may be an `undo` of
    others, and may have an `origin`; readers who do not know these pass them over.
    """

    event_type: ClassVar[str]
    event_version: ClassVar[int] = 1
    kind: ClassVar[StreamKind]

    undo: Undo | None = None
    origin: Origin | None = None

    @property
    def stream_key(self) -> str:
        """Which aggregate of its kind the event is about: what the name of its stream ends with."""
        raise NotImplementedError


class Tag(msgspec.Struct, frozen=True, gc=False):
    """A key and its text."""

    key: str
    value: str


class Param(msgspec.Struct, frozen=True, gc=False):
    """A parameter of a run or a logged model: written once, never changed."""

    key: str
    value: str
