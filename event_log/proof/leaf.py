"""The leaf of an event: one hash over its envelope and the hash of its payload.

A payload can be forgotten while its hash is kept, and the tree goes on to verify.
"""

from hashlib import sha256
from typing import Final, NamedTuple
from zlib import crc32

from msgspec.structs import replace

from schemas.damaged_event import CHANGED, DAMAGED_TYPE, MISSING, damage_of
from schemas.envelope import Actor, RecordedEvent
from schemas.forgotten import payload_hash as hash_of_payload

HASH_BYTES: Final = 32
HINT_BYTES: Final = 8

_LINES: Final = 11
_LAST_LINE_BYTES: Final = 2 * HASH_BYTES + 1
_DAMAGED: Final = sha256(b"\0tracklog damaged event 1\n").digest()


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
    """The leaf of an event: SHA-256 over a zero byte and this text, in UTF-8.

    Eleven lines, each with a line feed at its end: `tracklog event 1`; id, in hexadecimal digits; type; version; time
    in microseconds since the Unix epoch; stream; user; address; user agent; request id; the SHA-256 of the payload's
    JSON, in hexadecimal digits, also where the payload itself was forgotten, and of the sealed payload where it is
    sealed. In a field a backslash is written as two, and a line feed as a backslash and an `n`.
    Partition and offset are the leaf's place in the tree.

    All events that could not be read when the tree came to them have one hash.
    """
    if event.type == DAMAGED_TYPE:
        return _leaf_of_damaged(event)
    payload_hash = hash_of_payload(event.sealed or event.payload)
    text = _text(event, payload_hash)
    if "\\" in text or text.count("\n") != _LINES:
        text = _text(_escaped(event), payload_hash)
    encoded = text.encode("utf-8", "surrogatepass")
    return Leaf(sha256(encoded).digest(), crc32(encoded[:-_LAST_LINE_BYTES]).to_bytes(4, "big") + payload_hash[:4])


def _text(event: RecordedEvent, payload_hash: bytes) -> str:
    """What is hashed. The zero byte in front is that of all leaves (RFC 9162, section 2.1.1)."""
    actor = event.actor
    return (
        f"\0tracklog event 1\n{event.id.hex()}\n{event.type}\n{event.version}\n{event.time_us}\n{event.stream}\n"
        f"{actor.user}\n{actor.address}\n{actor.user_agent}\n{event.request_id}\n{payload_hash.hex()}\n"
    )


def _escaped(event: RecordedEvent) -> RecordedEvent:
    """The event, each text of it in one line."""
    actor = Actor(*map(_in_one_line, (event.actor.user, event.actor.address, event.actor.user_agent)))
    event_type, stream, request_id = map(_in_one_line, (event.type, event.stream, event.request_id))
    return replace(event, type=event_type, stream=stream, request_id=request_id, actor=actor)


def _in_one_line(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _leaf_of_damaged(event: RecordedEvent) -> Leaf:
    damage = damage_of(event)
    if damage == MISSING:
        return MISSING_LEAF
    if damage != CHANGED:
        return UNREADABLE_LEAF
    # The stream is told where the checksum says that the payload alone was changed.
    return CHANGED_ENVELOPE_LEAF if event.stream.startswith("damaged/") else CHANGED_PAYLOAD_LEAF
