"""Whether a process can do its work now: GET /ready tests everything it needs, each within a bound."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import orjson
from aiohttp import hdrs, web

from schemas.rest.route import NO_PREFIX, READ_LIMITS, Kind, Permission, Route

BOUND_S: Final = 2.0
"""How long a need may take to answer. Probes give up after a few seconds, and must have the answer before."""

FRESH_S: Final = 0.5
"""How long an answer holds: however many probes there are, the stores are not asked more often."""

FOUND_S: Final = 10.0
MISSED_S: Final = 2.0
"""How long holds what a check found that costs requests, or writes: that a need is met, and that it is not."""

QUIET_S: Final = 5.0
"""What is there after so long was no trouble: a projector has its imports to make."""
LOOK_S: Final = 1.0

Check = Callable[[], Awaitable[None]]
"""Returns when a need is met; else raises, with why."""


def seldom(check: Check, now_s: Callable[[], float] = time.monotonic) -> Check:
    """The same check, made once in a while; what it found holds until then.

    One that takes longer than somebody waits for it goes on for the next who asks.
    """
    checking: asyncio.Task[None] | None = None
    until_s = 0.0

    async def made() -> None:
        nonlocal until_s
        until_s = math.inf  # as long as it takes
        try:
            await check()
        except BaseException:
            until_s = now_s() + MISSED_S
            raise
        until_s = now_s() + FOUND_S

    async def checked() -> None:
        nonlocal checking
        if checking is None or now_s() >= until_s:
            checking = asyncio.create_task(made())
            checking.add_done_callback(_retrieved)
        await asyncio.shield(checking)

    return checked


def _retrieved(checking: asyncio.Task[None]) -> None:
    """Take the exception of a check, so that none is logged as never retrieved: those who wait get it from the task."""
    if not checking.cancelled():
        checking.exception()


class Readiness:
    """Tests the needs of a process, by name; those who ask at once share the answer.

    `notices` are tested, too, and what they find keeps the process from nothing.
    """

    def __init__(self, needs: Mapping[str, Check], notices: Mapping[str, Check] | None = None) -> None:
        self._needs = needs
        self._notices = notices or {}
        self._asking = asyncio.Lock()
        self._missing: dict[str, str] = {}
        self._noticed: dict[str, str] = {}
        self._known_until_s = 0.0

    async def missing(self) -> dict[str, str]:
        """Why each need that is not met is not; empty when all are."""
        return (await self.state())[0]

    async def state(self) -> tuple[dict[str, str], dict[str, str]]:
        """What is missing, and what was noticed beside that, each with why."""
        now_s = asyncio.get_running_loop().time
        async with self._asking:
            if now_s() >= self._known_until_s:
                self._missing, self._noticed = await asyncio.gather(_faults(self._needs), _faults(self._notices))
                self._known_until_s = now_s() + FRESH_S
            return self._missing, self._noticed


async def announce_until_ready(readiness: Readiness, announce: Callable[[str], None]) -> None:
    """Return once everything is there; what takes longer than QUIET_S is announced, and that it is there at last."""
    now_s = asyncio.get_running_loop().time
    quiet_until_s = now_s() + QUIET_S
    announced: set[str] = set()
    while missing := await readiness.missing():
        if now_s() >= quiet_until_s and missing.keys() != announced:
            announced = set(missing)
            for name, why in missing.items():
                announce(f"Not ready, as GET /ready says: {name}: {why}")
        await asyncio.sleep(LOOK_S)
    if announced:
        announce("Ready.")


async def _faults(checks: Mapping[str, Check]) -> dict[str, str]:
    """What each check that does not hold says, by its name."""
    faults = await asyncio.gather(*map(_fault, checks.values()))
    return {name: fault for name, fault in zip(checks, faults, strict=True) if fault is not None}


async def _fault(check: Check) -> str | None:
    try:
        async with asyncio.timeout(BOUND_S):
            await check()
    except TimeoutError:
        return f"no answer within {BOUND_S:g} s"
    except Exception as error:  # whatever keeps a need from being met is the answer to the question
        return str(error) or type(error).__name__
    return None


def ready_route(readiness: Readiness, position: str | None = None) -> Route:
    """GET /ready: 200, or 503 with what is missing; in both `notices` where there are some.

    An operation: answered also when the server takes nothing else.
    `position` is that of the state which is shown, where it is one that is past.
    """
    of_state = {} if position is None else {"as_of": position}

    async def answer(_request: web.Request) -> web.StreamResponse:
        missing, noticed = await readiness.state()
        told = {"ready": False, "missing": missing} if missing else {"ready": True, **of_state}
        body = orjson.dumps({**told, "notices": noticed} if noticed else told)
        headers = {hdrs.CACHE_CONTROL: "no-store"}
        return web.Response(body=body, status=503 if missing else 200, content_type="application/json", headers=headers)

    return Route(
        method="GET",
        path="/ready",
        prefixes=NO_PREFIX,
        handler=answer,
        kind=Kind.OPERATION,
        permission=Permission.PUBLIC,
        limits=READ_LIMITS,
    )
