"""What is noted of who is let in, who is not, and who is denied something."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from schemas.envelope import Actor
from schemas.errors import TemporarilyUnavailable
from schemas.events import AccessDenied, AccessGranted, AccessRefused, AnyAccessEvent
from tests.unit.tracklog.authentication.test_authenticator import Users
from tracklog.authentication.access_history import (
    DENIED_S,
    GRANTED_S,
    MOST_DENIED,
    MOST_GRANTED,
    MOST_REFUSED,
    REFUSED_S,
    AccessHistory,
)

ADA = Actor("ada", "192.0.2.1")


class Noted:
    """What was appended, and the clock."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.events: list[tuple[AnyAccessEvent, Actor]] = []
        self.is_away = False
        self.history = AccessHistory(Users(), lambda: self.now_s)
        self.history.append = self.append

    async def append(self, event: AnyAccessEvent, actor: Actor, request_id: str) -> None:
        if self.is_away:
            raise TemporarilyUnavailable("away")
        self.events.append((event, actor))

    async def after(self, *notes: Callable[[], None]) -> list[AnyAccessEvent]:
        """The events that come of some notes."""
        before = len(self.events)
        for note in notes:
            note()
        await asyncio.gather(*self.history._under_way)
        return [event for event, _ in self.events[before:]]


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.mark.parametrize(("claimed", "named"), [("ada", "ada"), ("my password", ""), ("", "")])
async def test_a_refusal_names_nobody_who_is_no_user(noted: Noted, claimed: str, named: str) -> None:
    assert await noted.after(lambda: noted.history.refused(claimed, "192.0.2.1")) == [AccessRefused(username=named)]
    assert noted.events[0][1] == Actor(address="192.0.2.1")


async def test_it_is_noted_by_what_somebody_is_let_in(noted: Noted) -> None:
    events = await noted.after(
        lambda: noted.history.granted(ADA, "password", "q"), lambda: noted.history.granted(ADA, "token 0123", "q")
    )
    assert events == [
        AccessGranted(username="ada", by="password"),
        AccessGranted(username="ada", by="token", token_id="0123"),
    ]


async def test_it_is_noted_what_somebody_is_denied(noted: Noted) -> None:
    events = await noted.after(lambda: noted.history.denied(ADA, "POST", "/a/{b}", "q"))
    assert events == [AccessDenied(username="ada", method="POST", route="/a/{b}")]
    assert noted.events == [(events[0], ADA)]


@pytest.mark.parametrize(
    ("window_s", "note"),
    [
        (REFUSED_S, lambda history: history.refused("ada", "192.0.2.1")),
        (DENIED_S, lambda history: history.denied(ADA, "GET", "/", "q")),
        (GRANTED_S, lambda history: history.granted(ADA, "password", "q")),
    ],
    ids=["refused", "denied", "granted"],
)
async def test_the_same_is_noted_once_in_a_while(
    noted: Noted, window_s: float, note: Callable[[AccessHistory], None]
) -> None:
    found = []
    for noted.now_s in (0.0, 1.0, window_s - 1, window_s, window_s + 1, 2 * window_s):
        if await noted.after(lambda: note(noted.history)):
            found.append(noted.now_s)
    assert found == [0.0, window_s, 2 * window_s]


async def test_another_address_account_or_route_is_not_the_same(noted: Noted) -> None:
    there, bob = Actor("ada", "192.0.2.2"), Actor("bob", "192.0.2.1")
    events = await noted.after(
        *(lambda actor=actor: noted.history.granted(actor, "password", "q") for actor in (ADA, there, bob)),
        *(lambda route=route: noted.history.denied(ADA, "GET", route, "q") for route in ("/a", "/b")),
        *(lambda address=address: noted.history.refused("ada", address) for address in ("192.0.2.1", "192.0.2.2")),
    )
    assert len(events) == 7


def names() -> Iterator[str]:
    return (f"name {number}" for number in range(100_000))


@pytest.mark.slow
async def test_nobody_fills_the_log(noted: Noted) -> None:
    for noted.now_s in (0.0, 1.0):
        for name in names():
            noted.history.refused(name, name)
            noted.history.denied(Actor(name), "GET", "/", "q")
            noted.history.granted(Actor(name), "password", "q")
    await asyncio.gather(*noted.history._under_way)
    assert len(noted.events) == MOST_REFUSED + MOST_DENIED[1] + MOST_GRANTED[1]


@pytest.mark.slow
async def test_one_user_takes_nothing_from_the_others(noted: Noted) -> None:
    for name in names():
        noted.history.denied(ADA, "GET", name, "q")
        noted.history.granted(Actor("ada", name), "password", "q")
    await asyncio.gather(*noted.history._under_way)
    assert len(noted.events) == MOST_DENIED[0] + MOST_GRANTED[0]
    bob = Actor("bob", "192.0.2.1")
    assert len(await noted.after(lambda: noted.history.denied(bob, "GET", "/", "q"))) == 1


async def test_what_is_remembered_is_forgotten_with_its_time(noted: Noted) -> None:
    for noted.now_s in map(float, range(10)):
        noted.history.granted(Actor("ada", str(noted.now_s)), "password", "q")
    noted.now_s = GRANTED_S + 8.5
    noted.history.granted(Actor("bob"), "password", "q")
    await asyncio.gather(*noted.history._under_way)
    assert dict(noted.history._granted._of_one) == {"ada": 1, "bob": 1}
    assert len(noted.history._granted._noted) == 2


async def test_a_log_that_is_away_disturbs_nobody_and_is_told_once(
    noted: Noted, caplog: pytest.LogCaptureFixture
) -> None:
    noted.is_away = True
    refuse = noted.history.refused
    assert await noted.after(partial(refuse, "a", "a"), partial(refuse, "b", "b")) == []
    assert len(caplog.records) == 1
    noted.is_away = False
    assert len(await noted.after(partial(refuse, "c", "c"))) == 1


async def test_nothing_is_noted_where_nothing_is_written(noted: Noted) -> None:
    noted.history.append = None
    assert await noted.after(lambda: noted.history.denied(ADA, "GET", "/", "q")) == []
