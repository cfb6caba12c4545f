"""Those who wait are woken when they are passed, and only those who wait count."""

import asyncio

import pytest

from read_model.position_waiters import PositionWaiters


async def wait(waiters: PositionWaiters, *places: tuple[int, int]) -> list["asyncio.Task[None]"]:
    """Tasks that wait for (partition, offset)."""
    tasks = [asyncio.create_task(waiters.wait(*place)) for place in places]
    await asyncio.sleep(0)
    return tasks


async def test_a_checkpoint_wakes_those_it_passed_in_its_partition() -> None:
    waiters = PositionWaiters()
    five, nine, elsewhere = tasks = await wait(waiters, (0, 5), (0, 9), (1, 5))
    waiters.reached(0, 5)
    await asyncio.sleep(0)
    assert [task.done() for task in tasks] == [True, False, False]
    waiters.reached(1, 100)
    waiters.reached(0, 8)
    await asyncio.sleep(0)
    assert [five.done(), nine.done(), elsewhere.done()] == [True, False, True]
    waiters.reached(0, 9)
    await nine


async def test_nobody_waits_once_all_are_woken_or_gone() -> None:
    waiters = PositionWaiters()
    assert not waiters
    woken, gone = await wait(waiters, (0, 1), (0, 2))
    assert waiters
    waiters.reached(0, 1)
    gone.cancel()
    await asyncio.wait([gone])
    assert not waiters
    waiters.reached(0, 2)
    assert not waiters
    await woken


async def test_one_that_is_woken_and_cancelled_at_once_counts_once() -> None:
    waiters = PositionWaiters()
    first, second = await wait(waiters, (0, 1), (0, 2))
    waiters.reached(0, 1)
    first.cancel()
    await asyncio.wait([first])
    assert waiters
    waiters.reached(0, 2)
    await second
    assert not waiters


async def test_a_failure_reaches_all_of_them() -> None:
    waiters = PositionWaiters()
    tasks = await wait(waiters, (0, 1), (3, 2))
    waiters.fail(ConnectionError("away"))
    for task in tasks:
        with pytest.raises(ConnectionError):
            await task
    assert not waiters
