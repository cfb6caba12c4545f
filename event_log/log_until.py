"""The log as it was at a moment: found by time, and then fixed by positions."""

import asyncio
from bisect import bisect_right, insort
from collections.abc import Sequence, Set
from dataclasses import replace
from typing import Final

from event_log.passed_on import PassedOnReads
from event_log.port import EVERY_EVENT, EventFilter, EventLogReader
from schemas.envelope import Positions, RecordedEvent

REMEMBERED: Final = 1000
"""Moments of which the positions are kept, so that the next search for a later one need not begin at the beginning."""


class BeyondTheLog(ValueError):
    """Positions that this log has not reached, or partitions that it does not have."""


async def positions_at(log: EventLogReader, time_us: int) -> Positions:
    """Where each partition ended at a moment: before its first event whose time is later.

    Times in a partition need not grow: processes that append have clocks of their own. The first later event is what
    no append can change any more, so a moment comes to the same positions for ever once a later event is there.
    Raises LogUnavailable.
    """
    return await Moments(log).positions_at(time_us)


class Moments:
    """Finds the positions of moments, each from those of the nearest earlier one that was asked for."""

    def __init__(self, log: EventLogReader) -> None:
        self._log = log
        self._known: list[tuple[int, Positions]] = []  # by time

    async def positions_at(self, time_us: int) -> Positions:
        """As the function of this name."""
        place = bisect_right(self._known, time_us, key=_time)
        earlier: Positions = self._known[place - 1][1] if place else {}
        later = EventFilter(since_us=time_us + 1)
        positions: dict[int, int] = {}
        end_of = await self._log.end()
        near = await self._log.not_later(set(end_of), time_us)
        for partition, end in end_of.items():
            begin = max(earlier.get(partition, 0), near[partition])
            found = await self._log.read(partition, begin, limit=1, matching=later) if begin < end else []
            positions[partition] = min(found[0].offset, end) if found else end
        self._remember(time_us, positions)
        return positions

    def _remember(self, time_us: int, positions: Positions) -> None:
        if len(self._known) >= REMEMBERED:
            del self._known[::2]
        insort(self._known, (time_us, positions), key=_time)


def _time(known: tuple[int, Positions]) -> int:
    return known[0]


async def checked_positions(log: EventLogReader, positions: Positions) -> Positions:
    """The same positions with every partition of the log. Raises BeyondTheLog, LogUnavailable."""
    end = await log.end()
    for partition, offset in sorted(positions.items()):
        if offset > end.get(partition, -1):
            where = f"ends at {partition}:{end[partition]}" if partition in end else f"has no partition {partition}"
            raise BeyondTheLog(f"The log {where}, and {partition}:{offset} is asked for.")
    return {partition: positions.get(partition, 0) for partition in end}


class LogUntil(PassedOnReads):
    """Reads a log as if it ended at `end`, which names every partition. Closing it leaves the log open."""

    def __init__(self, log: EventLogReader, end: Positions) -> None:
        super().__init__(log)
        self._end = end

    async def partitions(self) -> Sequence[int]:
        return sorted(self._end)

    async def end(self) -> Positions:
        return self._end

    async def read(
        self, partition: int, offset: int, *, limit: int, matching: EventFilter = EVERY_EVENT
    ) -> list[RecordedEvent]:
        end = self._end[partition]
        if offset >= end:
            return []
        if matching == EVERY_EVENT:
            # Costs less than a condition, which would have the log look for events to the end of this one.
            found = await super().read(partition, offset, limit=min(limit, end - offset))
            return [event for event in found if event.offset < end]
        before = end if matching.before_offset is None else min(matching.before_offset, end)
        return await super().read(partition, offset, limit=limit, matching=replace(matching, before_offset=before))

    async def read_at(self, partition: int, offsets: Sequence[int]) -> list[RecordedEvent]:
        return await super().read_at(partition, [offset for offset in offsets if offset < self._end[partition]])

    async def not_later(self, partitions: Set[int], time_us: int) -> Positions:
        near = await super().not_later(partitions, time_us)
        return {partition: min(offset, self._end[partition]) for partition, offset in near.items()}

    async def wait_for_more(self, end: Positions, timeout_s: float) -> None:
        await asyncio.sleep(timeout_s)  # no more is to come

    async def close(self) -> None:
        pass
