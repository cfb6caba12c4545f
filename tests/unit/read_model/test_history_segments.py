"""Posting lists, segments and closed blocks hold what was put into them."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from read_model.history.segment import (
    BLOCK_EVENTS,
    OpenBlock,
    OpenSegment,
    Segment,
    TimesOfBlock,
    closed,
    decode_segment,
    encode_segment,
    positions_of,
    positions_of_request,
    posting_list,
    request_hash,
)
from schemas.envelope import Actor, RecordedEvent

EVERY_POSITION = st.integers(0, BLOCK_EVENTS - 1)


def event(offset: int) -> RecordedEvent:
    return RecordedEvent(0, offset, b"", "run.created", 1, "run/a", 1000 + offset, Actor(), f"request-{offset}", b"{}")


@given(st.sets(EVERY_POSITION, min_size=1, max_size=200), st.booleans())
def test_a_posting_list_holds_its_positions_also_where_most_have_the_term(few: set[int], are_missing: bool) -> None:
    positions = sorted(set(range(1000)) - few | {1000} if are_missing else few)
    stored = posting_list(7, array("H", positions).tobytes())
    assert list(positions_of(stored)) == positions
    assert (stored.term, stored.event_count) == (7, len(positions))


def test_a_term_of_every_event_takes_no_room() -> None:
    assert posting_list(7, array("H", range(BLOCK_EVENTS)).tobytes()).positions == b""


def test_a_full_block_is_what_its_segments_were() -> None:
    segments: list[Segment] = []
    offset = 3 * BLOCK_EVENTS
    while not segments or segments[-1].end < 4 * BLOCK_EVENTS:
        segment = OpenSegment(offset)
        while not segment.is_full:
            segment.add(event(segment.end), (1, 2 + segment.end % 3))
        segments.append(decode_segment(encode_segment(segment.frozen())))
        offset = segment.end
    open_block = OpenBlock(offset - 1, segments)
    block = closed(segments)
    assert block.number == 3
    times = TimesOfBlock(block.times)
    assert times.all() == open_block.times()
    assert [times[one] for one in range(0, BLOCK_EVENTS, 500)] == open_block.times()[::500].tolist()
    assert (block.first_us, block.last_us) == (1000 + 3 * BLOCK_EVENTS, 999 + 4 * BLOCK_EVENTS)
    found = {one.term: list(positions_of(one)) for one in block.postings}
    assert found == {term: list(open_block.positions(term)) for term in (1, 2, 3, 4)}
    hashed = request_hash(f"request-{offset - 5}")
    assert BLOCK_EVENTS - 5 in positions_of_request(dict(block.requests)[hashed % 256], hashed)
    assert BLOCK_EVENTS - 5 in open_block.positions_of_request(hashed)


def test_a_hash_that_lies_across_pairs_is_none_of_a_request() -> None:
    hashed = 0x0201_0007
    pairs = array("H", [5, 0x0201, 0x0201, 9, 0x0100, 0x0002, 12, 0x0201]).tobytes()
    assert positions_of_request(pairs, hashed) == [5, 12]


def test_a_segment_that_was_stored_goes_on() -> None:
    first = OpenSegment(0)
    first.add(event(0), (1,))
    again = OpenSegment.of(decode_segment(encode_segment(first.frozen())))
    again.add(event(1), (1,))
    assert (again.end, list(again.postings[1])) == (2, [0, 1])
