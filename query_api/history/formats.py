"""Events of the history as JSON, JSON Lines or CSV."""

import csv
import io
from collections.abc import Sequence
from typing import Any, Final

import orjson

from query_api.history.described import described
from query_api.history.search import Page
from schemas.codec import UndecodableEvent, decode
from schemas.envelope import RecordedEvent
from schemas.event_json import event_json, time_text
from schemas.touched_fields import touched_fields

JSON: Final = "application/json"
JSON_LINES: Final = "application/jsonl"
CSV: Final = "text/csv"

SHOWN_FIELDS: Final = 100

CSV_COLUMNS: Final = (
    *("time", "user", "summary", "type", "stream", "address", "user_agent", "request_id"),
    *("partition", "offset", "id", "data"),
)

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def entry_json(event: RecordedEvent) -> bytes:
    """An event as `schemas.event_json` has it, with `summary`, a sentence, and `fields`: what it wrote or removed."""
    more = orjson.dumps({"summary": described(event), "fields": _fields(event)})
    return event_json(event)[:-1] + b"," + more[1:]


def page_json(page: Page) -> bytes:
    """`{"events":[…],"next_cursor":…,"is_last":…}`"""
    events = b",".join(map(entry_json, page.events))
    rest = orjson.dumps({"next_cursor": page.cursor, "is_last": page.is_last})
    return b'{"events":[' + events + b"]," + rest[1:]


def lines_json(events: Sequence[RecordedEvent]) -> bytes:
    """An event a line."""
    return b"".join(entry_json(event) + b"\n" for event in events)


def csv_text(events: Sequence[RecordedEvent], *, header: bool = True) -> bytes:
    """A row an event, by RFC 4180. A cell that would be a formula in a spreadsheet begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text)
    if header:
        writer.writerow(CSV_COLUMNS)
    writer.writerows(map(_row, events))
    return text.getvalue().encode("utf-8", "replace")


def _row(event: RecordedEvent) -> list[str]:
    actor = event.actor
    cells = (
        time_text(event.time_us),
        *(actor.user, described(event), event.type, event.stream, actor.address, actor.user_agent, event.request_id),
        *(str(event.partition), str(event.offset), event.id.hex(), event.payload.decode("utf-8", "replace")),
    )
    return [f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells]


def _fields(event: RecordedEvent) -> list[dict[str, Any]]:
    try:
        touched = list(touched_fields(decode(event)))
    except UndecodableEvent:
        return []
    return [one._asdict() for one in touched[:SHOWN_FIELDS]]
