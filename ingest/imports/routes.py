"""The route that brings in events which were first elsewhere."""

from typing import Final

from aiohttp import web

from ingest.imports.commands import ImportCommands
from ingest.write_route import tracklog_write
from schemas.messages.imports import ImportEvents
from schemas.rest.access import ASKING
from schemas.rest.decode import read_message
from schemas.rest.handler import named_for
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.request_keys import ACTOR, REQUEST_ID
from schemas.rest.route import MIB, Limits, Permission, Route

IMPORT_LIMITS: Final = Limits(body_bytes=26 * MIB, timeout_s=60.0)
"""An event that a request of 16 MiB made is a little larger with its envelope, and larger still where JSON escapes."""


def import_routes(commands: ImportCommands) -> tuple[Route, ...]:
    """Every route of these commands. Each event is judged by the rule of the route that does the same."""

    async def bring_in(request: web.Request) -> web.StreamResponse:
        message = await read_message(request, ImportEvents)
        answer = await commands.bring_in(message, request.get(ASKING), request[ACTOR], request[REQUEST_ID])
        return JsonAnswer(answer)

    return (tracklog_write("POST", "events", named_for(ImportEvents, bring_in), Permission.JUDGED, IMPORT_LIMITS),)
