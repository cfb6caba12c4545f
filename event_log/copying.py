"""From one log to another: every event as it is, at its offset."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from event_log.port import EventLogReader, ForeignLog
from schemas.damaged_event import damage_of
from schemas.envelope import PARTITION, RecordedEvent

BATCH_EVENTS: Final = 1000


class Copy(Protocol):
    """A log that takes the events of another."""

    @property
    def end(self) -> int:
        """The offset of the next event that it takes."""

    async def add(self, events: Sequence[RecordedEvent]) -> None:
        """The next events."""


class Copied(NamedTuple):
    """What a copy holds when it is done."""

    first: int
    """The offset of the first event that was added now."""
    end: int
    """The offset after its last event."""
    last: RecordedEvent | None
    """Its last event; None of an empty log."""
    damaged: Sequence[int]
    """The offsets of events that were added now and are damaged: they are damaged in the copy as well."""


async def bring_up_to_date(
    copy: Copy, log: EventLogReader, show: Callable[[int, int], None], last_of_copy: RecordedEvent | None = None
) -> Copied:
    """Have a copy hold every event that the log had when this was called. `show` hears how far it is, of how many.

    `last_of_copy` is the last event that the copy has already.
    Raises ForeignLog where the log has several partitions, or the copy has events that the log does not have;
    LogUnavailable.
    """
    if list(await log.partitions()) != [PARTITION]:
        raise ForeignLog("The log has several partitions, in Kafka, which keeps its copies itself: mirror the topic.")
    end = (await log.end())[PARTITION]
    last = last_of_copy
    if last is not None:
        same = await log.read(PARTITION, last.offset, limit=1) if last.offset < end else []
        if not same or same[0].id != last.id:
            raise ForeignLog(
                f"The copy ends with event {last.offset}, which the log does not have: it was put back to an earlier"
                " state since. Make another copy."
            )
    first = copy.end
    damaged: list[int] = []
    while copy.end < end:
        batch = await log.read(PARTITION, copy.end, limit=min(BATCH_EVENTS, end - copy.end))
        damaged += [event.offset for event in batch if damage_of(event) is not None]
        await copy.add(batch)
        last = batch[-1]
        show(copy.end, end)
    return Copied(first, copy.end, last, damaged)
