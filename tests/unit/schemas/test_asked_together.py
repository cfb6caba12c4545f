"""What is asked at the same time is one question, and each is answered with what it asked for."""

import asyncio
from collections.abc import Sequence

import pytest

from schemas.asked_together import AskedTogether


class Doubling:
    """Answers with twice each number, once it is let."""

    def __init__(self) -> None:
        self.put: list[list[int]] = []
        self.is_let = asyncio.Event()

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.put.append(list(numbers))
        await self.is_let.wait()
        if 13 in numbers:
            raise ValueError("13")
        return [2 * one for one in numbers]


async def test_what_is_asked_in_one_turn_is_put_together() -> None:
    doubling = Doubling()
    doubling.is_let.set()
    together = AskedTogether(doubling)
    assert await asyncio.gather(*(together.ask(one) for one in (3, 1, 3))) == [6, 2, 6]
    assert await together.ask(5) == 10
    assert doubling.put == [[3, 1, 3], [5]]


async def test_who_asks_while_an_answer_is_waited_for_asks_by_himself() -> None:
    doubling = Doubling()
    together = AskedTogether(doubling)
    first = asyncio.create_task(together.ask(1))
    while not doubling.put:
        await asyncio.sleep(0)
    second = asyncio.create_task(together.ask(2))
    doubling.is_let.set()
    assert [await first, await second] == [2, 4]
    assert doubling.put == [[1], [2]]


async def test_who_leaves_takes_no_answer_from_the_others() -> None:
    doubling = Doubling()
    together = AskedTogether(doubling)
    leaving, staying = (asyncio.create_task(together.ask(one)) for one in (1, 2))
    while not doubling.put:
        await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    doubling.is_let.set()
    assert await staying == 4


async def test_what_cannot_be_answered_is_told_to_all_who_asked() -> None:
    doubling = Doubling()
    doubling.is_let.set()
    together = AskedTogether(doubling)
    told = await asyncio.gather(*(together.ask(one) for one in (1, 13)), return_exceptions=True)
    assert [str(one) for one in told] == ["13", "13"]
    with pytest.raises(ValueError, match="13"):
        await together.ask(13)
