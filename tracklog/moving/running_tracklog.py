"""A running Tracklog as the target of an import: its history says what it holds, and events go in by their ids."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import orjson

from schemas import codec
from schemas.envelope import RecordedEvent
from schemas.event_json import event_document, event_id_text, event_of_json, values_of_document
from schemas.events import AnyEvent, ExperimentTagSet
from tracklog.moving.facts import Made
from tracklog.moving.report import Report
from tracklog.moving.rest_client import Refused, RestClient
from tracklog.moving.stores import NoStore
from tracklog.moving.target import LOOKED_AT, Target

EVENTS: Final = "api/tracklog/v1/events"
HISTORY: Final = "api/tracklog/v1/history"

MOST_EVENTS: Final = 1000
MOST_BYTES: Final = 16 * 1024 * 1024
MOST_VALUES: Final = 50_000
"""Of one request. The route takes 1,000 events, 26 MiB and 65,536 values in JSON."""

TAKEN: Final = frozenset({"experiment", "run", "logged-model", "registered-model"})
"""What the events are about that the route takes; users, rights and webhooks are each server's own."""


def takes(event: AnyEvent) -> bool:
    """Whether a running server takes an event from elsewhere."""
    return event.kind.name in TAKEN


class RunningTracklog:
    """Sends events in the order in which they are made. Those that are there count once, so nothing is kept here."""

    def __init__(self, client: RestClient, report: Report) -> None:
        self._client = client
        self._report = report

    def look(self) -> Target:
        """The names and ids that are taken there, and which of them imports took. Raises NoStore.

        Of the events of imports it knows those that decide what becomes of others; all others are sent again, and the
        server finds that they are there.
        """
        target = Target(is_empty=False)
        for page in self._history():
            for found in page["events"]:
                target.add(_recorded(found))
        return target

    def _history(self) -> Iterator[Any]:
        wanted = {
            "type": sorted(LOOKED_AT | {ExperimentTagSet.event_type}),
            "order": "oldest",
            "limit": 1000,
            "format": "json",
        }
        cursor = ""
        while True:
            page = self._client.get(HISTORY, {**wanted, **({"cursor": cursor} if cursor else {})})
            yield page
            cursor = str(page.get("next_cursor") or "")
            if page.get("is_last") or not cursor:
                return

    async def send(self, appends: Sequence[Sequence[Made]]) -> None:
        """All events, in requests of a bounded size. Raises NoStore, when some of them may be there."""
        await asyncio.to_thread(self._send, [made for append in appends for made in append])

    def _send(self, events: Sequence[Made]) -> None:
        for some in _pieces(events):
            self._send_one(some)

    def _send_one(self, events: Sequence[Made]) -> None:
        """A request. One that is refused is sent in halves, until the event is alone that the server does not take."""
        body = orjson.dumps({"source": self._report.source, "events": [_sent(one) for one in events]})
        try:
            answer = self._client.post_json(EVENTS, body)
        except Refused as error:
            if error.status not in (400, 413):
                raise
            if len(events) > 1:
                self._send_one(events[: len(events) // 2])
                self._send_one(events[len(events) // 2 :])
                return
            self._leave(events[0], str(error))
            return
        for refused in answer.get("refused", ()):
            self._report.odd("events", str(refused.get("id")), f"it changed nothing: {refused.get('message')}")
        there = int(answer.get("there", 0))
        self._report.events -= there
        if there == len(events):
            for one in events:
                for kind, number in one.counted.items():
                    self._report.tally(kind).new -= number

    def _leave(self, made: Made, why: str) -> None:
        """An event that the server does not take stays behind, with what it was to bring."""
        self._report.events -= 1
        self._report.odd(next(iter(made.counted), "events"), made.event.stream, f"left: {why}")
        for kind, number in made.counted.items():
            tally = self._report.tally(kind)
            tally.imported -= number
            tally.new -= number
            tally.left += number


def _pieces(events: Sequence[Made]) -> Iterator[Sequence[Made]]:
    """Of a bounded number of events, bytes and values each; an event that alone has more is a piece of its own."""
    some: list[Made] = []
    size = values = 0
    for made in events:
        more = values_of_document(codec.encode(made.event.payload))
        if some and (len(some) == MOST_EVENTS or size + made.size > MOST_BYTES or values + more > MOST_VALUES):
            yield some
            some, size, values = [], 0, 0
        some.append(made)
        size += made.size
        values += more
    if some:
        yield some


def _sent(made: Made) -> dict[str, Any]:
    event, kind = made.event, made.event.payload
    return event_document(
        *(event_id_text(event.id), kind.event_type, kind.event_version, event.time_us),
        *(event.actor, event.request_id, codec.encode(kind)),
    )


def _recorded(found: Any) -> RecordedEvent:
    """An event of a history. Raises NoStore where it is none."""
    try:
        return event_of_json(orjson.dumps(found))
    except (msgspec.DecodeError, TypeError, ValueError) as error:
        raise NoStore("Its history is not what Tracklog answers; --to names a running Tracklog.") from error
