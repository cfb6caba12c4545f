"""An event on its way to another server."""

from typing import NamedTuple

import orjson

from schemas import codec
from schemas.envelope import RecordedEvent
from schemas.event_json import event_document, event_id_text, values_of_document
from schemas.events import AnyEvent
from tracklog.bringing.requests import Weight
from tracklog.pushing import derived


class Outgoing(NamedTuple):
    """`document` is what the server is sent, as JSON. `event` None: as it is stored here."""

    id: str
    document: bytes
    weight: Weight
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
    document = orjson.dumps(
        event_document(identity, event_type, version, recorded.time_us, recorded.actor, recorded.request_id, payload)
    )
    return Outgoing(identity, document, Weight(len(document), values_of_document(payload)), event)
