"""Which refusals are noted."""

import asyncio

import pytest

from schemas.errors import TemporarilyUnavailable
from tracklog.authentication.refused_logins import MAX_IN_A_WINDOW, WINDOW_S, RefusedLogins


class Noted:
    """What was appended, and the clock."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.lines: list[tuple[str, str]] = []
        self.is_away = False
        self.refused_logins = RefusedLogins(lambda: self.now_s)
        self.refused_logins.append = self.append

    async def append(self, account: str, address: str) -> None:
        if self.is_away:
            raise TemporarilyUnavailable("away")
        self.lines.append((account, address))

    async def note(self, account: str, address: str) -> None:
        self.refused_logins.note(account, address)
        await asyncio.gather(*self.refused_logins._under_way)


@pytest.fixture
def noted() -> Noted:
    return Noted()


async def test_one_a_minute_of_an_account_and_address_is_noted(noted: Noted) -> None:
    for now_s in (0.0, 1.0, WINDOW_S - 1, WINDOW_S, WINDOW_S + 1):
        noted.now_s = now_s
        await noted.note("ada", "a")
    assert noted.lines == [("ada", "a")] * 2
    await noted.note("ada", "b")
    await noted.note("bob", "a")
    assert noted.lines[2:] == [("ada", "b"), ("bob", "a")]


async def test_no_stranger_fills_the_log(noted: Noted) -> None:
    for second in range(600):
        noted.now_s = float(second)
        await noted.note(f"name {second}", f"address {second}")
    assert len(noted.lines) == 10 * MAX_IN_A_WINDOW
    assert len(noted.refused_logins._noted) <= MAX_IN_A_WINDOW


async def test_a_log_that_is_away_disturbs_nobody(noted: Noted) -> None:
    noted.is_away = True
    await noted.note("ada", "a")
    assert noted.lines == []


async def test_nothing_is_noted_where_nothing_is_written(noted: Noted) -> None:
    noted.refused_logins.append = None
    await noted.note("ada", "a")
    noted.refused_logins.append = noted.append
    await noted.note("ada", "a")
    assert noted.lines == [("ada", "a")]
