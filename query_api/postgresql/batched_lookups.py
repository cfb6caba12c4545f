"""Lookups of many callers by one statement: while one is under way, the keys that are asked for wait for the next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

Key = str | int
Found = Sequence[tuple[Key, Any]]
Ask = Callable[[list[Key]], Awaitable[Found]]
"""What is found for each key; a key may be left out when there is nothing."""

MAX_KEYS: Final = 32
"""Of one statement: beyond this a key costs no less, and the first waits for the last."""

MAX_STATEMENTS: Final = 2
"""Under way at once, so that the database works on one while the answer of the other is decoded."""


class BatchedLookups:
    """Answers for one kind of key. A caller is never answered by a statement that began before it asked."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._waiting: dict[Key, asyncio.Future[Any]] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    async def find(self, key: Key) -> Any:
        """What is found for `key`, None for nothing. Raises what `ask` raises."""
        found = self._waiting.get(key)
        if found is None:
            found = self._waiting[key] = asyncio.get_running_loop().create_future()
            if len(self._under_way) < MAX_STATEMENTS:
                self._begin()
        # Shielded: other callers may wait for the same answer.
        return await asyncio.shield(found)

    def _begin(self) -> None:
        task = asyncio.create_task(self._answer())
        self._under_way.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        task.result()
        if self._waiting and len(self._under_way) < MAX_STATEMENTS:
            self._begin()

    async def _answer(self) -> None:
        """Answer the keys that wait when this begins to run."""
        taken = {key: self._waiting.pop(key) for key in list(self._waiting)[:MAX_KEYS]}
        if not taken:
            return
        try:
            found = dict(await self._ask(list(taken)))
        except Exception as error:
            for waiting in taken.values():
                waiting.set_exception(error)
                waiting.exception()  # the callers may all have gone
            return
        for key, waiting in taken.items():
            waiting.set_result(found.get(key))
