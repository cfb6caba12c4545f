"""An event on its way to another server."""

from typing import Any, Final, NamedTuple

from schemas import codec
from schemas.envelope import RecordedEvent
from schemas.event_json import event_document, event_id_text, values_of_document
from schemas.events import AnyEvent
from tracklog.pushing import derived


class Outgoing(NamedTuple):
    """`document` is what the server is sent, `size` about how many bytes and `values` how many values in JSON it has,
    at most. `event` None: as it is stored here."""

    id: str
    document: dict[str, Any]
    size: int
    values: int
    event: AnyEvent | None


def as_stored(recorded: RecordedEvent) -> Outgoing:
    """An event that is the same there."""
    return _outgoing(recorded, event_id_text(recorded.id), recorded.version, recorded.type, recorded.payload, None)


def outgoing(recorded: RecordedEvent, event: AnyEvent, about: str = "") -> Outgoing:
    """`event` in the place of the one that is stored here, or, with `about`, as another one that comes of it."""
    identity = event_id_text(recorded.id)
    if about:
        identity = derived.event_id(identity, about)
    return _outgoing(recorded, identity, event.event_version, event.event_type, codec.encode(event), event)


def _outgoing(
    recorded: RecordedEvent, identity: str, version: int, event_type: str, payload: bytes, event: AnyEvent | None
) -> Outgoing:
    document = event_document(
        identity, event_type, version, recorded.time_us, recorded.actor, recorded.request_id, payload
    )
    size, values = len(payload) + _BYTES_OF_ENVELOPE, values_of_document(payload)
    return Outgoing(identity, document, size, values, event)


_BYTES_OF_ENVELOPE: Final = 512
