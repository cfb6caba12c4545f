"""Tasks that wait for the read model to reach an offset."""

import asyncio
import heapq
from collections import defaultdict


class PositionWaiters:
    """The waiting tasks of each partition, the nearest offset first. True while there are any."""

    def __init__(self) -> None:
        self._waiting: defaultdict[int, list[tuple[int, int, asyncio.Future[None]]]] = defaultdict(list)
        self._arrivals = 0
        self._present = 0

    def __bool__(self) -> bool:
        return self._present > 0

    async def wait(self, partition: int, offset: int) -> None:
        """Return once `reached` is called with a checkpoint of `offset` or more. Raises what `fail` is given."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrivals += 1
        heapq.heappush(self._waiting[partition], (offset, self._arrivals, waiter))
        self._present += 1
        try:
            await waiter
        finally:
            if waiter.cancelled():
                self._present -= 1

    def reached(self, partition: int, checkpoint: int) -> None:
        """Wake those whose offset the checkpoint of a partition has reached."""
        waiting = self._waiting[partition]
        while waiting and waiting[0][0] <= checkpoint:
            _, _, waiter = heapq.heappop(waiting)
            if not waiter.done():
                waiter.set_result(None)
                self._present -= 1

    def fail(self, error: Exception) -> None:
        """Raise `error` in every waiting task."""
        for waiting in self._waiting.values():
            for _, _, waiter in waiting:
                if not waiter.done():
                    waiter.set_exception(error)
                    self._present -= 1
            waiting.clear()
