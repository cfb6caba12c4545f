"""How a sealed payload is told from JSON, and what stands in the place of one that cannot be opened: why that is so."""

from typing import Final

import msgspec

SEALED: Final = b"\x01"
"""How a sealed payload begins, and no JSON."""

NO_KEYS: Final = "no store of keys is named"

_BEGIN: Final = b'{"sealed":"'


class _Unopened(msgspec.Struct):
    sealed: str


def is_sealed(payload: bytes) -> bool:
    """Whether a stored payload is sealed."""
    return payload.startswith(SEALED)


def unopened(why: str) -> bytes:
    """JSON that no event has."""
    return msgspec.json.encode(_Unopened(why))


def why_unopened(payload: bytes) -> str | None:
    """Why a payload could not be opened; None of any other."""
    if not payload.startswith(_BEGIN):
        return None
    try:
        return msgspec.json.decode(payload, type=_Unopened).sealed
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
