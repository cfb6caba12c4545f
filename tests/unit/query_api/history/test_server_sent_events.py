"""A client that takes nothing is cut, and holds little until then."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from query_api.history import server_sent_events
from query_api.history.live_tail import Told
from query_api.history.server_sent_events import BUFFERED_BYTES, send_events
from schemas.messages.history import AllHistory


async def without_end() -> AsyncGenerator[list[Told], None]:
    while True:
        yield [Told("c", b"x" * 10_000, "run/a")]


async def test_a_client_that_takes_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_sent_events, "SEND_S", 0.05)
    cut: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def handle(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        kept = request.transport.get_extra_info("socket")
        try:
            return await send_events(request, AllHistory(), "c", [], without_end())
        except ConnectionResetError as error:
            assert kept.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * BUFFERED_BYTES
            cut.set_result(str(error))
            raise

    app = web.Application()
    app.router.add_get("/", handle)
    async with TestServer(app, host="127.0.0.1") as server:
        with contextlib.closing(socket.socket()) as client:
            client.setblocking(False)
            await asyncio.get_running_loop().sock_connect(client, (server.host, server.port))
            await asyncio.get_running_loop().sock_sendall(client, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(30):
                assert await cut == "The client took nothing for 0 s"
