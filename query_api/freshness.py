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

LOG_RETRY_S: Final = 1.0
"""For so long after the log could not be asked for its end it is not asked again, and reads are answered without it."""

LOG_UNAVAILABLE: Final = "log-unavailable"


class Freshness:
    """Waits for the read model on behalf of reads. `clock` gives seconds that never go back."""

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
        self._questions = 0
        self._end: Positions = {}
        self._answered_question = 0
        self._retry_log_at_s = 0.0

    async def caught_up(self, ordering_units: Iterable[str] | None = None) -> str | None:
        """Return when the read model has passed every event that was in the log when this was called.

        With `ordering_units`, every event in the partitions of these: a read that concerns them alone does not wait
        for what others wrote elsewhere.

        After a bounded wait it returns all the same: then with `<partition>:<checkpoint>/<end>` of each partition that
        lags, comma-separated, or with LOG_UNAVAILABLE when the log's end is not known; else with None.
        """
        try:
            end = await self._end_from_now()
        except LogUnavailable:
            return LOG_UNAVAILABLE
        if ordering_units is not None and len(end) > 1:
            concerned = set(map(self._log.partition_of, ordering_units))
            end = {partition: offset for partition, offset in end.items() if partition in concerned}
        return await self.reached(end)

    async def reached(self, end: Positions) -> str | None:
        """As `caught_up`, for who knows the log's end already."""
        try:
            await self._progress.wait_until(end, self._wait_s)
        except ProjectionBehind:
            return self._lag(end)
        return None

    def has_passed(self, positions: Positions) -> bool:
        """Whether the read model has every event before these, as far as is known without asking."""
        checkpoint = self._progress.report().checkpoint
        return all(checkpoint.get(partition, 0) >= offset for partition, offset in positions.items())

    async def _end_from_now(self) -> Positions:
        """The log's end as of now or later. One question is under way at a time; reads that come meanwhile share the
        next one, because the answer to a question that was asked before a read came may lack what its client wrote.
        """
        asked_before = self._questions
        async with self._asking:
            if self._answered_question <= asked_before:
                self._questions += 1
                self._end, self._answered_question = await self._ask(), self._questions
            return self._end

    async def _ask(self) -> Positions:
        if self._retry_log_at_s and self._clock() < self._retry_log_at_s:
            raise LogUnavailable("The log could not be asked for its end a moment ago.")
        try:
            return await self._log.end()
        except LogUnavailable:
            self._retry_log_at_s = self._clock() + LOG_RETRY_S
            raise

    def _lag(self, end: Positions) -> str:
        checkpoint = self._progress.report().checkpoint
        return ",".join(
            f"{partition}:{checkpoint.get(partition, 0)}/{offset}"
            for partition, offset in sorted(end.items())
            if checkpoint.get(partition, 0) < offset
        )
