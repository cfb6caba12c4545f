"""What is known of an event beside its payload: the CloudEvents 1.0 attributes of Tracklog.

An event before and after it is stored are two types, because only the second has a place in the log. They are structs
and not dataclasses because one is made for each event: frozen dataclasses take ten times as long to make.
"""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import uuid_utils

from schemas.errors import ResourceAlreadyExists
from schemas.events import AnyEvent, stream_of

PARTITION: Final = 0
"""The only one of a log in an SQL database."""

Positions = Mapping[int, int]
"""For each partition the offset of the *next* event: an end, or a checkpoint."""


class Position(msgspec.Struct, frozen=True, gc=False):
    """An event's place in the log: `offset` counts from 0 inside `partition`."""

    partition: int
    offset: int


class Actor(msgspec.Struct, frozen=True, gc=False):
    """Who asked for a change. `user` is "anonymous" without authentication and "system" for Tracklog itself."""

    user: str = "anonymous"
    address: str = ""
    user_agent: str = ""


SYSTEM = Actor(user="system")

IMPORT_AGENT: Final = "tracklog-import"
"""The user agent of events that were imported."""


def importer_from(source: str) -> Actor:
    """The actor of events that were imported: Tracklog itself, and in the place of an address the store they are from.

    Who did what they say is in their payloads, as far as the store knows.
    """
    return Actor(SYSTEM.user, source, IMPORT_AGENT)


def is_imported(actor: Actor) -> bool:
    """Whether an event was imported from another store. Its time is then the one that the store has."""
    return actor.user == SYSTEM.user and actor.user_agent == IMPORT_AGENT


def repeats(event_id: bytes) -> ResourceAlreadyExists:
    """What an imported event is refused with that is in the log already, and was folded there."""
    return ResourceAlreadyExists(f"The event {uuid.UUID(bytes=event_id)} was imported before.")


RESERVED_USERS: Final = frozenset({Actor().user, SYSTEM.user})
"""What events say where nobody is known, and of Tracklog itself: no user is called so."""


class EventData(msgspec.Struct, frozen=True, gc=False):
    """An event that is to be appended. `id` is a UUIDv7, `time_us` microseconds since the Unix epoch."""

    id: bytes
    stream: str
    time_us: int
    actor: Actor
    request_id: str
    payload: AnyEvent

    @property
    def ordering_unit(self) -> str:
        """What the event's partition is chosen by."""
        return self.payload.kind.shared_unit or self.stream


class RecordedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as the log keeps it: its envelope, its place, and its payload still encoded.

    `payload` is the JSON that `schemas.codec.decode` turns into an event; it stays bytes so that one undecodable
    event can be set aside without losing the batch it came in. `sealed` is what the log holds in its place, where that
    is sealed and not forgotten.
    """

    partition: int
    offset: int
    id: bytes
    type: str
    version: int
    stream: str
    time_us: int
    actor: Actor
    request_id: str
    payload: bytes
    sealed: bytes = b""


class EventClock:
    """Times and ids for new events, never going backwards within this process.

    Nothing is decided by comparing the times of two processes: their clocks differ. `time_ns` is the clock it reads.
    """

    def __init__(self, time_ns: Callable[[], int] = time.time_ns) -> None:
        self._time_ns = time_ns
        self._last_us = 0

    def stamp(self, payload: AnyEvent, actor: Actor, request_id: str) -> EventData:
        """Give `payload` its envelope."""
        now_us = max(self._time_ns() // 1000, self._last_us + 1)
        self._last_us = now_us
        return EventData(uuid_utils.uuid7().bytes, stream_of(payload), now_us, actor, request_id, payload)
