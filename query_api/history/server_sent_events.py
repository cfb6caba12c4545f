"""The live tail over HTTP: Server-Sent Events, as the HTML standard has them."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from typing import Final

from aiohttp import web

from query_api.history.live_tail import Told
from schemas.errors import PermissionDenied, Retryable, Unauthenticated
from schemas.messages.message import Message
from schemas.rest.request_keys import ADMIT_AGAIN

HEARTBEAT_S: Final = 10.0
"""What sits between ends a connection on which nothing comes for a minute, or less."""

SEND_S: Final = 10.0
"""A client that takes nothing for so long is cut, and can resume."""

BUFFERED_BYTES: Final = 128 * 1024
"""Of what a client was sent and has not taken, in the system: twice as much with what that adds."""

RETRY_MS: Final = 1000
"""When a client comes back."""

_HEADERS: Final = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}


async def send_events(
    request: web.Request,
    needed: Message,
    cursor: str,
    told: list[Told],
    listening: AsyncGenerator[list[Told], None],
) -> web.StreamResponse:
    """Send what a listener is told, `told` first, until the client leaves, is too slow, or may no longer listen.

    `needed` is what the client has to be allowed all the while. `cursor` is where it begins, and resumes when nothing
    came.
    """
    response = web.StreamResponse(headers=_HEADERS)
    await response.prepare(request)
    _bound_buffer(request)
    loop = asyncio.get_running_loop()
    sent_s = loop.time()
    await response.write(f"retry: {RETRY_MS}\nid: {cursor}\n\n".encode())
    try:
        while True:
            if told:
                await _write(response, b"".join(map(_event, told)))
                sent_s = loop.time()
            elif loop.time() - sent_s >= HEARTBEAT_S:
                await _write(response, b":\n\n")
                sent_s = loop.time()
            if ADMIT_AGAIN in request:
                await request[ADMIT_AGAIN](needed)
            told = await anext(listening)
    except (PermissionDenied, Unauthenticated, Retryable):
        return response  # whoever comes back is told why


async def _write(response: web.StreamResponse, data: bytes) -> None:
    """Raises ConnectionResetError when the client does not take it: no end of the answer would reach it either."""
    try:
        async with asyncio.timeout(SEND_S):
            await response.write(data)
    except TimeoutError as error:
        raise ConnectionResetError(f"The client took nothing for {SEND_S:.0f} s") from error


def _bound_buffer(request: web.Request) -> None:
    """The system would keep megabytes of what a client does not take, of each of a thousand clients."""
    connection = None if request.transport is None else request.transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFERED_BYTES)


def _event(told: Told) -> bytes:
    return b"id: " + told.cursor.encode() + b"\ndata: " + told.entry + b"\n\n"
