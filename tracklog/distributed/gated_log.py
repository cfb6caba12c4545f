"""A log that takes no events while the read model that commands were decided on belongs to another one."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from event_log.passed_on import PassedOnReads
from event_log.port import EventLog, LogUnavailable
from schemas.envelope import EventData, Position


class GatedLog(PassedOnReads, EventLog):
    """`log`, whose appends are refused while `closed` gives a reason: what is known of runs then may not be in it."""

    def __init__(self, log: EventLog, closed: Callable[[], str | None]) -> None:
        super().__init__(log)
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
