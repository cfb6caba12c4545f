"""Lookups of many callers by one statement: shared, but never by one that began before a caller asked."""

import asyncio
from typing import Any

import pytest

from query_api.postgresql import batched_lookups
from query_api.postgresql.batched_lookups import BatchedLookups, Found, Key
from schemas.errors import TemporarilyUnavailable
from tests.virtual_time import VirtualTimeLoop

LOOP = VirtualTimeLoop


class Statements:
    """A database of keys that are their own values, whose answers wait until they may go."""

    def __init__(self) -> None:
        self.asked: list[list[Key]] = []
        self.may_answer = asyncio.Event()
        self.error: Exception | None = None

    async def ask(self, keys: list[Key]) -> Found:
        self.asked.append(keys)
        await self.may_answer.wait()
        if self.error is not None:
            raise self.error
        return [(key, f"value of {key}") for key in keys if key != "unknown"]


async def under_way(lookups: BatchedLookups, *keys: Key) -> list["asyncio.Task[Any]"]:
    tasks = [asyncio.create_task(lookups.find(key)) for key in keys]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_callers_of_one_turn_share_a_statement_and_each_gets_its_own() -> None:
    statements = Statements()
    statements.may_answer.set()
    found = await asyncio.gather(*map(BatchedLookups(statements.ask).find, ["a", "b", "unknown", "a"]))
    assert found == ["value of a", "value of b", None, "value of a"]
    assert statements.asked == [["a", "b", "unknown"]]


async def test_who_asks_while_all_statements_are_under_way_is_answered_by_the_next() -> None:
    statements = Statements()
    lookups = BatchedLookups(statements.ask)
    tasks = []
    for key in ("a", "b", "a", "c"):
        tasks += await under_way(lookups, key)
    assert statements.asked == [["a"], ["b"]]
    statements.may_answer.set()
    assert await asyncio.gather(*tasks) == [f"value of {key}" for key in ("a", "b", "a", "c")]
    assert statements.asked[2:] == [["a", "c"]]


async def test_a_statement_has_a_bounded_number_of_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batched_lookups, "MAX_KEYS", 2)
    statements = Statements()
    statements.may_answer.set()
    lookups = BatchedLookups(statements.ask)
    assert len(await asyncio.gather(*map(lookups.find, range(5)))) == 5
    assert [len(keys) for keys in statements.asked] == [2, 2, 1]


async def test_an_error_reaches_every_caller_that_waited_and_no_other() -> None:
    statements = Statements()
    statements.error = TemporarilyUnavailable("away")
    lookups = BatchedLookups(statements.ask)
    tasks = await under_way(lookups, "a", "b")
    statements.may_answer.set()
    for task in tasks:
        with pytest.raises(TemporarilyUnavailable):
            await task
    statements.error = None
    assert await lookups.find("a") == "value of a"


async def test_a_caller_that_leaves_takes_nothing_from_the_others() -> None:
    statements = Statements()
    lookups = BatchedLookups(statements.ask)
    first, second = await under_way(lookups, "a", "a")
    first.cancel()
    statements.may_answer.set()
    assert await second == "value of a"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_an_error_without_a_caller_left_is_dropped() -> None:
    statements = Statements()
    statements.error = TemporarilyUnavailable("away")
    lookups = BatchedLookups(statements.ask)
    (only,) = await under_way(lookups, "a")
    only.cancel()
    statements.may_answer.set()
    await asyncio.sleep(0.01)
    statements.error = None
    assert await lookups.find("b") == "value of b"
