"""Everything that ever happened, page by page, for auditors: the log itself, not the read model."""

import asyncio
import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import msgspec

from event_log.port import EventFilter, EventLogReader
from schemas.envelope import RecordedEvent
from schemas.errors import InvalidParameterValue
from schemas.event_json import event_json
from schemas.messages.bounds import Name, PageToken, Path, Word, shown
from schemas.messages.message import Int32, Message
from schemas.mlflow import LARGEST_INT64

MAX_EVENTS: Final = 10_000
DEFAULT_EVENTS: Final = 1000

_EVENTS_AT_ONCE: Final = 100
"""About a millisecond, after which others have their turn."""

MAX_PAGE_BYTES: Final = 8 * 1024 * 1024
"""A page ends early after this many bytes of payload. One event may hold a batch of a thousand points."""


class ReadEvents(Message):
    """Which events, and from where on: `since` and `until` are RFC 3339 or milliseconds since the Unix epoch."""

    stream: Path = ""
    type: Word = ""
    actor: Name = ""
    since: Word = ""
    until: Word = ""
    limit: Int32 = DEFAULT_EVENTS
    cursor: PageToken = ""


_Offset = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_INT64)]
_cursor_decoder: Final = msgspec.json.Decoder(dict[int, _Offset])


@dataclass(slots=True)
class _Page:
    """What was read so far."""

    limit: int
    events: list[bytes]
    bytes_left: int

    @property
    def is_full(self) -> bool:
        return len(self.events) >= self.limit or self.bytes_left <= 0

    def add(self, event: RecordedEvent) -> None:
        self.events.append(event_json(event))
        self.bytes_left -= len(event.payload)


async def events_json(log: EventLogReader, wanted: ReadEvents) -> bytes:
    """`{"events":[…],"next_cursor":…}`, each partition's events in order, one partition after the other.

    `next_cursor` goes on where the page ends and is there always: a page without events reached the end of the log,
    and the same cursor finds what is appended later.
    Raises InvalidParameterValue or LogUnavailable.
    """
    if not 1 <= wanted.limit <= MAX_EVENTS:
        raise InvalidParameterValue(f"limit must be 1 to {MAX_EVENTS}, got {wanted.limit}.")
    matching = EventFilter(
        stream=wanted.stream or None,
        event_type=wanted.type or None,
        actor=wanted.actor or None,
        since_us=_time_us("since", wanted.since),
        until_us=_time_us("until", wanted.until),
    )
    offsets = dict(_offsets_of(wanted.cursor))
    end = await log.end()
    page = _Page(wanted.limit, [], MAX_PAGE_BYTES)
    for partition in sorted(await log.partitions()):
        offset = offsets.get(partition, 0)
        while not page.is_full:
            found = await log.read(partition, offset, limit=wanted.limit - len(page.events), matching=matching)
            for number, event in enumerate(found, start=1):
                page.add(event)
                offset = event.offset + 1
                if page.is_full:
                    break
                if number % _EVENTS_AT_ONCE == 0:
                    await asyncio.sleep(0)
            if not found:
                # Nothing matches up to here, which the next page need not find out again.
                offset = max(offset, end.get(partition, 0))
                break
        offsets[partition] = offset
    return b'{"events":[' + b",".join(page.events) + b'],"next_cursor":"' + _cursor_of(offsets).encode() + b'"}'


def _cursor_of(offsets: Mapping[int, int]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(offsets)).decode()


def _offsets_of(cursor: str) -> Mapping[int, int]:
    if not cursor:
        return {}
    try:
        offsets: dict[int, int] = _cursor_decoder.decode(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise InvalidParameterValue(f"Invalid cursor: {shown(cursor)}") from error
    return offsets


def _time_us(field: str, text: str) -> int | None:
    """Microseconds since the Unix epoch; None for no text.

    Raises InvalidParameterValue, also for a time of day without a zone.
    """
    if not text:
        return None
    if text.removeprefix("-").isdecimal() and len(text) <= 16:
        return int(text) * 1000
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidParameterValue(
            f"{field} must be an RFC 3339 time or milliseconds since the Unix epoch, got {text!r}."
        ) from error
    if time.tzinfo is None:
        raise InvalidParameterValue(f"{field} must name its time zone, as in {text}Z.")
    return round(time.timestamp() * 1_000_000)
