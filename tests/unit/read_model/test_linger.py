"""How long a projector lingers."""

import asyncio

from read_model.linger import HURRIED_S, LINGER_S, Hurry
from tests.virtual_time import run_in_virtual_time


async def lingered_s(hurry: Hurry) -> float:
    now_s = asyncio.get_running_loop().time
    started_s = now_s()
    await hurry.linger({})
    return now_s() - started_s


def test_while_nobody_waits_events_gather() -> None:
    assert run_in_virtual_time(lingered_s(Hurry(""))) == LINGER_S


def test_who_asks_ends_it_and_the_next_moments_are_not_lingered_in() -> None:
    async def asked_for() -> tuple[float, float]:
        hurry = Hurry("")
        lingering = asyncio.create_task(lingered_s(hurry))
        await asyncio.sleep(LINGER_S / 4)
        hurry.ask()
        return await lingering, await lingered_s(hurry)

    assert run_in_virtual_time(asked_for()) == (LINGER_S / 4, 0.0)


def test_after_a_while_events_gather_again() -> None:
    async def asked_for_long_ago(ago_s: float) -> float:
        hurry = Hurry("")
        hurry.ask()
        await asyncio.sleep(ago_s)
        return await lingered_s(hurry)

    assert run_in_virtual_time(asked_for_long_ago(HURRIED_S * 0.99)) == 0.0
    assert abs(run_in_virtual_time(asked_for_long_ago(HURRIED_S * 1.01)) - LINGER_S) < 1e-9
