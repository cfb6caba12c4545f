"""Rules of starting while a store is not there: it is waited for with a bound, and a refusal ends it sooner."""

import asyncio
import logging
from collections.abc import Iterable

import pytest

from event_log.port import LogAccessRefused, LogUnavailable
from tracklog.distributed.availability import AWAY_S, LOGGED_EVERY_S, REFUSED_S, once_available
from tracklog.serving.services import CannotStart, ToldToStop

AWAY, REFUSED = LogUnavailable("away"), LogAccessRefused("wrong password")


class Attempts:
    """What comes of each attempt, and how many seconds it takes by the clock."""

    def __init__(self, outcomes: Iterable[tuple[float, Exception | str]]) -> None:
        self._outcomes = iter(outcomes)
        self.now_s = 100.0

    async def attempt(self) -> str:
        took_s, outcome = next(self._outcomes)
        self.now_s += took_s
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def made(self, stopping: asyncio.Event | None = None) -> str:
        return await once_available(self.attempt, stopping or asyncio.Event(), pause_s=0, clock=lambda: self.now_s)


async def test_what_comes_late_is_waited_for() -> None:
    assert await Attempts([(100, AWAY), (100, AWAY), (99, AWAY), (1, "there")]).made() == "there"


async def test_what_never_comes_is_waited_for_within_a_bound_and_then_told() -> None:
    with pytest.raises(CannotStart, match="away"):
        await Attempts([(AWAY_S / 2, AWAY), (AWAY_S / 2, AWAY), (0, "too late")]).made()


async def test_a_refusal_is_waited_for_while_it_may_be_one_of_the_first_moments() -> None:
    assert await Attempts([(1, REFUSED), (REFUSED_S - 2, REFUSED), (9, "set up")]).made() == "set up"
    with pytest.raises(CannotStart, match="wrong password"):
        await Attempts([(1, REFUSED), (REFUSED_S, REFUSED), (0, "too late")]).made()


async def test_only_a_refusal_that_lasts_counts() -> None:
    assert await Attempts([(8, REFUSED), (8, AWAY), (8, REFUSED), (1, "there")]).made() == "there"


async def test_whoever_waits_is_told_now_and_again_for_how_long(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await Attempts([(0.5, AWAY), (1, AWAY), (1, AWAY), (LOGGED_EVERY_S, AWAY), (1, "there")]).made()
    assert caplog.messages == [
        "waiting to start, for 298 s more at most: away",
        "waiting to start, for 288 s more at most: away",
    ]


async def test_who_is_told_to_stop_waits_no_longer() -> None:
    stopping = asyncio.Event()
    stopping.set()
    with pytest.raises(ToldToStop):
        await Attempts([(0, "there")]).made(stopping)
