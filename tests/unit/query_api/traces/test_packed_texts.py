"""What is compressed comes out as if it had been kept as it is."""

import random
from collections.abc import Sequence

import pytest

from query_api.traces import packed_texts
from query_api.traces.packed_texts import JoinedTexts, SortedTexts
from schemas.rest.large_body import LargeBody

SMALL_BLOCK = 300
SMALL_PIECE = 200


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_texts, "BLOCK_BYTES", SMALL_BLOCK)
    monkeypatch.setattr(packed_texts, "PIECE_BYTES", SMALL_PIECE)


def whole(found: bytes | LargeBody) -> bytes:
    if isinstance(found, bytes):
        return found
    text = b"".join(found.pieces)
    assert len(text) == found.size
    return text


def given(seed: int) -> list[tuple[bytes, bytes]]:
    """Texts in an order that is nearly, or not at all, that of their places; some are larger than a block."""
    chance = random.Random(seed)
    count = chance.choice((0, 1, 2, 40, 200))
    texts = [
        (number.to_bytes(3, "big") + b"id" * chance.randrange(2), chance.randbytes(chance.choice((1, 20, 90, 700))))
        for number in range(count)
    ]
    if chance.randrange(2):
        chance.shuffle(texts)
    return texts


def batches(texts: Sequence[tuple[bytes, bytes]], count: int) -> SortedTexts:
    found = SortedTexts()
    for first in range(0, len(texts), count):
        found.add(texts[first : first + count])
    return found


@pytest.mark.parametrize("seed", range(40))
def test_texts_come_in_the_order_of_their_places(seed: int) -> None:
    texts = given(seed)
    found = batches(texts, 1 + seed % 9)
    assert (found.count, found.size) == (len(texts), sum(len(text) for _, text in texts))
    expected = b"<%b>" % b",".join(text for _, text in sorted(texts))
    answer = found.joined(b"<", b">")
    assert isinstance(answer, LargeBody) == (found.size > SMALL_BLOCK)
    assert whole(answer) == expected


def test_no_piece_is_much_larger_than_it_may_be_and_the_texts_are_held_compressed() -> None:
    texts = [(b"%08d" % number, b"the same words again and again, %d" % number) for number in range(0, 20_000, 7)]
    answer = batches(texts[::-1], 64).joined(b"", b"")
    assert isinstance(answer, LargeBody)
    assert answer.held_bytes < answer.size / 2
    assert max(map(len, answer.pieces)) < SMALL_PIECE + 50


def test_a_place_that_another_begins_with_is_before_it() -> None:
    texts = [(b"ab", b"2" * 200), (b"a", b"1" * 200), (b"b", b"3" * 200)]
    assert whole(batches(texts, 3).joined(b"", b"")) == b",".join(text for _, text in sorted(texts))


@pytest.mark.parametrize("seed", range(20))
def test_parts_come_one_behind_the_other(seed: int) -> None:
    chance = random.Random(seed)
    parts, expected, is_large = JoinedTexts(), b"", False
    for number in range(chance.randrange(12)):
        texts = given(100 * seed + number) if chance.randrange(3) == 0 else [(b"", chance.randbytes(90))]
        part = batches(texts, 5).joined(b"{", b"}")
        is_large |= isinstance(part, LargeBody)
        parts.add(part)
        expected += b"{%b}" % b",".join(text for _, text in sorted(texts))
        assert parts.size == len(expected)
    answer = parts.joined()
    assert isinstance(answer, LargeBody) == (is_large or len(expected) > SMALL_BLOCK)
    assert whole(answer) == expected
