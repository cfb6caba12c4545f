"""A log of any number of partitions in a file, for tests whose processes share it and only read it."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from event_log.memory_event_log import MemoryEventLog
from schemas.envelope import RecordedEvent

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, list[list[RecordedEvent]]]).decode


def keep(log: MemoryEventLog, path: Path) -> None:
    """Write all that is in `log`."""
    path.write_bytes(_encode((log._id, log._events)))


async def open_kept(path: Path) -> MemoryEventLog:
    """The log that was kept."""
    events: Sequence[list[RecordedEvent]]
    log_id, events = _decode(path.read_bytes())
    log = MemoryEventLog(len(events))
    log._id, log._events = log_id, list(events)
    return log
