"""The event log as its users see it.

The contract, which `tests/contracts/` holds every adapter to:

- A log has a fixed set of partitions, numbered from 0. In a partition every event has an offset; offsets grow from 0,
  and the events between two offsets never change. An end or a checkpoint is the offset of the next event.
- `append` is atomic: after it returns, all its events are durable and readable, side by side in one partition and in
  the order given; after it raises, none of them ever will be, except when it raises OutcomeUnknown.
- Events with one ordering unit share a partition and are read in the order in which their appends were acknowledged.
- Readers never see an event before it is durable, and never a gap that is filled later.
- `end` covers every append that was acknowledged before `end` was called, by this or another process.
- An event whose stored bytes were changed is read as a damaged event (`schemas.damaged_event`) at its offset; it hides
  none of the others.
- A log gets an id when it is created. Read models carry the id of their log, so that no other log is taken for it.
- Not promised: order between partitions, and delivery exactly once (a reader keeps its own checkpoint).
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence, Set
from dataclasses import dataclass

from schemas.envelope import EventData, Position, Positions, RecordedEvent
from schemas.errors import AWAY_RETRY_S, RequestTooLarge, Retryable


class LogUnavailable(Retryable):
    """The log cannot take events now (disk full, broker away). Nothing of the append is or will be in the log."""

    error_code = "TEMPORARILY_UNAVAILABLE"
    status = 503
    retry_after_s = AWAY_RETRY_S


class LogReplaced(LogUnavailable):
    """The log that was opened is no longer in its place, and this process cannot follow what is there instead."""


class LogGone(LogUnavailable):
    """The log that was opened is no longer in its place, and nothing is there instead; no running process makes one."""


class LogAccessRefused(LogUnavailable):
    """The service that keeps the log answers, and does not let this process in: its rights have to be changed."""


class MembershipRefused(LogUnavailable):
    """The group that shares the partitions does not accept this member, which has to leave and to join again."""


class LogOverloaded(Retryable):
    """Too many appends wait for the log. Nothing of the append is or will be in the log."""

    error_code = "REQUEST_LIMIT_EXCEEDED"
    status = 429


class OutcomeUnknown(Retryable):
    """The log stopped answering in the middle of an append; its events may or may not be there."""

    error_code = "TEMPORARILY_UNAVAILABLE"
    status = 503
    in_doubt = True


class EventTooLarge(RequestTooLarge):
    """An event is larger than the log takes. Nothing was appended."""


class ForeignLog(Exception):
    """The place named as the log holds something else, or a log of a newer Tracklog. It was left untouched."""


class LostEvents(ForeignLog):
    """The place that is named as the log has dropped events that were appended to it."""


class DamagedLog(ForeignLog):
    """The log is so damaged that it cannot even be opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events a reader of the history wants; None is no condition. `until_us` is exclusive."""

    stream: str | None = None
    event_type: str | None = None
    actor: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    before_offset: int | None = None

    def matches(self, event: RecordedEvent) -> bool:
        return (
            (self.stream is None or event.stream == self.stream)
            and (self.event_type is None or event.type == self.event_type)
            and (self.actor is None or event.actor.user == self.actor)
            and (self.since_us is None or event.time_us >= self.since_us)
            and (self.until_us is None or event.time_us < self.until_us)
            and (self.before_offset is None or event.offset < self.before_offset)
        )


EVERY_EVENT = EventFilter()

NEAR_EVENTS = 16
"""Events that are so near to one another are read together with what lies between them."""


class LogInUse(Exception):
    """Another process is the log's writer, and a log has one."""


