"""A recorded event as one JSON object: what the history answers over REST and prints on the command line."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from schemas.envelope import RecordedEvent

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def event_id_text(event_id: bytes) -> str:
    """The id of an event as people and programs write it: a UUID."""
    return str(uuid.UUID(bytes=event_id))


def time_text(time_us: int) -> str:
    """RFC 3339 in UTC, with microseconds."""
    return (_EPOCH + timedelta(microseconds=time_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


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
