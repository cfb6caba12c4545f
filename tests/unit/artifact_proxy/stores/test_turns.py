"""Who waits for a turn gets it, or an error in time."""

import asyncio

import pytest

from artifact_proxy.stores.blob_store import StoreUnavailable
from artifact_proxy.stores.turns import Turns
from tests.virtual_time import VirtualTimeLoop

LOOP = VirtualTimeLoop


async def hold(turns: Turns, seconds: float) -> float:
    """When the turn came, after it was held."""
    async with turns.turn():
        began_s = asyncio.get_running_loop().time()
        await asyncio.sleep(seconds)
    return began_s


async def test_a_turn_is_given_on_when_it_ends() -> None:
    turns = Turns(2, 30.0, "Too many.")
    began_s = await asyncio.gather(*(hold(turns, 10) for _ in range(5)))
    first = began_s[0]
    assert [began - first for began in began_s] == [0, 0, 10, 10, 20]


async def test_a_turn_that_does_not_come_in_time_is_an_outage_and_takes_none() -> None:
    turns = Turns(1, 30.0, "Too many.")
    holding = asyncio.create_task(hold(turns, 100))
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match=r"Too many\."):
        await hold(turns, 1)
    await holding
    await hold(turns, 1)


async def test_a_turn_that_ends_in_an_error_is_free_again() -> None:
    turns = Turns(1, 30.0, "Too many.")
    with pytest.raises(ZeroDivisionError):
        async with turns.turn():
            raise ZeroDivisionError
    await hold(turns, 1)
