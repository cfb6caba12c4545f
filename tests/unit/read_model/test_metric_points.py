"""Points come out of their rows as they went in, bit for bit."""

import random
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from read_model.metric_points import DamagedPoints, Points, pack_chunk, pack_segment, unpack_chunk, unpack_segments

int64 = st.integers(-(2**63), 2**63 - 1)
points = st.lists(st.tuples(int64, int64, st.floats()), min_size=1, max_size=60)


def columns(rows: list[tuple[int, int, float]]) -> Points:
    steps, times, values = zip(*rows, strict=True)
    return Points(array("q", steps), array("q", times), array("d", values))


def in_bytes(points: Points) -> list[bytes]:
    return [points.steps.tobytes(), points.timestamps_ms.tobytes(), points.values.tobytes()]


def same(one: Points, other: Points) -> bool:
    return in_bytes(one) == in_bytes(other)


@given(points)
def test_a_chunk_gives_back_its_points(rows: list[tuple[int, int, float]]) -> None:
    assert same(unpack_chunk(pack_chunk(columns(rows))), columns(rows))


@given(st.lists(points, max_size=5))
def test_a_tail_gives_back_the_points_of_its_segments(segments: list[list[tuple[int, int, float]]]) -> None:
    tail = unpack_segments(b"".join(pack_segment(columns(rows)) for rows in segments))
    if segments:
        assert same(tail, columns([row for rows in segments for row in rows]))
    else:
        assert len(tail.steps) == 0


@pytest.mark.parametrize("count", [512, 100_000])
def test_a_training_curve_takes_under_ten_bytes_a_point(count: int) -> None:
    chance = random.Random(1)
    rows = [(step, 1_700_000_000_000 + 7 * step + chance.randint(0, 3), chance.random()) for step in range(count)]
    assert len(pack_chunk(columns(rows))) < 10 * count


def test_no_bit_of_a_chunk_can_be_flipped_unnoticed() -> None:
    chunk = pack_chunk(Points(array("q", range(40)), array("q", range(40)), array("d", map(float, range(40)))))
    for place in range(len(chunk)):
        flipped = chunk[:place] + bytes([chunk[place] ^ 1]) + chunk[place + 1 :]
        with pytest.raises(DamagedPoints):
            unpack_chunk(flipped)


def test_a_tail_that_was_cut_off_is_damaged() -> None:
    tail = pack_segment(Points(array("q", [1, 2]), array("q", [1, 2]), array("d", [1.0, 2.0])))
    for length in (2, 7, len(tail) - 3):
        with pytest.raises(DamagedPoints):
            unpack_segments(tail[:length])
