"""Events as a page shows them: each in a sentence, and what one run logs point by point under one line."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from query_api.history.described import described
from query_api.past.differences import Difference
from schemas.envelope import RecordedEvent
from schemas.errors import InvalidParameterValue
from schemas.event_json import time_text
from schemas.events import RunDataLogged
from schemas.messages.bounds import shown

FEWEST_IN_GROUP: Final = 4
"""So many events of logged data, one after another of one run and user, are shown under one line."""

MAX_MADE_BY: Final = 5
"""So many of the events that made a change are in a page."""

_PLACE: Final = re.compile(r"([0-9]{1,9}):([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. `place` is its partition and offset, `0:17`."""

    place: str
    time: str
    user: str
    address: str
    user_agent: str
    summary: str
    type: str
    stream: str
    request_id: str

    @classmethod
    def of(cls, event: RecordedEvent) -> "Entry":
        return cls(
            place_of(event),
            shown_time(event.time_us),
            event.actor.user,
            event.actor.address,
            event.actor.user_agent,
            described(event),
            event.type,
            event.stream,
            event.request_id,
        )

    @property
    def _belongs_with(self) -> tuple[str, str, str]:
        return self.type, self.stream, self.user

    @property
    def is_data(self) -> bool:
        """Whether it is of the kind that comes by the thousand."""
        return self.type == RunDataLogged.event_type


@dataclass(frozen=True, slots=True)
class Line:
    """What stands in one line of a page: an entry, or several whose first and last say when they were."""

    entries: Sequence[Entry]

    @property
    def is_group(self) -> bool:
        return len(self.entries) > 1

    @property
    def first(self) -> Entry:
        return self.entries[0]

    @property
    def last(self) -> Entry:
        return self.entries[-1]


@dataclass(frozen=True, slots=True)
class Change:
    """A field that became another, its values as text, None where there is none. `made_by` are the newest events that
    made it so, of several that follow one another the first, and `earlier` how many are left out."""

    field: str
    before: str | None
    after: str | None
    made_by: Sequence[Entry]
    earlier: int

    @classmethod
    def of(cls, difference: Difference) -> "Change":
        earlier = max(len(difference.made_by) - MAX_MADE_BY, 0)
        made_by = [Entry.of(events[0]) for events in difference.made_by[earlier:]]
        return cls(difference.field, _value(difference.before), _value(difference.after), made_by, earlier)


def _value(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def lines_of(events: Sequence[RecordedEvent]) -> Iterator[Line]:
    """The lines of some events, in their order."""
    for _, group in groupby(map(Entry.of, events), key=lambda entry: entry._belongs_with):
        entries = list(group)
        if entries[0].is_data and len(entries) >= FEWEST_IN_GROUP:
            yield Line(entries)
        else:
            yield from (Line([entry]) for entry in entries)


def place_of(event: RecordedEvent) -> str:
    """Where an event stands in the log: its partition and offset, `0:17`."""
    return f"{event.partition}:{event.offset}"


def place_parts(place: str) -> tuple[int, int]:
    """The partition and offset that a place names. Raises InvalidParameterValue."""
    found = _PLACE.fullmatch(place)
    if found is None:
        raise InvalidParameterValue(f"A place in the log is a partition and an offset, as 0:17; got {shown(place)}.")
    return int(found[1]), int(found[2])


def shown_time(time_us: int) -> str:
    """RFC 3339 in UTC with milliseconds, from microseconds since the Unix epoch."""
    return f"{time_text(time_us)[:-4]}Z"


def with_query(path: str, query: Iterable[tuple[str, str]]) -> str:
    """`path` with a query, if there is any."""
    text = urlencode(list(query))
    return f"{path}?{text}" if text else path
