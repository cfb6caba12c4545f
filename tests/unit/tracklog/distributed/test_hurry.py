"""How long a projector lingers."""

import asyncio
import time

from tracklog.distributed.hurry import HURRIED_S, LINGER_S, Hurry


async def lingered_s(hurry: Hurry) -> float:
    started = time.monotonic()
    await hurry.linger({})
    return time.monotonic() - started


async def test_while_nobody_waits_events_gather() -> None:
    assert await lingered_s(Hurry("")) >= 0.9 * LINGER_S


async def test_who_asks_ends_it_and_the_next_moments_are_not_lingered_in() -> None:
    hurry = Hurry("")
    lingering = asyncio.create_task(lingered_s(hurry))
    await asyncio.sleep(0)
    hurry.ask()
    assert await lingering < LINGER_S / 2
    assert await lingered_s(hurry) < HURRIED_S / 2


async def test_after_a_while_events_gather_again() -> None:
    hurry = Hurry("")
    hurry.ask()
    await asyncio.sleep(HURRIED_S * 1.1)
    assert await lingered_s(hurry) >= 0.9 * LINGER_S
