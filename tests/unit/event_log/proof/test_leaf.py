"""The leaf of an event covers every field of it, and nothing else has it."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from event_log.proof.leaf import CHANGED_ENVELOPE_LEAF, CHANGED_PAYLOAD_LEAF, MISSING_LEAF, UNREADABLE_LEAF, leaf_of
from schemas.damaged_event import CHANGED, MISSING, damaged_event
from schemas.envelope import Actor, RecordedEvent

EVENT = RecordedEvent(
    3, 7, bytes(range(16)), "run.created", 2, "run/a", 1_700_000_000_000_000, Actor("ann", "::1", "curl"), "r1", b"{}"
)


def test_the_leaf_is_what_the_page_says_it_is() -> None:
    """Written down from docs/proof.md, so that a verifier of another hand comes to the same."""
    text = f"""tracklog event 1
{bytes(range(16)).hex()}
run.created
2
1700000000000000
run/a
ann
::1
curl
r1
{sha256(b"{}").hexdigest()}
"""
    assert leaf_of(EVENT).hash == sha256(b"\0" + text.encode()).digest()
    escaped = text.replace("::1", r"a\nb\\n")
    assert (
        leaf_of(replace(EVENT, actor=Actor("ann", "a\nb\\n", "curl"))).hash == sha256(b"\0" + escaped.encode()).digest()
    )


@pytest.mark.parametrize(
    "changed",
    [
        replace(EVENT, id=bytes(16)),
        replace(EVENT, type="run.created2", version=2),
        replace(EVENT, version=22),
        replace(EVENT, stream="run/b"),
        replace(EVENT, time_us=1),
        replace(EVENT, actor=Actor("ann:", ":1", "curl")),
        replace(EVENT, actor=Actor("ann", "::1cu", "rl")),
        replace(EVENT, request_id=""),
        replace(EVENT, actor=Actor("ann\n", "::1", "curl")),
        replace(EVENT, actor=Actor("ann\\", "n::1", "curl")),
    ],
)
def test_a_change_of_the_envelope_is_another_leaf(changed: RecordedEvent) -> None:
    before, after = leaf_of(EVENT), leaf_of(changed)
    assert before.hash != after.hash
    assert before.hint[4:] == after.hint[4:]
    assert before.hint[:4] != after.hint[:4]


@given(st.binary())
def test_a_change_of_the_payload_is_another_leaf(payload: bytes) -> None:
    after = leaf_of(replace(EVENT, payload=payload))
    assert (after == leaf_of(EVENT)) == (payload == b"{}")
    assert after.hint[:4] == leaf_of(EVENT).hint[:4]


def test_where_an_event_is_says_the_place_of_its_leaf() -> None:
    assert leaf_of(replace(EVENT, partition=0, offset=0)) == leaf_of(EVENT)


def test_damaged_events_have_one_hash_and_a_hint_of_what_is_wrong() -> None:
    found = {
        MISSING_LEAF: damaged_event(0, 1, MISSING),
        CHANGED_ENVELOPE_LEAF: damaged_event(0, 1, CHANGED),
        CHANGED_PAYLOAD_LEAF: damaged_event(0, 1, CHANGED, stream="run/a"),
        UNREADABLE_LEAF: damaged_event(0, 1, "SQLite cannot read it: …"),
    }
    assert {leaf: leaf_of(event) for leaf, event in found.items()} == {leaf: leaf for leaf in found}
    assert len({leaf.hash for leaf in found}) == 1


def test_text_with_broken_surrogates_has_a_leaf() -> None:
    assert leaf_of(replace(EVENT, stream="run/\ud800")) != leaf_of(EVENT)
