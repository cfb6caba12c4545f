"""A running Tracklog as the target of an import: its history says what it holds, and events go in by their ids."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

import msgspec
import orjson

from schemas import codec
from schemas.envelope import RecordedEvent
from schemas.event_json import event_document, event_id_text, event_of_json, values_of_document
from schemas.events import AnyEvent, ExperimentTagSet
from tracklog.bringing.requests import Refused, Weight, body_of, gathered, ids_there, sent_in_halves
from tracklog.moving.facts import Made
from tracklog.moving.report import Report
from tracklog.moving.rest_client import RestClient
from tracklog.moving.stores import NoStore
from tracklog.moving.target import LOOKED_AT, SHADOW, Target

EVENTS: Final = "api/tracklog/v1/events"
HISTORY: Final = "api/tracklog/v1/history"

TAKEN: Final = frozenset(
    {
        *("experiment", "run", "logged-model", "registered-model", "trace", "scorer", "evaluation-dataset"),
        *("issue", "label-schema", "review-queue"),
    }
)
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
        # Those of one kind of things together, in their order: a history takes no more than twenty types at once.
        wanted = sorted(LOOKED_AT | {ExperimentTagSet.event_type})
        for kind, types in groupby(wanted, key=lambda one: one.partition(".")[0]):
            if kind in TAKEN:
                for page in self._history({"type": list(types), "limit": 1000}):
                    for found in page["events"]:
                        target.add(_recorded(found))
        for page in self._history({"request_id": SHADOW, "limit": 10}):
            for found in page["events"]:
                target.add(_recorded(found))
            if target.is_followed_into:
                break
        return target

    def _history(self, wanted: Mapping[str, Any]) -> Iterator[Any]:
        asked = {**wanted, "order": "oldest", "format": "json"}
        cursor = ""
        while True:
            page = self._client.get(HISTORY, {**asked, **({"cursor": cursor} if cursor else {})})
            yield page
            cursor = str(page.get("next_cursor") or "")
            if page.get("is_last") or not cursor:
                return

    async def send(self, appends: Sequence[Sequence[Made]]) -> None:
        """All events, in requests of a bounded size. Raises NoStore, when some of them may be there."""
        await asyncio.to_thread(self._send, [made for append in appends for made in append])

    def _send(self, events: Sequence[Made]) -> None:
        for batch in gathered((made, _weight(made)) for made in events):
            for some, outcome in sent_in_halves(batch, self._send_one):
                if isinstance(outcome, Refused):
                    self._leave(some[0], str(outcome))
                else:
                    self._take(some, outcome)

    def _send_one(self, events: Sequence[Made]) -> Any:
        return self._client.post_json(EVENTS, body_of(self._report.source, (_sent(one) for one in events)))

    def _take(self, events: Sequence[Made], answer: Any) -> None:
        """What the server says of events that it took; those that were there are not new."""
        for refused in answer.get("refused", ()):
            self._report.odd("events", str(refused.get("id")), f"it changed nothing: {refused.get('message')}")
        there = ids_there(answer)
        for one in events:
            if event_id_text(one.event.id) in there:
                self._report.events -= 1
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


def _weight(made: Made) -> Weight:
    return Weight(made.size, values_of_document(codec.encode(made.event.payload)))


def _sent(made: Made) -> bytes:
    event, kind = made.event, made.event.payload
    return orjson.dumps(
        event_document(
            *(event_id_text(event.id), kind.event_type, kind.event_version, event.time_us),
            *(event.actor, event.request_id, codec.encode(kind)),
        )
    )


def _recorded(found: Any) -> RecordedEvent:
    """An event of a history. Raises NoStore where it is none."""
    try:
        return event_of_json(orjson.dumps(found))
    except (msgspec.DecodeError, TypeError, ValueError) as error:
        raise NoStore("Its history is not what Tracklog answers; --to names a running Tracklog.") from error
