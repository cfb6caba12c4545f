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
from schemas.rest.handler import fresh_message, named_for
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.request_keys import PRINCIPAL
from schemas.rest.route import Handler

M = TypeVar("M", bound=Message)

Answer = Callable[[ReadModel, M, Principal], Awaitable[Any]]
"""From a request and who asks to what is answered as JSON."""


def answer_to_principal(
    reads: Reads, message_type: type[M], answer: Answer[M], units: tuple[str, ...] = (USERS_ORDERING_UNIT,)
) -> Handler:
    """Handle a request once the read model holds what changed in the ordering units."""
    catch_up = reads.catch_up(lambda _message: units)

    async def handle(request: web.Request) -> web.StreamResponse:
        message = await fresh_message(request, message_type, catch_up)
        return JsonAnswer(orjson.dumps(await answer(reads.read_model, message, request[PRINCIPAL])))

    return named_for(message_type, handle)
