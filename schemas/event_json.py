"""An event as one JSON object: what the history answers over REST and prints on the command line, and what another
server takes."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import orjson

from schemas.envelope import Actor, RecordedEvent

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_VALUES_OF_ENVELOPE: Final = 12
"""Ten commas and brackets around a payload, one between two events, and one to spare."""


def event_id_text(event_id: bytes) -> str:
    """The id of an event as people and programs write it: a UUID."""
    return str(uuid.UUID(bytes=event_id))


def time_text(time_us: int) -> str:
    """RFC 3339 in UTC, with microseconds."""
    return (_EPOCH + timedelta(microseconds=time_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def client_time_text(time_ms: int) -> str:
    """A time that a client gave, in milliseconds; the number itself where it is in no year of four digits."""
    try:
        return time_text(time_ms * 1000)
    except (OverflowError, ValueError):
        return str(time_ms)


def event_json(event: RecordedEvent) -> bytes:
    """The envelope's attributes, the event's place in the log, and its payload as `data`, exactly as it is stored.

    `time` is RFC 3339 in UTC with microseconds, `id` a UUID.
    """
    return orjson.dumps(
        {
            "id": event_id_text(event.id),
            "type": event.type,
            "version": event.version,
            "stream": event.stream,
            "time": time_text(event.time_us),
            "actor": {
                "user": event.actor.user,
                "address": event.actor.address,
                "user_agent": event.actor.user_agent,
            },
            "request_id": event.request_id,
            "partition": event.partition,
            "offset": event.offset,
            "data": orjson.Fragment(event.payload),
        }
    )


def event_document(
    event_id: str, event_type: str, version: int, time_us: int, actor: Actor, request_id: str, payload: bytes
) -> dict[str, Any]:
    """An event as the route takes it that brings events in: it gets its place and its stream there."""
    return {
        "id": event_id,
        "type": event_type,
        "version": version,
        "time": time_text(time_us),
        "actor": {"user": actor.user, "address": actor.address, "user_agent": actor.user_agent},
        "request_id": request_id,
        "data": orjson.Fragment(payload),
    }


def values_of_document(payload: bytes) -> int:
    """How many values the document of an event has at most, by what `schemas.rest.body` counts. Texts count too."""
    return sum(map(payload.count, (b",", b"[", b"{"))) + _VALUES_OF_ENVELOPE


class _ActorJson(msgspec.Struct, frozen=True):
    """All of an actor: what is left out is no default here."""

    user: str
    address: str
    user_agent: str


class EventJson(msgspec.Struct, frozen=True):
    """What `event_json` writes, read again."""

    id: str
    type: str
    version: int
    stream: str
    time: str
    actor: _ActorJson
    request_id: str
    partition: int
    offset: int
    data: msgspec.Raw

    def event(self) -> RecordedEvent:
        """The event. Raises ValueError where the id is none, or the time is not as events have it."""
        time_us = (datetime.fromisoformat(self.time) - _EPOCH) // timedelta(microseconds=1)
        if time_text(time_us) != self.time:
            raise ValueError(f"{self.time} is no time as events have it")
        return RecordedEvent(
            self.partition,
            self.offset,
            uuid.UUID(self.id).bytes,
            self.type,
            self.version,
            self.stream,
            time_us,
            Actor(self.actor.user, self.actor.address, self.actor.user_agent),
            self.request_id,
            bytes(self.data),
        )


def event_of_json(text: bytes) -> RecordedEvent:
    """The event that `event_json` wrote. Raises msgspec.DecodeError, ValueError."""
    return msgspec.json.decode(text, type=EventJson).event()
