"""A checksum tells every changed bit of an event, and whether the envelope is to be believed."""

import random
from dataclasses import dataclass

import pytest

from event_log.checksum import checksum, is_of_another_envelope
from schemas.envelope import Actor

OFFSET, EVENT_ID, TYPE, VERSION, STREAM, TIME_US = 7, bytes(range(16)), "run.deleted", 1, "run/a", 1_700_000_000_000_000
ACTOR, REQUEST_ID, PAYLOAD = Actor("ada", "10.0.0.7", "client/1"), "request-1", b'{"run_id":"a"}' * 20


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An event as the log has it."""

    offset: int = OFFSET
    event_id: bytes = EVENT_ID
    event_type: str = TYPE
    version: int = VERSION
    stream: str = STREAM
    time_us: int = TIME_US
    actor: Actor = ACTOR
    request_id: str = REQUEST_ID
    payload: bytes = PAYLOAD


def of(event: Stored = Stored()) -> int:
    return checksum(
        event.offset,
        event.event_id,
        event.event_type,
        event.version,
        event.stream,
        event.time_us,
        event.actor,
        event.request_id,
        event.payload,
    )


def test_it_is_what_it_was_when_the_events_were_stored() -> None:
    assert of() == 7_473_131_165_303_139_152


def test_every_bit_of_the_payload_counts_and_leaves_the_envelope_believed() -> None:
    for bit in range(8 * len(PAYLOAD)):
        changed = bytearray(PAYLOAD)
        changed[bit // 8] ^= 1 << bit % 8
        assert of(Stored(payload=bytes(changed))) != of()
        assert not is_of_another_envelope(of(), of(Stored(payload=bytes(changed))))


@pytest.mark.parametrize(
    "changed",
    [
        Stored(event_id=bytes(16)),
        Stored(event_type="run.restored"),
        Stored(version=2),
        Stored(stream="run/b"),
        Stored(time_us=TIME_US ^ 1),
        Stored(actor=Actor("bob", "10.0.0.7", "client/1")),
        Stored(request_id="request-2"),
    ],
    ids=["event_id", "event_type", "version", "stream", "time_us", "actor", "request_id"],
)
def test_every_field_of_the_envelope_counts(changed: Stored) -> None:
    assert is_of_another_envelope(of(), of(changed))


def test_the_offset_counts_and_may_be_mixed_in_later() -> None:
    assert of(Stored(offset=8)) != of()
    assert of(Stored(offset=0)) ^ OFFSET == of()
    assert not is_of_another_envelope(of(Stored(offset=8)), of())


def test_it_fits_a_signed_integer_of_64_bits() -> None:
    source = random.Random(1)
    found = [of(Stored(event_id=source.randbytes(16), offset=source.getrandbits(63))) for _ in range(1000)]
    assert all(0 <= one < 2**63 for one in found)
    assert max(found) > 2**62
