"""How long a projector lingers."""

import asyncio

from read_model.linger import FLUSHED_S, LINGER_S, Linger
from tests.virtual_time import run_in_virtual_time


async def lingered_s(linger: Linger) -> float:
    now_s = asyncio.get_running_loop().time
    started_s = now_s()
    await linger.linger({})
    return now_s() - started_s


def test_while_nobody_waits_events_gather() -> None:
    assert run_in_virtual_time(lingered_s(Linger())) == LINGER_S


def test_a_flush_ends_it_and_the_next_moments_are_not_lingered_in() -> None:
    async def flushed() -> tuple[float, float]:
        linger = Linger()
        lingering = asyncio.create_task(lingered_s(linger))
        await asyncio.sleep(LINGER_S / 4)
        linger.flush()
        return await lingering, await lingered_s(linger)

    assert run_in_virtual_time(flushed()) == (LINGER_S / 4, 0.0)


def test_after_a_while_events_gather_again() -> None:
    async def after_a_flush(ago_s: float) -> float:
        linger = Linger()
        linger.flush()
        await asyncio.sleep(ago_s)
        return await lingered_s(linger)

    assert run_in_virtual_time(after_a_flush(FLUSHED_S * 0.99)) == 0.0
    assert abs(run_in_virtual_time(after_a_flush(FLUSHED_S * 1.01)) - LINGER_S) < 1e-9
