"""When a delivery is tried again, and when not."""

import pytest

from tracklog.webhooks.call import Outcome
from tracklog.webhooks.retrying import SECOND_US, Again, Delivered, Parked, after

HOUR_US = 3600 * SECOND_US
REFUSED = Outcome(0, 0, error="The connection was refused.")


def status(number: int, retry_after_s: float | None = None) -> Outcome:
    return Outcome(0, 0, status=number, retry_after_s=retry_after_s)


def becomes(
    outcome: Outcome, attempts: int = 1, first_us: int = 0, now_us: int = 0, chance: float = 0.0
) -> Delivered | Again | Parked:
    return after(outcome, attempts=attempts, first_us=first_us, now_us=now_us, chance=chance)


@pytest.mark.parametrize("number", [200, 202, 204, 299])
def test_what_was_taken_is_delivered(number: int) -> None:
    assert becomes(status(number)) == Delivered()


@pytest.mark.parametrize(
    "outcome",
    [
        REFUSED,
        Outcome(0, 0, status=200, error="The answer did not end in time."),
        *map(status, (199, 302, 307, 404, 429, 500)),
    ],
)
def test_everything_else_is_tried_again(outcome: Outcome) -> None:
    assert becomes(outcome) == Again(SECOND_US)


def test_pauses_double_to_an_hour() -> None:
    pauses = [becomes(REFUSED, attempts) for attempts in (1, 2, 3, 12, 13, 1000)]
    assert pauses == [Again(seconds * SECOND_US) for seconds in (1, 2, 4, 2048, 3600, 3600)]


def test_a_pause_is_longer_by_chance_but_never_more_than_an_hour() -> None:
    assert becomes(REFUSED, chance=0.5) == Again(1_125_000)
    assert becomes(REFUSED, attempts=13, chance=0.9) == Again(HOUR_US)


def test_a_receiver_may_ask_for_more_up_to_an_hour_and_not_for_less() -> None:
    assert becomes(status(503, 90.5)) == Again(90_500_000)
    assert becomes(status(503, 1e9)) == Again(HOUR_US)
    assert becomes(status(503, 0), attempts=3) == Again(4 * SECOND_US)


def test_it_is_given_up_a_day_after_the_first_try() -> None:
    last_us = 24 * HOUR_US - SECOND_US
    assert becomes(REFUSED, now_us=last_us) == Again(24 * HOUR_US)
    assert becomes(REFUSED, now_us=last_us + 1) == Parked()


def test_what_a_receiver_never_wants_is_parked_at_once() -> None:
    assert becomes(status(410)) == Parked()