class EventLogReader(ABC):
    """A partitioned, durable log of events, to read."""

    finds_streams: bool = True
    """Whether `read` finds the events of one stream without looking at all others."""

    @abstractmethod
    async def partitions(self) -> Sequence[int]:
        """The partitions, fixed when the log was created."""

    @abstractmethod
    def partition_of(self, ordering_unit: str) -> int:
        """The partition in which every event of an ordering unit is and will be."""

    @abstractmethod
    async def identity(self) -> str:
        """The id of the log that is there now, a UUID.

        It is read from the place itself, which may hold another log by now, or an older state of the same one.
        Raises LogUnavailable; LogReplaced or LogGone where the adapter cannot follow the change.
        """

    async def check(self) -> None:  # noqa: B027  # most places cannot begin to drop events
        """Check that the place still keeps every event for good.

        Raises ForeignLog when it drops some, LogUnavailable.
        """

    @abstractmethod
    async def end(self) -> Positions:
        """The offset after the last durable event of each partition.

        Raises LogUnavailable.
        """

    @abstractmethod
    async def read(
        self,
        partition: int,
        offset: int,
        *,
        limit: int,
        matching: EventFilter = EVERY_EVENT,
    ) -> list[RecordedEvent]:
        """At most `limit` durable events from `offset` on, in order.

        An adapter may stop early to bound the bytes of one answer, but never returns an empty list while a matching
        event is there: an empty list means the end was reached. Raises LogUnavailable, ForeignLog where events from
        `offset` on were dropped, ValueError for a partition that the log does not have.
        """

    async def read_at(self, partition: int, offsets: Sequence[int]) -> list[RecordedEvent]:
        """The events at `offsets`, which ascend, in order. Where the log has no event it has none here.

        An adapter may stop early to bound the bytes of one answer, but never before the first. Raises as `read` does.
        """
        found: list[RecordedEvent] = []
        wanted = deque(offsets)
        while wanted:
            near = 1
            while near < len(wanted) and wanted[near] - wanted[near - 1] <= NEAR_EVENTS:
                near += 1
            first, last = wanted[0], wanted[near - 1]
            events = await self.read(partition, first, limit=last - first + 1)
            if not events:
                break
            by_offset = {event.offset: event for event in events}
            read_to = events[-1].offset
            while wanted and wanted[0] <= read_to:
                offset = wanted.popleft()
                if offset in by_offset:
                    found.append(by_offset[offset])
        return found

    async def not_later(self, partitions: Set[int], time_us: int) -> Positions:
        """An offset of each partition before which no event has a later time, found at little cost.

        It may be far before the first event that has: 0 is always right. Raises LogUnavailable.
        """
        return dict.fromkeys(partitions, 0)

    @abstractmethod
    async def wait_for_more(self, end: Positions, timeout_s: float) -> None:
        """Return when some partition's end is past the one in `end`, at the latest after `timeout_s`."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what is under way and release everything. The log must not be called afterwards."""


class EventLog(EventLogReader):
    """A log that also takes events."""

    @abstractmethod
    async def append(self, events: Sequence[EventData]) -> list[Position]:
        """Append events of one partition, atomically, and return where each one is, once they are durable.

        Those of one ordering unit always are.

        Raises LogUnavailable, LogOverloaded, OutcomeUnknown or EventTooLarge.
        """

    async def check_appendable(self) -> None:
        """Raise LogUnavailable, with the reason, when a small append would not be acknowledged now.

        Appends nothing. May cost as much as an append. A success is no promise: an append may still fail.
        """
        await self.end()


class PartitionAssignment(ABC):
    """Which partitions this process follows, of a group of processes that share them all.

    It is a hint about which process does the work, and no lock: for a moment two members may hold the same partition,
    or none.
    """

    @property
    @abstractmethod
    def partitions(self) -> Set[int]:
        """The partitions that are this member's now."""

    @abstractmethod
    async def start(self) -> None:
        """Join the group. Raises LogUnavailable."""

    @abstractmethod
    async def wait_for_change(self, known: Set[int], timeout_s: float) -> None:
        """Return when `partitions` is not `known`, at the latest after `timeout_s`.

        Raises MembershipRefused.
        """

    @abstractmethod
    async def close(self) -> None:
        """Leave the group, so that the others take over at once."""
