"""The route of the history of events."""

from typing import Final

from aiohttp import web

from event_log.port import EventLogReader
from query_api.events.history import ReadEvents, events_json
from schemas.rest.decode import read_message
from schemas.rest.handler import named_for
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.route import READ_LIMITS, Handler, Kind, Permission, Route

TRACKLOG_V1: Final = ("/api/tracklog/v1",)


def event_routes(log: EventLogReader) -> tuple[Route, ...]:
    return (
        Route(
            method="GET",
            path="/events",
            prefixes=TRACKLOG_V1,
            handler=_read_events(log),
            kind=Kind.READ,
            permission=Permission.ADMIN,
            limits=READ_LIMITS,
        ),
    )


def _read_events(log: EventLogReader) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return JsonAnswer(await events_json(log, await read_message(request, ReadEvents)))

    return named_for(ReadEvents, handle)
