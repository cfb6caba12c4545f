"""Read your own write, with a client that carries no token: a read waits until the read model has all there is."""

import asyncio
from typing import Final

from event_log.port import EventLogReader
from schemas.envelope import Positions
from schemas.progress import ProjectionBehind, ProjectionProgress

READ_WAIT_S: Final = 5.0
"""A projector that is this far behind is in trouble; an answer that says so is worth more than none."""


class Freshness:
    """Waits for the read model on behalf of readers."""

    def __init__(self, log: EventLogReader, progress: ProjectionProgress, wait_s: float = READ_WAIT_S) -> None:
        self._log = log
        self._progress = progress
        self._wait_s = wait_s
        self._asking = asyncio.Lock()
        self._asked = 0
        self._end: Positions = {}

    async def caught_up(self) -> str | None:
        """Return when the read model has passed every event that was in the log when this was called.

        After a bounded wait it returns all the same: then with `<partition>:<checkpoint>/<end>` of each partition that
        lags, comma-separated, else with None.
        Raises LogUnavailable.
        """
        end = await self._end_from_now()
        try:
            await self._progress.wait_until(end, self._wait_s)
        except ProjectionBehind:
            return self._lag(end)
        return None

    async def _end_from_now(self) -> Positions:
        """The log's end as of now or later. One question is under way at a time; who comes meanwhile shares the next.

        The answer to a question asked before a reader came may lack what the reader wrote.
        """
        asked_before = self._asked
        async with self._asking:
            if self._asked == asked_before:
                self._asked += 1
                self._end = await self._log.end()
            return self._end

    def _lag(self, end: Positions) -> str:
        checkpoint = self._progress.report().checkpoint
        return ",".join(
            f"{partition}:{checkpoint.get(partition, 0)}/{offset}"
            for partition, offset in sorted(end.items())
            if checkpoint.get(partition, 0) < offset
        )
