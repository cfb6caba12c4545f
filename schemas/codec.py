"""Events to stored JSON and back."""

import msgspec

from schemas.damaged_event import damage_of
from schemas.envelope import RecordedEvent
from schemas.events import EVENT_TYPES, AnyEvent
from schemas.forgotten import is_forgotten
from schemas.sealed import why_unopened
from schemas.upcasters import upcast


class UndecodableEvent(Exception):
    """A stored event this code cannot read: unknown type, a newer version, or a payload that does not fit its type."""


class ForgottenEvent(UndecodableEvent):
    """A stored event of which the payload was removed on purpose: the hash of it alone is left."""

    def __init__(self) -> None:
        super().__init__("it was forgotten: what it belonged to was erased")


_encoder = msgspec.json.Encoder()
_decoders = {name: msgspec.json.Decoder(event) for name, event in EVENT_TYPES.items()}


def encode(event: AnyEvent) -> bytes:
    """The JSON payload of `event`."""
    return _encoder.encode(event)


def decode(recorded: RecordedEvent) -> AnyEvent:
    """The event that `recorded` holds, at its newest version.

    Raises UndecodableEvent, ForgottenEvent.
    """
    if is_forgotten(recorded.payload):
        raise ForgottenEvent
    if recorded.sealed and (why := why_unopened(recorded.payload)) is not None:
        raise UndecodableEvent(f"it is sealed and cannot be opened: {why}")
    event_class = EVENT_TYPES.get(recorded.type)
    if event_class is None:
        if (damage := damage_of(recorded)) is not None:
            raise UndecodableEvent(damage)
        raise UndecodableEvent(f"event type {recorded.type!r} is not known to this version of Tracklog")
    newest = event_class.event_version
    if recorded.version > newest:
        raise UndecodableEvent(
            f"{recorded.type} version {recorded.version} is newer than this version of Tracklog, which knows {newest}"
        )
    try:
        if recorded.version == newest:
            return _decoders[recorded.type].decode(recorded.payload)
        old = msgspec.json.decode(recorded.payload, type=dict)
        return msgspec.convert(upcast(recorded.type, recorded.version, newest, old), event_class)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, KeyError, RecursionError) as error:
        raise UndecodableEvent(
            f"{recorded.type} version {recorded.version} at {recorded.partition}:{recorded.offset}: {error!r}"
        ) from error
