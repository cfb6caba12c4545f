"""The payload of an event that was forgotten: the hash of what it was, and nothing else.

The leaf of an event holds no more of its payload than this hash, so the tree over the log goes on to verify. An event
is forgotten because its stream was erased, or because the fold had refused it for something that was erased.
"""

from hashlib import sha256
from typing import Final

_BEGIN: Final = b'{"forgotten":"'
_HEX_DIGITS: Final = 64
_HASH_END: Final = len(_BEGIN) + _HEX_DIGITS
_END: Final = b'"}'
_END_OF_REFUSED: Final = b'","refused":true}'


def forgotten(payload: bytes, *, refused: bool = False) -> bytes:
    """What takes the place of a payload, JSON as it is; of one that is forgotten already, itself."""
    if is_forgotten(payload):
        return payload
    return _BEGIN + sha256(payload).hexdigest().encode() + (_END_OF_REFUSED if refused else _END)


def is_forgotten(payload: bytes) -> bool:
    """Whether a payload was forgotten. No event has a field of this name."""
    return payload.startswith(_BEGIN) and payload[_HASH_END:] in (_END, _END_OF_REFUSED)


def is_forgotten_refusal(payload: bytes) -> bool:
    """Whether a payload was forgotten of an event that the fold had refused."""
    return is_forgotten(payload) and payload.endswith(_END_OF_REFUSED)


def payload_hash(payload: bytes) -> bytes:
    """The SHA-256 of a payload, also of one that was forgotten."""
    if payload.startswith(_BEGIN) and is_forgotten(payload):
        try:
            return bytes.fromhex(payload[len(_BEGIN) : _HASH_END].decode())
        except ValueError:
            pass
    return sha256(payload).digest()
