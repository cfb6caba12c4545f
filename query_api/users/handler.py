"""The handlers of reads whose answer rests on who asks."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import orjson
from aiohttp import web

from query_api.port import ReadModel
from query_api.reads import Reads
from schemas.events import USERS_ORDERING_UNIT
from schemas.messages.message import Message
from schemas.principal import Principal
from schemas.rest.decode import read_message
from schemas.rest.handler import named_for
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.request_keys import BEHIND, PRINCIPAL
from schemas.rest.route import Handler

M = TypeVar("M", bound=Message)

Answer = Callable[[ReadModel, M, Principal], Awaitable[Any]]
"""From a request and who asks to what is answered as JSON."""


def answer_to_principal(
    reads: Reads, message_type: type[M], answer: Answer[M], units: tuple[str, ...] = (USERS_ORDERING_UNIT,)
) -> Handler:
    """Handle a request once the read model holds what changed in the ordering units."""

    async def handle(request: web.Request) -> web.StreamResponse:
        message = await read_message(request, message_type)
        behind = await reads.freshness.caught_up(units)
        if behind is not None:
            request[BEHIND] = behind
        return JsonAnswer(orjson.dumps(await answer(reads.read_model, message, request[PRINCIPAL])))

    return named_for(message_type, handle)
