"""A store is opened by whoever needs it first, once, and by nobody where nobody does."""

import asyncio

import pytest

from schemas.errors import TemporarilyUnavailable
from tracklog.webhooks.stores import OpenedWhenNeeded


class Opened:
    def __init__(self) -> None:
        self.is_closed = False

    async def close(self) -> None:
        self.is_closed = True


async def test_a_store_is_opened_once_for_all_who_need_it() -> None:
    opened: list[Opened] = []

    async def open_store() -> Opened:
        await asyncio.sleep(0)
        opened.append(Opened())
        return opened[-1]

    store = OpenedWhenNeeded(open_store)
    await store.close()
    assert opened == []
    first, second = await asyncio.gather(store.get(), store.get())
    assert first is second
    await store.close()
    assert [one.is_closed for one in opened] == [True]


async def test_a_store_that_was_away_is_tried_again() -> None:
    async def open_store() -> Opened:
        if tries.pop():
            raise TemporarilyUnavailable("away")
        return Opened()

    tries = [False, True]
    store = OpenedWhenNeeded(open_store)
    with pytest.raises(TemporarilyUnavailable):
        await store.get()
    assert isinstance(await store.get(), Opened)
