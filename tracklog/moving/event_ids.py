"""Ids of imported events, made from what they are about: the same row is the same event whenever it is imported.

An id has the form of a UUID of version 7. Its first 48 bits are the event's time in ms. The 62 bits after the variant
say what the event is about, and the 12 bits after the version are a check of its payload. So an import that was broken
off, or is repeated, finds in the log what is there already, and also what has changed in the source since.
"""

from hashlib import blake2b
from typing import Final, NamedTuple
from zlib import crc32

_ABOUT_BITS: Final = 62
_VERSION: Final = 7 << 76
_VARIANT: Final = 2 << _ABOUT_BITS
_LARGEST_MS: Final = 2**48 - 1


class Derived(NamedTuple):
    """What an id is made of beside the time."""

    about: int
    check: int


def derived(about: str, payload: bytes) -> Derived:
    """What an event is about, by words that are the same at every import, and a check of its payload."""
    digest = blake2b(about.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return Derived(int.from_bytes(digest, "big") >> 2, crc32(payload) & 0xFFF)


def event_id(time_us: int, made_of: Derived) -> bytes:
    """The 16 bytes of an id."""
    time_ms = min(max(time_us // 1000, 0), _LARGEST_MS)
    return (time_ms << 80 | _VERSION | made_of.check << 64 | _VARIANT | made_of.about).to_bytes(16, "big")


def made_of(identity: bytes) -> Derived:
    """What an id was made of."""
    number = int.from_bytes(identity, "big")
    return Derived(number & (1 << _ABOUT_BITS) - 1, number >> 64 & 0xFFF)
