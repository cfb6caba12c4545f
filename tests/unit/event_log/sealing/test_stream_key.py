"""A sealed payload opens under its key, in its place, as it was, and in no other way."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_log.sealing.stream_key import KEY_BYTES, NONCE_BYTES, TAG_BYTES, CannotOpen, StreamKey
from schemas.sealed import is_sealed

IDS = st.binary(min_size=16, max_size=16)
STREAMS = st.text(st.characters(codec=None))
SECRETS = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)
PAYLOADS = st.binary(min_size=15, max_size=2000).map(b"{".__add__)
"""They are JSON objects; by its first bytes a payload tells whether it is compressed."""
HEAD_BYTES = 1 + 32 + NONCE_BYTES


@given(secret=SECRETS, event_id=IDS, stream=STREAMS, payload=PAYLOADS)
def test_what_is_sealed_is_opened_as_it_was(secret: bytes, event_id: bytes, stream: str, payload: bytes) -> None:
    sealed = StreamKey(secret).seal(event_id, stream, payload)
    assert is_sealed(sealed)
    assert StreamKey(secret).open(event_id, stream, sealed) == payload
    assert len(sealed) <= HEAD_BYTES + len(payload) + TAG_BYTES


@given(data=st.data(), event_id=IDS, stream=STREAMS, payload=PAYLOADS)
def test_a_changed_bit_does_not_open(data: st.DataObject, event_id: bytes, stream: str, payload: bytes) -> None:
    key = StreamKey.new()
    sealed = bytearray(key.seal(event_id, stream, payload))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CannotOpen):
        key.open(event_id, stream, bytes(sealed))


@given(cut=st.integers(0, 200), event_id=IDS)
def test_a_part_of_it_does_not_open(cut: int, event_id: bytes) -> None:
    key = StreamKey.new()
    sealed = key.seal(event_id, "run/a", b"{}" * 80)
    with pytest.raises(CannotOpen):
        key.open(event_id, "run/a", sealed[:cut])


@given(one=st.tuples(IDS, STREAMS), other=st.tuples(IDS, STREAMS))
def test_it_opens_at_its_own_event_alone(one: tuple[bytes, str], other: tuple[bytes, str]) -> None:
    key = StreamKey.new()
    sealed = key.seal(*one, b'{"lr":0.1}')
    if one == other:
        assert key.open(*other, sealed) == b'{"lr":0.1}'
    else:
        with pytest.raises(CannotOpen):
            key.open(*other, sealed)


def test_it_says_which_key_it_is_sealed_under_and_opens_under_no_other() -> None:
    """AES-GCM alone does not commit to a key: the name of the key is part of what the tree over the log covers."""
    key, other = StreamKey.new(), StreamKey.new()
    sealed = key.seal(bytes(16), "run/a", b"{}")
    with pytest.raises(CannotOpen, match="another key"):
        other.open(bytes(16), "run/a", sealed)
    renamed = other.seal(bytes(16), "run/a", b"{}")[:33] + sealed[33:]
    with pytest.raises(CannotOpen, match="not what was sealed"):
        other.open(bytes(16), "run/a", renamed)


def test_no_two_nonces_are_the_same() -> None:
    key = StreamKey.new()
    sealed = {key.seal(bytes(16), "run/a", b"{}") for _ in range(1000)}
    assert len({one[33:HEAD_BYTES] for one in sealed}) == 1000


def test_what_repeats_is_compressed_before_it_is_sealed() -> None:
    payload = b'{"key":"accuracy"},' * 1000
    assert len(StreamKey(os.urandom(KEY_BYTES)).seal(bytes(16), "run/a", payload)) < len(payload) / 20
