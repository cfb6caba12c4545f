"""From a row of a log in SQL to the event, or to a damaged event where the row is not what was written."""

from typing import Final

import orjson
import zstandard
from msgspec.structs import replace

from event_log.checksum import checksum, is_of_another_envelope
from event_log.stored_payload import MAX_EVENT_BYTES, decompressed, is_compressed
from schemas import codec
from schemas.codec import UndecodableEvent
from schemas.damaged_event import CHANGED, damaged_event
from schemas.envelope import PARTITION, Actor, RecordedEvent
from schemas.events import stream_of

_LAST_US: Final = 253_402_300_799_999_999
"""The end of the year 9999, after which Python has no dates."""


def stored_event(
    offset: int,
    event_id: bytes,
    event_type: str,
    version: int,
    stream: str | None,
    time_us: int,
    user: str | None,
    address: str,
    user_agent: str,
    request_id: str,
    payload: bytes,
    stored_checksum: int | None,
) -> RecordedEvent:
    """The event of a row. `stream` and `user` are None where the row names a stream or an actor that is not there.

    Where the checksum does not agree, or there is none and the row cannot be an event's, a damaged event.
    """
    try:
        actor = Actor(user or "", address, user_agent)
        if stored_checksum is not None:
            computed = checksum(
                offset, event_id, event_type, version, stream or "", time_us, actor, request_id, payload
            )
            if computed != stored_checksum:
                return _changed(
                    offset, event_id, event_type, version, stream, time_us, actor, request_id, payload, stored_checksum
                )
            plain = decompressed(payload)
        elif stream is None or user is None:
            return damaged_event(PARTITION, offset, "its stream, or who made it, is not in the log", stream=stream)
        else:
            plain = _plausible(event_id, time_us, payload)
    except (TypeError, ValueError, MemoryError, zstandard.ZstdError) as error:
        # Where there is a checksum, nothing has confirmed the stream.
        of_stream = stream if stored_checksum is None else None
        return damaged_event(PARTITION, offset, f"it cannot be read: {error}", stream=of_stream)
    return RecordedEvent(
        PARTITION, offset, event_id, event_type, version, stream or "", time_us, actor, request_id, plain
    )


def _changed(
    offset: int,
    event_id: bytes,
    event_type: str,
    version: int,
    stream: str | None,
    time_us: int,
    actor: Actor,
    request_id: str,
    payload: bytes,
    stored_checksum: int,
) -> RecordedEvent:
    """The event of a row whose checksum differs: whole after all where only the name of its stream was changed.

    The payload tells that name, and the checksum then proves that nothing else was changed.
    """
    computed = checksum(offset, event_id, event_type, version, stream or "", time_us, actor, request_id, payload)
    if not is_of_another_envelope(stored_checksum, computed):
        return damaged_event(PARTITION, offset, CHANGED, stream=stream)
    try:
        plain = decompressed(payload)
        event = RecordedEvent(PARTITION, offset, event_id, event_type, version, "", time_us, actor, request_id, plain)
        named = stream_of(codec.decode(event))
    except (UndecodableEvent, zstandard.ZstdError):
        return damaged_event(PARTITION, offset, CHANGED)
    if checksum(offset, event_id, event_type, version, named, time_us, actor, request_id, payload) != stored_checksum:
        return damaged_event(PARTITION, offset, CHANGED)
    return replace(event, stream=named)


def _plausible(event_id: bytes, time_us: int, payload: bytes) -> bytes:
    """The payload of an event without a checksum, decompressed. Raises ValueError, ZstdError where it cannot be one."""
    if len(event_id) != 16 or not 0 <= time_us <= _LAST_US:
        raise ValueError("its id or its time is none")
    if is_compressed(payload) and zstandard.frame_content_size(payload) > MAX_EVENT_BYTES:
        raise ValueError("it says that it is larger than any event")
    plain = decompressed(payload)
    orjson.loads(plain)
    return plain
