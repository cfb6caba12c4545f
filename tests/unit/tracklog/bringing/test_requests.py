"""Requests that bring events are of a bounded size, and of one that is not taken all comes but what cannot."""

from collections.abc import Sequence
from itertools import chain

import pytest

from tracklog.bringing import requests
from tracklog.bringing.requests import Refused, Weight, gathered, sent_in_halves


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([Weight(1, 1)] * 5, [3, 2]),
        ([Weight(60, 1), Weight(60, 1), Weight(500, 1), Weight(1, 1)], [1, 1, 1, 1]),
        ([Weight(1, 9), Weight(1, 2), Weight(1, 1)], [1, 2]),
    ],
    ids=["events", "bytes", "values"],
)
def test_a_request_has_a_bounded_number_of_events_bytes_and_values(
    weights: list[Weight], expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, most in (("EVENTS_AT_ONCE", 3), ("BYTES_AT_ONCE", 100), ("VALUES_AT_ONCE", 10)):
        monkeypatch.setattr(requests, name, most)
    found = list(gathered(enumerate(weights)))
    assert [len(some) for some in found] == expected
    assert list(chain.from_iterable(found)) == list(range(len(weights)))


@pytest.mark.parametrize("status", [400, 413])
def test_what_is_not_taken_is_sent_in_halves_until_it_is_alone(status: int) -> None:
    taken: list[int] = []
    sizes: list[int] = []

    def send(some: Sequence[int]) -> str:
        sizes.append(len(some))
        if 5 in some:
            raise Refused(status, "it is too long")
        taken.extend(some)
        return "taken"

    outcomes = list(sent_in_halves(list(range(8)), send))
    assert taken == [0, 1, 2, 3, 4, 6, 7]
    assert [list(some) for some, outcome in outcomes if isinstance(outcome, Refused)] == [[5]]
    assert sizes == [8, 4, 4, 2, 1, 1, 2]


def test_a_refusal_of_whoever_asks_is_no_matter_of_halves() -> None:
    def send(_: Sequence[int]) -> str:
        raise Refused(403, "administrators only")

    with pytest.raises(Refused, match="administrators only"):
        list(sent_in_halves([1, 2], send))
