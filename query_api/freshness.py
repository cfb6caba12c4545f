"""Read your own write, with a client that carries no token: a read waits until the read model has all there is."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

from event_log.port import EventLogReader, LogUnavailable
from read_model.progress import ProjectionBehind, ProjectionProgress
from schemas.envelope import Positions

READ_WAIT_S: Final = 5.0
"""A projector that is this far behind is in trouble; an answer that says so is worth more than none."""

LOG_AWAY_S: Final = 1.0
"""For so long after the log did not tell its end it is not asked again, and reads are answered without it."""

LOG_UNAVAILABLE: Final = "log-unavailable"


class Freshness:
    """Waits for the read model on behalf of readers. `clock` tells seconds."""

    def __init__(
        self,
        log: EventLogReader,
        progress: ProjectionProgress,
        wait_s: float = READ_WAIT_S,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._log = log
        self._progress = progress
        self._wait_s = wait_s
        self._asking = asyncio.Lock()
        self._asked = 0
        self._end: Positions = {}
        self._end_of = 0
        self._log_away_until = 0.0

    async def caught_up(self, ordering_units: Iterable[str] | None = None) -> str | None:
        """Return when the read model has passed every event that was in the log when this was called.

        With `ordering_units`, every event in the partitions of these: a read that concerns them alone does not wait
        for what others wrote elsewhere.

        After a bounded wait it returns all the same: then with `<partition>:<checkpoint>/<end>` of each partition that
        lags, comma-separated, or with LOG_UNAVAILABLE when the log did not tell its end; else with None.
        """
        try:
            end = await self._end_from_now()
        except LogUnavailable:
            return LOG_UNAVAILABLE
        if ordering_units is not None and len(end) > 1:
            concerned = set(map(self._log.partition_of, ordering_units))
            end = {partition: offset for partition, offset in end.items() if partition in concerned}
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
            if self._end_of <= asked_before:
                self._asked += 1
                self._end, self._end_of = await self._ask(), self._asked
            return self._end

    async def _ask(self) -> Positions:
        if self._log_away_until and self._clock() < self._log_away_until:
            raise LogUnavailable("The log did not tell its end a moment ago.")
        try:
            return await self._log.end()
        except LogUnavailable:
            self._log_away_until = self._clock() + LOG_AWAY_S
            raise

    def _lag(self, end: Positions) -> str:
        checkpoint = self._progress.report().checkpoint
        return ",".join(
            f"{partition}:{checkpoint.get(partition, 0)}/{offset}"
            for partition, offset in sorted(end.items())
            if checkpoint.get(partition, 0) < offset
        )
