"""The record batches of a broker's answer, and their messages: one that was changed is told by its offsets."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords

from event_log.kafka.cloud_events import Header

_CHANGED: Final = "the bytes of its record batch are not those that were written: the checksum differs"


@dataclass(slots=True)
class DamagedRecord:
    """In place of a message whose record batch is not what was written."""

    offset: int
    reason: str
    key: bytes | None = None
    value: bytes | None = None
    headers: list[Header] = field(default_factory=list)


class Record(Protocol):
    """A message as aiokafka's record batches hold it."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[Header]


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that came together; `records` can be iterated once. `end` is the offset after the last."""

    end: int
    records: Iterable[Any]


def batches_of(messages: bytes, offset: int, end: int) -> list[Batch]:
    """The record batches of an answer about `offset`, in a partition that reaches to `end`.

    One that is not what was written is given by its offsets: those in its header, as far as they can be true, for the
    header may be what was changed. So it ends where the next one begins, or, where it cannot be parsed at all, after
    one message, and the rest is fetched again.
    """
    answered, fault = _parsed(messages)
    found: list[Batch] = []
    position = offset
    for index, batch in enumerate(answered):
        if batch.validate_crc():
            if batch.next_offset > position:
                found.append(Batch(batch.next_offset, batch))
                position = batch.next_offset
            continue
        lost_end = max(min(batch.next_offset, end), position + 1)
        for following in answered[index + 1 : index + 2]:
            if position < following.base_offset < lost_end:
                lost_end = following.base_offset
        found.append(_lost(position, lost_end, _CHANGED))
        position = lost_end
    if messages and not found:  # brokers send a first batch whole
        found.append(_lost(offset, offset + 1, fault or "its record batch names another offset"))
    return found


def _parsed(messages: bytes) -> tuple[list[Any], str | None]:
    """The record batches, up to one that nothing can be made of; and then why."""
    found: list[Any] = []
    try:
        batches = MemoryRecords(messages)
        while batches.has_next():
            batch = batches.next_batch()
            if not isinstance(batch, DefaultRecordBatch):
                return found, "its record batch is of a kind that the log has none of"
            found.append(batch)
    except Exception as error:  # a wrong length or kind raises errors of any type
        return found, f"its record batch cannot be read: {error!r}"
    return found, None


def records_of(batch: Batch, position: int) -> Iterator[Record]:
    """The messages of a batch that is read from `position` on."""
    try:
        for record in batch.records:
            yield record
            position = max(position, record.offset + 1)
    except Exception as error:  # any error of unpacking or parsing must cost this batch only
        reason = f"its record batch cannot be read: {error!r}"
        yield from (DamagedRecord(lost, reason) for lost in range(position, batch.end))


def _lost(first: int, end: int, reason: str) -> Batch:
    return Batch(end, [DamagedRecord(offset, reason) for offset in range(first, end)])
