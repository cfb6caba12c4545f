"""Reads of a log that are hashed on the way: what the projector reads to fold, the tree need not read again."""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final

from event_log.passed_on import PassedOnReads
from event_log.port import EVERY_EVENT, EventFilter, EventLogReader
from event_log.proof.leaf import Leaf, leaf_of
from schemas.envelope import RecordedEvent

KEPT_LEAVES: Final = 50_000
"""Of a partition: what some seconds bring at most, in some 10 MB."""


class HashedReads(PassedOnReads):
    """As `log`, and the leaves of what was last read of each partition are kept, side by side."""

    def __init__(self, log: EventLogReader) -> None:
        super().__init__(log)
        self._leaves: dict[int, deque[Leaf]] = {}
        self._end: dict[int, int] = {}
        self._wanted: dict[int, int] = {}

    def leaves(self, partition: int, offset: int, limit: int) -> list[Leaf]:
        """At most `limit` leaves from `offset` on; none where they are not kept. Earlier ones are let go of."""
        self._wanted[partition] = offset
        kept = self._leaves.get(partition, deque())
        earlier = offset - (self._end.get(partition, 0) - len(kept))
        if earlier < 0:
            return []
        for _ in range(min(earlier, len(kept))):
            kept.popleft()
        return list(islice(kept, limit))

    async def read(
        self, partition: int, offset: int, *, limit: int, matching: EventFilter = EVERY_EVENT
    ) -> list[RecordedEvent]:
        events = await super().read(partition, offset, limit=limit, matching=matching)
        if matching == EVERY_EVENT and events and events[-1].offset >= self._wanted.get(partition, 0):
            self._keep(partition, events)
        return events

    def _keep(self, partition: int, events: Sequence[RecordedEvent]) -> None:
        kept = self._leaves.setdefault(partition, deque(maxlen=KEPT_LEAVES))
        if self._end.get(partition) != events[0].offset:
            kept.clear()
        kept.extend(map(leaf_of, events))
        self._end[partition] = events[-1].offset + 1
