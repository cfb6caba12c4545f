"""Watching the log that a process has open: that it stays in its place, and keeps every event."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from event_log.port import EventLogReader, ForeignLog, LogGone, LogReplaced, LogUnavailable
from schemas.errors import TemporarilyUnavailable

logger = logging.getLogger(__name__)

LOOK_S: Final = 2.0
"""How often. Until then a log that was put in the place of another may be unnoticed."""


class LogWatch:
    """Looks at a log from time to time. A process whose log was replaced is told to stop.

    What it knows by then is of a log that is gone; its next start opens the one that is there, and a read model that
    does not belong to that one is not served.
    """

    def __init__(self, log: EventLogReader, look_s: float = LOOK_S) -> None:
        self._log = log
        self._look_s = look_s
        self._id: str | None = None
        self._fault: str | None = None
        self._replaced: LogReplaced | None = None

    @asynccontextmanager
    async def looking(self, stopping: asyncio.Event) -> AsyncIterator[None]:
        """Look while the block lasts. `stopping` is set when the log was replaced, and ForeignLog raised in the end."""
        looks = asyncio.create_task(self._keep_looking())
        looks.add_done_callback(lambda _: stopping.set())
        try:
            yield
        finally:
            looks.cancel()
            await asyncio.wait([looks])
        if not looks.cancelled():
            looks.result()
        if self._replaced is not None:
            raise ForeignLog(self._replaced.message) from self._replaced

    async def require_whole(self) -> None:
        """Raise TemporarilyUnavailable while the log's place forgets events, or holds the log no more."""
        reason = self._fault if self._replaced is None else self._replaced.message
        if reason is not None:
            raise TemporarilyUnavailable(reason)

    async def _keep_looking(self) -> None:
        while self._replaced is None:
            await asyncio.sleep(self._look_s)
            try:
                log_id = await self._log.identity()
                self._id = self._id or log_id
                if log_id != self._id:
                    raise LogReplaced(f"The log {self._id} was replaced by the log {log_id} while it was open.")
                await self._log.check()
            except LogReplaced as replaced:
                self._replaced = replaced
            except (ForeignLog, LogGone) as fault:
                self._note(str(fault))
            except LogUnavailable:
                continue  # readers and writers of the log report it
            else:
                self._note(None)

    def _note(self, fault: str | None) -> None:
        if fault != self._fault:
            logger.error("%s", fault or "the log is there and keeps every event again")
        self._fault = fault
