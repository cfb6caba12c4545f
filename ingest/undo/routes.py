"""The routes that undo what happened."""

from aiohttp import web

from ingest.undo.commands import UndoCommands
from ingest.write_route import tracklog_write
from schemas.messages.undo import ApplyUndo, PlanUndo
from schemas.rest.access import ASKING
from schemas.rest.decode import read_message
from schemas.rest.handler import named_for
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.request_keys import ACTOR, REQUEST_ID
from schemas.rest.route import Permission, Route


def undo_routes(commands: UndoCommands) -> tuple[Route, ...]:
    """Every route of these commands. Each change is judged by the rule of the route that makes it forwards."""

    async def plan(request: web.Request) -> web.StreamResponse:
        message = await read_message(request, PlanUndo)
        return JsonAnswer(await commands.plan(message, request.get(ASKING)))

    async def undo(request: web.Request) -> web.StreamResponse:
        message = await read_message(request, ApplyUndo)
        answer = await commands.undo(message, request.get(ASKING), request[ACTOR], request[REQUEST_ID])
        return JsonAnswer(answer)

    return (
        tracklog_write("POST", "undo/plan", named_for(PlanUndo, plan), Permission.JUDGED),
        tracklog_write("POST", "undo", named_for(ApplyUndo, undo), Permission.JUDGED),
    )
