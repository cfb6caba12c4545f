"""Everything that ever happened, page by page, for auditors: the log itself, not the read model."""

import asyncio
import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Final

import msgspec

from event_log.port import EventFilter, EventLogReader
from query_api.events.spans import Span
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


async def events_json(log: EventLogReader, wanted: ReadEvents, spans: Sequence[Span] = ()) -> bytes:
    """`{"events":[…],"next_cursor":…}`, each partition's events in order, one partition after the other.

    `spans`: where the stream that is wanted had other names. They cover every offset, in order; none are one without.

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
        since_us=time_us("since", wanted.since),
        until_us=time_us("until", wanted.until),
    )
    offsets = dict(_offsets_of(wanted.cursor))
    end = await log.end()
    page = _Page(wanted.limit, [], MAX_PAGE_BYTES)
    for partition in sorted(await log.partitions()):
        offset = offsets.get(partition, 0)
        for span in spans or (Span((matching.stream,)),):
            if span.before_offset is not None and offset >= span.before_offset:
                continue
            offset = await _read_span(log, partition, offset, span, matching, page)
            if page.is_full:
                break
            # Nothing more matches up to here, which the next page need not find out again.
            offset = max(offset, end.get(partition, 0) if span.before_offset is None else span.before_offset)
        offsets[partition] = offset
    return b'{"events":[' + b",".join(page.events) + b'],"next_cursor":"' + _cursor_of(offsets).encode() + b'"}'


async def _read_span(
    log: EventLogReader, partition: int, offset: int, span: Span, matching: EventFilter, page: _Page
) -> int:
    """Fill the page from `offset` on until it is full or the span ends; return where the next page goes on."""
    while not page.is_full:
        found = await _next_of(log, partition, offset, span, matching, page.limit - len(page.events))
        for number, event in enumerate(found, start=1):
            page.add(event)
            offset = event.offset + 1
            if page.is_full:
                break
            if number % _EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)
        if not found:
            break
    return offset


async def _next_of(
    log: EventLogReader, partition: int, offset: int, span: Span, matching: EventFilter, limit: int
) -> list[RecordedEvent]:
    """The next events of a span's streams, in the order of the log; none are there only when this is empty."""
    of_streams = [
        await log.read(
            partition, offset, limit=limit, matching=replace(matching, stream=stream, before_offset=span.before_offset)
        )
        for stream in span.streams
    ]
    found = [events for events in of_streams if events]
    if len(found) < 2:
        return found[0] if found else []
    # A log may have answered fewer than there are: what comes after the last of one stream is not known to be next.
    last = min(events[-1].offset for events in found)
    return sorted((one for events in found for one in events if one.offset <= last), key=lambda one: one.offset)[:limit]


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


def time_us(field: str, text: str) -> int | None:
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
