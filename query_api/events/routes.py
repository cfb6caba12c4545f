"""The route of the history of events."""

from collections.abc import Sequence

from aiohttp import web

from event_log.port import EventLogReader
from query_api.events.history import ReadEvents, events_json
from query_api.events.spans import Span, is_of_a_registered_model, spans_of
from query_api.reads import Reads, tracklog_read
from schemas.events import REGISTERED_MODELS_ORDERING_UNIT
from schemas.rest.decode import read_message
from schemas.rest.handler import named_for
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.request_keys import BEHIND
from schemas.rest.route import Handler, Permission, Route


def event_routes(log: EventLogReader, reads: Reads) -> tuple[Route, ...]:
    """The read model is asked for the former names of a registered model alone."""
    return (tracklog_read("events", _read_events(log, reads), Permission.ADMIN),)


def _read_events(log: EventLogReader, reads: Reads) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        wanted = await read_message(request, ReadEvents)
        spans: Sequence[Span] = ()
        if is_of_a_registered_model(wanted.stream):
            behind = await reads.freshness.caught_up((REGISTERED_MODELS_ORDERING_UNIT,))
            if behind is not None:
                request[BEHIND] = behind
            spans = await spans_of(reads.read_model, wanted.stream)
        return JsonAnswer(await events_json(log, wanted, spans))

    return named_for(ReadEvents, handle)
