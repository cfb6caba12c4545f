"""The handlers of routes that take a message and answer JSON: one form for commands, one for queries, one for searches.

A handler is named for its message, `handle_LogMetric`, in tracebacks and profiles. All are made from two functions,
whose own names would not distinguish them.
"""

from collections.abc import Awaitable, Callable
from types import FunctionType
from typing import TypeVar, cast

from aiohttp import web

from schemas.envelope import Actor
from schemas.messages.message import Message
from schemas.rest.access import sight_of
from schemas.rest.decode import read_message
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.request_keys import ACTOR, BEHIND, REQUEST_ID
from schemas.rest.route import Handler
from schemas.sight import Sight

M = TypeVar("M", bound=Message)

Command = Callable[[M, Actor, str], Awaitable[bytes]]
"""What changes something for an actor, in the request of an id; the answer is JSON."""
Query = Callable[[M], Awaitable[bytes]]
"""What reads something; the answer is JSON."""
Search = Callable[[M, Sight | None], Awaitable[bytes]]
"""What reads as much as may be seen, None for everything; the answer is JSON."""
CatchUp = Callable[[M], Awaitable[str | None]]
"""Waits until the read model holds all that can change the answer; returns the value of BEHIND when it does not."""


def command_handler(message_type: type[M], command: Command[M]) -> Handler:
    """Handle a request of `message_type` with what `command` answers."""

    async def handle(request: web.Request) -> web.StreamResponse:
        message = await read_message(request, message_type)
        return JsonAnswer(await command(message, request[ACTOR], request[REQUEST_ID]))

    return named_for(message_type, handle)


async def fresh_message(request: web.Request, message_type: type[M], catch_up: CatchUp[M]) -> M:
    """The message of a request that reads, once the read model has caught up; else the request says how far it is.

    Raises as `read_message` does.
    """
    message = await read_message(request, message_type)
    behind = await catch_up(message)
    if behind is not None:
        request[BEHIND] = behind
    return message


def query_handler(message_type: type[M], query: Query[M], catch_up: CatchUp[M]) -> Handler:
    """Handle a request of `message_type` with what `query` answers once the read model has caught up."""

    async def handle(request: web.Request) -> web.StreamResponse:
        message = await fresh_message(request, message_type, catch_up)
        return JsonAnswer(await query(message))

    return named_for(message_type, handle)


def search_handler(message_type: type[M], search: Search[M], catch_up: CatchUp[M]) -> Handler:
    """The same of what answers from all that who asks may see."""

    async def handle(request: web.Request) -> web.StreamResponse:
        message = await fresh_message(request, message_type, catch_up)
        return JsonAnswer(await search(message, await sight_of(request)))

    return named_for(message_type, handle)


def named_for(message_type: type[Message], handler: Handler) -> Handler:
    """`handler`, a function made for this message alone, under a name of its own."""
    return named(f"handle_{message_type.__name__}", handler)


def named(name: str, handler: Handler) -> Handler:
    """`handler`, a function made for one route, under the name that tracebacks and profiles have."""
    function = cast(FunctionType, handler)
    function.__code__ = function.__code__.replace(co_name=name, co_qualname=name)
    function.__name__ = function.__qualname__ = name
    return handler
