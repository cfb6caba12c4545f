"""The routes that erase for good what is deleted."""

from typing import Final

from aiohttp import web

from ingest.erasures.commands import ErasureCommands
from ingest.write_route import tracklog_write
from schemas.messages.erasures import CarryOutErasures, Erase, PlanErasure
from schemas.rest.decode import read_message
from schemas.rest.handler import command_handler, named_for
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.route import MIB, Limits, Permission, Route

ERASURE_LIMITS: Final = Limits(body_bytes=MIB, timeout_s=60.0)
"""What takes long is answered with what was done by then; one run alone may have a million events."""


def erasure_routes(commands: ErasureCommands) -> tuple[Route, ...]:
    """Every route of these commands. What is erased does not come back, so administrators alone may."""

    async def plan(request: web.Request) -> web.StreamResponse:
        return JsonAnswer(await commands.plan(await read_message(request, PlanErasure)))

    async def carry_out(request: web.Request) -> web.StreamResponse:
        return JsonAnswer(await commands.carry_out(await read_message(request, CarryOutErasures)))

    erase = command_handler(Erase, commands.erase)
    return (
        tracklog_write("POST", "erasures/plan", named_for(PlanErasure, plan), Permission.ADMIN, ERASURE_LIMITS),
        tracklog_write("POST", "erasures", erase, Permission.ADMIN, ERASURE_LIMITS),
        tracklog_write("POST", "erasures/carry-out", named_for(CarryOutErasures, carry_out), Permission.ADMIN),
    )
