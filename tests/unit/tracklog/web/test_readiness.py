"""Rules of GET /ready: 200 when every need is met, else 503 with what is missing."""

import asyncio
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from schemas.errors import TemporarilyUnavailable
from tests.virtual_time import run_in_virtual_time
from tests.web_server import WebServer
from tracklog.settings.process import WebSettings
from tracklog.web import readiness
from tracklog.web.app import create_app
from tracklog.web.readiness import QUIET_S, Check, Readiness, announce_until_ready, ready_route, seldom


async def fine() -> None:
    pass


async def away() -> None:
    raise TemporarilyUnavailable("PostgreSQL cannot be reached")


async def hanging() -> None:
    await asyncio.Event().wait()


async def answer(needs: dict[str, Check]) -> tuple[int, Any]:
    app = create_app([ready_route(Readiness(needs))], WebSettings())
    async with TestClient(WebServer(app)) as client:
        response = await client.get("/ready")
        return response.status, await response.json()


async def test_a_process_whose_needs_are_met_is_ready() -> None:
    assert await answer({"event log": fine, "read model": fine}) == (200, {"ready": True})


async def test_what_is_missing_is_named_with_why() -> None:
    assert await answer({"event log": fine, "read model": away}) == (
        503,
        {"ready": False, "missing": {"read model": "PostgreSQL cannot be reached"}},
    )


async def test_a_need_that_does_not_answer_is_missing_after_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "BOUND_S", 0.05)
    status, told = await answer({"event log": hanging})
    assert (status, told["missing"]) == (503, {"event log": "no answer within 0.05 s"})


async def test_those_who_ask_at_once_share_the_answer() -> None:
    asked = 0

    async def counting() -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)

    ready = Readiness({"x": counting})
    await asyncio.gather(*(ready.missing() for _ in range(50)))
    assert asked == 1


class Costly:
    """A check that counts how often it is made, on a clock that the test moves."""

    def __init__(self) -> None:
        self.made = 0
        self.now_s = 0.0
        self.fault: Exception | None = None
        self.check = seldom(self._check, lambda: self.now_s)

    async def _check(self) -> None:
        self.made += 1
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault


async def test_what_a_costly_check_found_holds_for_a_while() -> None:
    costly = Costly()
    for _ in range(3):
        await costly.check()
    assert costly.made == 1
    costly.now_s = readiness.FOUND_S
    costly.fault = TemporarilyUnavailable("full")
    for _ in range(3):
        with pytest.raises(TemporarilyUnavailable, match="full"):
            await costly.check()
    assert costly.made == 2
    costly.now_s += readiness.MISSED_S
    costly.fault = None
    await costly.check()
    assert costly.made == 3


async def test_a_costly_check_that_nobody_waits_for_any_more_goes_on_for_the_next() -> None:
    answered = asyncio.Event()
    made = 0

    async def slow() -> None:
        nonlocal made
        made += 1
        await answered.wait()

    check = seldom(slow)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await check()
    answered.set()
    await check()
    assert made == 1


def test_what_keeps_a_process_from_being_ready_is_announced_once_and_that_it_is_there_at_last() -> None:
    said: list[str] = []

    async def told(ready_after_s: float) -> None:
        begun_s = asyncio.get_running_loop().time()

        async def store() -> None:
            if asyncio.get_running_loop().time() - begun_s < ready_after_s:
                raise TemporarilyUnavailable("access denied")

        await announce_until_ready(Readiness({"artifact store": store}), said.append)

    run_in_virtual_time(told(QUIET_S / 2))
    assert said == []
    run_in_virtual_time(told(60))
    assert said == ["Not ready, as GET /ready says: artifact store: access denied", "Ready."]
