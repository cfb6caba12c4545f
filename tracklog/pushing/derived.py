"""Ids of what a push adds, made from what it is about: the same at every push, whoever pushes."""

import uuid
from hashlib import blake2b
from typing import Final

_LEAST_ID: Final = 10**17
_IDS: Final = 9 * 10**17


def experiment_id(name: str) -> int:
    """The id of an experiment that a push creates: of its name alone, so that two who push it agree."""
    digest = blake2b(f"experiment\0{name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return _LEAST_ID + int.from_bytes(digest, "big") % _IDS


def event_id(original: str, about: str) -> str:
    """The id of an event that is made of another: a UUID whose time, in its first 48 bits, is that of the other."""
    digest = blake2b(f"{original}\0{about}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
    time_bits = uuid.UUID(original).int >> 80
    rest = int.from_bytes(digest, "big") & (1 << 80) - 1
    plain = time_bits << 80 | rest
    return str(uuid.UUID(int=plain & ~(0xF << 76) & ~(0x3 << 62) | 7 << 76 | 2 << 62))
