"""What became of events is named: what was changed, dropped, inserted and moved, and where."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_log.proof.differences import Difference, Kind, differences
from event_log.proof.leaf import CHANGED_PAYLOAD_LEAF, MISSING_LEAF, UNREADABLE_LEAF, Leaf
from tests.unit.event_log.proof.trees import leaves

LEAVES = leaves(60)


def found(log: list[Leaf], tree: list[Leaf] = LEAVES) -> list[tuple[str, int]]:
    return [(one.kind.value, one.offset) for one in differences(tree, log)]


def test_a_log_that_is_as_it_was_has_no_differences() -> None:
    assert found(LEAVES) == []
    assert found([*LEAVES, *leaves(70)[60:]]) == []


@pytest.mark.parametrize(
    ("hint", "kind"),
    [
        (LEAVES[5].hint[:4] + b"....", "payload changed"),
        (b"...." + LEAVES[5].hint[4:], "envelope changed"),
        (b"........", "envelope and payload changed"),
    ],
)
def test_a_change_is_named(hint: bytes, kind: str) -> None:
    assert found([*LEAVES[:5], Leaf(bytes(32), hint), *LEAVES[6:]]) == [(kind, 5)]


def test_what_cannot_be_read_is_named_by_what_is_known_of_it() -> None:
    log = [*LEAVES]
    log[5], log[6], log[7] = MISSING_LEAF, CHANGED_PAYLOAD_LEAF, UNREADABLE_LEAF
    assert found(log) == [("dropped", 5), ("payload changed", 6), ("cannot be read", 7)]


def test_what_could_not_be_read_when_the_tree_took_it_is_no_difference() -> None:
    tree = [*LEAVES]
    tree[5] = tree[9] = MISSING_LEAF
    assert found([*LEAVES[:5], UNREADABLE_LEAF, *LEAVES[6:9], MISSING_LEAF, *LEAVES[10:]], tree) == []


@given(st.sets(st.integers(0, 59), max_size=8))
def test_what_was_dropped_is_named_where_the_rest_moved_up(dropped: set[int]) -> None:
    log = [leaf for number, leaf in enumerate(LEAVES) if number not in dropped]
    assert found(log) == [("dropped", number) for number in sorted(dropped)]


@given(st.lists(st.integers(0, 59), max_size=5))
def test_what_was_inserted_is_named(places: list[int]) -> None:
    log = [*LEAVES]
    for number, place in enumerate(sorted(places)):
        log.insert(place + number, Leaf(bytes([number]) * 32, bytes(8)))
    assert found(log) == [("inserted", place + number) for number, place in enumerate(sorted(places))]


def test_two_that_were_exchanged_are_named() -> None:
    log = [*LEAVES]
    log[5], log[6] = log[6], log[5]
    assert found(log) == [("reordered", 5)]


def test_all_kinds_at_once() -> None:
    log = [*LEAVES]
    log[50], log[53] = log[53], log[50]
    log[40] = Leaf(bytes(32), LEAVES[40].hint[:4] + b"....")
    del log[30]
    log.insert(20, Leaf(b"n" * 32, bytes(8)))
    assert found(log) == [
        ("inserted", 20),
        ("dropped", 30),
        ("payload changed", 40),
        ("reordered", 50),
        ("reordered", 51),
        ("reordered", 52),
    ]


@given(st.permutations(range(12)), st.sets(st.integers(0, 11)))
def test_whatever_was_done_it_ends_and_finds_something(order: list[int], kept: set[int]) -> None:
    log = [LEAVES[number] for number in order if number in kept]
    assert (found(log, LEAVES[:12]) == []) == (log == LEAVES[:12])


@pytest.mark.slow
def test_a_log_of_which_nothing_is_left_costs_no_search_a_difference() -> None:
    many = leaves(50_000)
    other = itertools.repeat(Leaf(bytes(32), bytes(8)), 50_000)
    assert sum(1 for _ in differences(many, other)) == 50_000
    assert next(differences(many, [])) == Difference(Kind.DROPPED, 0)
