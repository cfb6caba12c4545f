"""Whether a log still has the events that a read model folded last.

A log that was restored from a backup and then written to has the same id, and may be as long as it was: only its events
show that it diverged. For a partition the last event is enough: it was appended after all those before it.
"""

from collections.abc import Mapping

from event_log.port import EventLogReader
from schemas.damaged_event import damage_of
from schemas.envelope import Position

LastFolded = Mapping[Position, bytes]
"""The place of the last event folded in each partition, and the id it had."""


async def divergence(log: EventLogReader, last_folded: LastFolded) -> str | None:
    """Where `log` has another event than the one that was folded, in words that follow a read model's name; or None.

    An event that is there and cannot be read any more is no other event. Raises LogUnavailable.
    """
    for place, event_id in last_folded.items():
        for event in await log.read(place.partition, place.offset, limit=1):
            if event.offset == place.offset and event.id != event_id and damage_of(event) is None:
                return (
                    f"the last event it folded, {place.partition}:{place.offset}, had the id {event_id.hex()},"
                    f" and the one in the log has {event.id.hex()}"
                )
    return None
