"""The leaf of an event: one hash over its envelope and the hash of its payload.

A payload can be erased one day while its hash is kept, and the tree goes on to verify.
"""

import struct
from hashlib import sha256
from typing import Final, NamedTuple
from zlib import crc32

from schemas.damaged_event import CHANGED, DAMAGED_TYPE, MISSING, damage_of
from schemas.envelope import RecordedEvent

HASH_BYTES: Final = 32
HINT_BYTES: Final = 8

_LEAF: Final = b"\x00"
"""Before what is hashed for a leaf, as RFC 9162, section 2.1.1, wants it."""
_EVENT: Final = _LEAF + b"tracklog event 1\n"
_DAMAGED: Final = sha256(_LEAF + b"tracklog damaged event 1\n").digest()
_LENGTHS: Final = struct.Struct(">9I")


class Leaf(NamedTuple):
    """`hash` is what the tree holds.

    `hint`, the CRC-32 of the envelope and the beginning of the payload's hash, proves nothing: where a leaf is another
    than it was, it tells what of the event was changed. Of a damaged event it is one of those below.
    """

    hash: bytes
    hint: bytes


MISSING_LEAF: Final = Leaf(_DAMAGED, b"missing ")
CHANGED_ENVELOPE_LEAF: Final = Leaf(_DAMAGED, b"envelope")
CHANGED_PAYLOAD_LEAF: Final = Leaf(_DAMAGED, b"payload ")
UNREADABLE_LEAF: Final = Leaf(_DAMAGED, b"bytes   ")


def leaf_of(event: RecordedEvent) -> Leaf:
    """The leaf of an event: SHA-256 over a zero byte and these bytes.

    `tracklog event 1` and a line feed; the lengths of nine fields, four bytes each, the highest first; the fields: id
    (16 bytes), type, version and time in microseconds (decimal digits), stream, user, address, user agent, request id,
    texts in UTF-8; the SHA-256 of the payload's JSON. Partition and offset are the leaf's place in the tree.

    All events that could not be read when the tree came to them have one hash.
    """
    if event.type == DAMAGED_TYPE:
        return _leaf_of_damaged(event)
    event_id = event.id
    event_type = _encoded(event.type)
    version = b"%d" % event.version
    time_us = b"%d" % event.time_us
    stream = _encoded(event.stream)
    actor = event.actor
    user = _encoded(actor.user)
    address = _encoded(actor.address)
    user_agent = _encoded(actor.user_agent)
    request_id = _encoded(event.request_id)
    lengths = _LENGTHS.pack(
        len(event_id),
        len(event_type),
        len(version),
        len(time_us),
        len(stream),
        len(user),
        len(address),
        len(user_agent),
        len(request_id),
    )
    envelope = b"".join(
        (
            _EVENT,
            lengths,
            event_id,
            event_type,
            version,
            time_us,
            stream,
            user,
            address,
            user_agent,
            request_id,
        )
    )
    payload_hash = sha256(event.payload).digest()
    hint = crc32(envelope).to_bytes(4, "big") + payload_hash[:4]
    return Leaf(sha256(envelope + payload_hash).digest(), hint)


def _leaf_of_damaged(event: RecordedEvent) -> Leaf:
    damage = damage_of(event)
    if damage == MISSING:
        return MISSING_LEAF
    if damage != CHANGED:
        return UNREADABLE_LEAF
    # The stream is told where the checksum says that the payload alone was changed.
    return CHANGED_ENVELOPE_LEAF if event.stream.startswith("damaged/") else CHANGED_PAYLOAD_LEAF


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
