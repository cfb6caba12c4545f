"""A checksum over a stored event, which tells a changed bit when it is read. For the logs in SQL databases.

It covers every field of the row in one form, whatever the tables look like, and tells the envelope from the payload:
the upper 31 bits are of the CRC-32 of the envelope, the lower 32 are that of envelope and payload. So of an event whose
payload alone is damaged the stream is known. The offset is mixed in by XOR, because in PostgreSQL only the statement
that appends knows it.

A CRC finds every error in up to 32 neighbouring bits, and misses one in four thousand million others. It does
not protect the log against deliberate changes.
"""

from typing import Final
from zlib import crc32

from schemas.damaged_event import DAMAGED_TYPE
from schemas.envelope import Actor, RecordedEvent

_PAYLOAD_BITS: Final = 32
_UNSIGNED: Final = 0x7FFFFFFF


def checksum(
    offset: int,
    event_id: bytes,
    event_type: str,
    version: int,
    stream: str,
    time_us: int,
    actor: Actor,
    request_id: str,
    payload: bytes,
) -> int:
    """The checksum of an event, from 0 to 2**63 - 1. `payload` as it is stored, compressed or not."""
    text = (
        f"{time_us}\0{event_type}\0{version}\0{stream}\0{actor.user}\0{actor.address}\0{actor.user_agent}\0{request_id}"
    )
    envelope = crc32(event_id + text.encode())
    return ((envelope & _UNSIGNED) << _PAYLOAD_BITS | crc32(payload, envelope)) ^ offset


def checksum_of_copy(event: RecordedEvent, payload: bytes) -> int:
    """The checksum of an event of another log, whose `payload` is as it is stored here.

    That of a damaged event differs from what it should be: it is damaged in the copy too.
    """
    of_copy = checksum(
        event.offset,
        event.id,
        event.type,
        event.version,
        event.stream,
        event.time_us,
        event.actor,
        event.request_id,
        payload,
    )
    return of_copy ^ 1 if event.type == DAMAGED_TYPE else of_copy


def is_of_another_envelope(stored: int, computed: int) -> bool:
    """Whether two different checksums differ in the envelope: then not even the stream is to be believed."""
    return (stored ^ computed) >> _PAYLOAD_BITS != 0
