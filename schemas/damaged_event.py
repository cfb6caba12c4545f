"""The stand-in for an event in the log that cannot be read: its bytes are not those that were written.

It has the event's place, its stream where that is still known, and a type that no event has. So it is set aside, and
the history shows where something is missing, and why.
"""

import uuid
from typing import Final

import msgspec

from schemas.envelope import Actor, RecordedEvent

DAMAGED_TYPE: Final = "damaged-event"

CHANGED: Final = "its bytes are not those that were written: the checksum differs"
MISSING: Final = "it is not in the log, and later ones are"

_UNKNOWN_ACTOR: Final = Actor("unknown")


class _Damage(msgspec.Struct):
    damage: str


def damaged_event(partition: int, offset: int, damage: str, *, stream: str | None = None) -> RecordedEvent:
    """The event at `offset`, of which only `stream` can be believed; without one it is in a stream of its own."""
    return RecordedEvent(
        partition,
        offset,
        uuid.uuid5(uuid.NAMESPACE_URL, f"damaged/{partition}/{offset}").bytes,
        DAMAGED_TYPE,
        1,
        stream if stream is not None else f"damaged/{partition}-{offset}",
        0,
        _UNKNOWN_ACTOR,
        "",
        msgspec.json.encode(_Damage(damage)),
    )


def damage_of(recorded: RecordedEvent) -> str | None:
    """Why an event cannot be read; None of one that can."""
    if recorded.type != DAMAGED_TYPE:
        return None
    return msgspec.json.decode(recorded.payload, type=_Damage).damage
