"""A log that takes no events while the read model that commands were decided on belongs to another one."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from event_log.port import EVERY_EVENT, EventFilter, EventLog, LogUnavailable
from schemas.envelope import EventData, Position, Positions, RecordedEvent


class GatedLog(EventLog):
    """`log`, whose appends are refused while `closed` gives a reason: what is known of runs then may not be in it."""

    def __init__(self, log: EventLog, closed: Callable[[], str | None]) -> None:
        self._log = log
        self._closed = closed

    def append(self, events: Sequence[EventData]) -> Coroutine[Any, Any, list[Position]]:
        """No coroutine of its own: each write of a metric passes here."""
        if (reason := self._closed()) is not None:
            raise LogUnavailable(reason)
        return self._log.append(events)

    async def check_appendable(self) -> None:
        if (reason := self._closed()) is not None:
            raise LogUnavailable(reason)
        await self._log.check_appendable()

    async def identity(self) -> str:
        return await self._log.identity()

    async def check(self) -> None:
        await self._log.check()

    async def partitions(self) -> Sequence[int]:
        return await self._log.partitions()

    def partition_of(self, ordering_unit: str) -> int:
        return self._log.partition_of(ordering_unit)

    async def end(self) -> Positions:
        return await self._log.end()

    async def read(
        self, partition: int, offset: int, *, limit: int, matching: EventFilter = EVERY_EVENT
    ) -> list[RecordedEvent]:
        return await self._log.read(partition, offset, limit=limit, matching=matching)

    async def wait_for_more(self, end: Positions, timeout_s: float) -> None:
        await self._log.wait_for_more(end, timeout_s)

    async def close(self) -> None:
        await self._log.close()
