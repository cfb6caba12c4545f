"""A checksum tells every changed bit of an event, and whether the envelope is to be believed."""

import random

import pytest

from event_log.checksum import checksum, is_of_another_envelope
from schemas.envelope import Actor

OFFSET, EVENT_ID, TYPE, VERSION, STREAM, TIME_US = 7, bytes(range(16)), "run.deleted", 1, "run/a", 1_700_000_000_000_000
ACTOR, REQUEST_ID, PAYLOAD = Actor("ada", "10.0.0.7", "client/1"), "request-1", b'{"run_id":"a"}' * 20


def of(**changed: object) -> int:
    fields = {
        "offset": OFFSET,
        "event_id": EVENT_ID,
        "event_type": TYPE,
        "version": VERSION,
        "stream": STREAM,
        "time_us": TIME_US,
        "actor": ACTOR,
        "request_id": REQUEST_ID,
        "payload": PAYLOAD,
    } | changed
    return checksum(**fields)  # type: ignore[arg-type]


def test_it_is_what_it_was_when_the_events_were_stored() -> None:
    assert of() == 7_473_131_165_303_139_152


def test_every_bit_of_the_payload_counts_and_leaves_the_envelope_believed() -> None:
    for bit in range(8 * len(PAYLOAD)):
        changed = bytearray(PAYLOAD)
        changed[bit // 8] ^= 1 << bit % 8
        assert of(payload=bytes(changed)) != of()
        assert not is_of_another_envelope(of(), of(payload=bytes(changed)))


@pytest.mark.parametrize(
    "changed",
    [
        {"event_id": bytes(16)},
        {"event_type": "run.restored"},
        {"version": 2},
        {"stream": "run/b"},
        {"time_us": TIME_US ^ 1},
        {"actor": Actor("bob", "10.0.0.7", "client/1")},
        {"request_id": "request-2"},
    ],
    ids=str,
)
def test_every_field_of_the_envelope_counts(changed: dict[str, object]) -> None:
    assert is_of_another_envelope(of(), of(**changed))


def test_the_offset_counts_and_may_be_mixed_in_later() -> None:
    assert of(offset=8) != of()
    assert of(offset=0) ^ OFFSET == of()
    assert not is_of_another_envelope(of(offset=8), of())


def test_it_fits_a_signed_integer_of_64_bits() -> None:
    source = random.Random(1)
    found = [of(event_id=source.randbytes(16), offset=source.getrandbits(63)) for _ in range(1000)]
    assert all(0 <= one < 2**63 for one in found)
    assert max(found) > 2**62
