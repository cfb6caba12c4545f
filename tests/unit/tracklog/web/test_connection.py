"""What one connection may hold, how long it may be silent, and what it hears when HTTP is not kept to."""

import asyncio
import gc
import json
import logging
import os
import socket
import sys
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, web
from aiohttp.test_utils import TestClient

from schemas.rest.route import MIB, V2, Handler, Kind, Limits, Permission, Route
from tests.web_server import WebServer
from tracklog.settings.process import WebSettings, trusted_proxies_of
from tracklog.web.access_log import AccessLog
from tracklog.web.app import create_app
from tracklog.web.bounds import Bounds
from tracklog.web.connection import MAX_HEAD_BYTES, Connection
from tracklog.web.metrics import RequestCounts
from tracklog.web.server import Server

PATIENCE_S = 20.0
SECRET = "hunter2"
HEAD = b"POST /api/2.0/x HTTP/1.1\r\nHost: localhost\r\n"


async def fine(_request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"{}", content_type="application/json")


async def length(request: web.Request) -> web.StreamResponse:
    return web.json_response({"bytes": len(await request.read())})


async def swallow(request: web.Request) -> web.StreamResponse:
    total = 0
    async for chunk in request.content.iter_any():
        total += len(chunk)
    return web.json_response({"bytes": total})


def answering(body: bytes) -> Handler:
    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body)

    return handler


def route(path: str, handler: Handler, method: str, kind: Kind, body_bytes: int | None = 16 * MIB) -> Route:
    limits = Limits(body_bytes=body_bytes)
    return Route(
        method=method,
        path=path,
        handler=handler,
        prefixes=V2,
        kind=kind,
        permission=Permission.AUTHENTICATED,
        limits=limits,
    )


class Served:
    """A server with routes that read a body, pass one on, and answer a large one."""

    def __init__(self, client: "TestClient[web.Request, web.Application]", access_log: Path) -> None:
        self.client = client
        runner = client.server.runner
        assert runner is not None
        assert isinstance(runner.server, Server)
        self.server: Server = runner.server
        self.access_log = access_log

    async def connect(self, *, receive_bytes: int | None = None) -> "Raw":
        end = socket.socket()
        if receive_bytes is not None:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        end.setblocking(False)
        await asyncio.get_running_loop().sock_connect(end, (self.client.host, self.client.port))
        reader, writer = await asyncio.open_connection(sock=end)
        return Raw(reader, writer)

    async def until(self, happened: Callable[[], bool]) -> None:
        """Return when the server has come so far."""
        async with asyncio.timeout(PATIENCE_S):
            while not happened():
                await asyncio.sleep(0.005)

    def has_in_flight(self, requests: int) -> bool:
        return self.server.counts.in_flight == requests

    def connection(self) -> Connection:
        """The one that is open."""
        [connection] = self.server.open
        return connection

    def pass_s(self, *seconds: float) -> None:
        """Have all connections looked at at these times."""
        for now_s in seconds:
            for connection in tuple(self.server.open):
                connection.look(1000.0 + now_s)


class Raw:
    """A connection on which anything can be sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            return int(head[0].split()[1]), headers, await self.reader.readexactly(int(headers["content-length"]))

    async def is_ended(self) -> bool:
        """Whether the server has closed the connection; waits until it has."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


LARGE = os.urandom(3 * MIB)
Serving = Callable[..., Any]


@asynccontextmanager
async def serving(tmp_path: Path, bounds: Bounds | None = None, **settings: Any) -> AsyncIterator[Served]:
    file = tmp_path / "access.log"
    target = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    routes = [
        route("/x", length, "POST", Kind.WRITE),
        route("/x", fine, "GET", Kind.READ),
        route("/up", swallow, "PUT", Kind.ARTIFACT, None),
        route("/holding", holding, "PUT", Kind.ARTIFACT, None),
        route("/large", answering(LARGE), "GET", Kind.READ),
    ]
    counts = RequestCounts()
    app = create_app(
        routes, WebSettings(**settings), counts=counts, access_log=AccessLog(target, counts), bounds=bounds
    )
    try:
        async with TestClient(WebServer(app)) as client:
            yield Served(client, file)
    finally:
        os.close(target)


async def is_served(served: Served) -> bool:
    """Whether another client of the same address is answered a small write."""
    return (await served.client.post("/api/2.0/x", data=b"{}")).status == 200


# What is not HTTP

REFUSED = {
    "an unknown method": f"{SECRET} / HTTP/1.1\r\n\r\n".encode(),
    "no HTTP at all": b"\x16\x03\x01" + SECRET.encode() * 3,
    "a bad version": f"GET /{SECRET} HTTP/9.9\r\nAuthorization: {SECRET}\r\n\r\n".encode(),
    "a line that is too long": f"GET /{SECRET * 12_000} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
    "a header that is too long": f"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: {SECRET * 12_000}\r\n\r\n".encode(),
    "a stray byte in a header": f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: {SECRET}\x01\r\n\r\n".encode(),
    "a stray byte in a name": f"GET / HTTP/1.1\r\nHost: localhost\r\n{SECRET}\x00: x\r\n\r\n".encode(),
    "a path that is not ASCII": f"GET /{SECRET}".encode() + b"\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no host": f"GET /{SECRET} HTTP/1.1\r\nAuthorization: {SECRET}\r\n\r\n".encode(),
    "two hosts": f"GET / HTTP/1.1\r\nHost: localhost\r\nHost: {SECRET}\r\n\r\n".encode(),
    "too many headers": b"GET / HTTP/1.1\r\nHost: localhost\r\n" + f"X: {SECRET}\r\n".encode() * 200 + b"\r\n",
    "two lengths": HEAD + f"Content-Length: 1\r\nContent-Length: {SECRET}\r\n\r\n".encode(),
    "an expectation": f"GET /api/2.0/x HTTP/1.1\r\nHost: localhost\r\nExpect: {SECRET}\r\n\r\n".encode(),
    "an expectation that is no text": HEAD + b"Expect: \xff" + SECRET.encode() + b"\r\n\r\n",
    "a body that is no chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + SECRET.encode() + b"\r\n",
    "a chunk without an end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n7\r\n" + SECRET.encode() * 3,
}


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_not_http_is_told_as_every_other_error_and_found_in_no_log(
    sent: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(tmp_path) as served:
        raw = await served.connect()
        await raw.send(sent)
        status, headers, body = await raw.answer()
        assert status == 400
        assert headers["content-type"].startswith("application/json")
        assert json.loads(body)["error_code"] == "BAD_REQUEST"
        assert headers["x-request-id"]
        assert (headers["x-content-type-options"], headers["server"]) == ("nosniff", "tracklog")
        assert await raw.is_ended()
        await raw.close()
        assert SECRET.encode() not in body
        assert await is_served(served)
        assert {400: 1}.items() <= {
            status: number
            for endpoint in served.server.counts.endpoints
            for status, number in endpoint.statuses.items()
        }.items()
        assert served.server.shares.held_bytes.used == 0
    assert SECRET not in caplog.text
    assert "Traceback" not in caplog.text
    lines = [json.loads(line) for line in served.access_log.read_text().splitlines()]
    [line] = [line for line in lines if line["request_id"] == headers["x-request-id"]]
    assert (line["status"], line["error_code"]) == (400, "BAD_REQUEST")
    assert SECRET not in served.access_log.read_text()


async def test_headers_are_bounded_together(tmp_path: Path) -> None:
    """Each may be 64 KiB long, and there may be a hundred."""
    line = b"X: " + b"x" * 60_000 + b"\r\n"
    async with serving(tmp_path) as served:
        for in_pieces in (False, True):
            raw = await served.connect()
            await raw.send(b"GET /api/2.0/x HTTP/1.1\r\nHost: localhost\r\n")
            if in_pieces:
                await served.until(lambda: served.connection()._head_bytes > 0)
            await raw.send(line * (MAX_HEAD_BYTES // len(line) + 1) + b"\r\n")
            assert (await raw.answer())[0] == 400
            assert await raw.is_ended()
            await raw.close()
            await served.until(lambda: not served.server.open)
        assert served.server.shares.held_bytes.used == 0


# What a client may hold


async def test_bytes_that_are_announced_are_not_charged(tmp_path: Path) -> None:
    async with serving(tmp_path, Bounds(held_bytes=MIB)) as served:
        waiting = [await served.connect() for _ in range(8)]
        for raw in waiting:
            await raw.send(HEAD + b"Content-Length: 16777216\r\n\r\n")
        await served.until(lambda: served.server.counts.in_flight == 8)
        assert served.server.shares.held_bytes.used < 1000  # their headers, which came before the rest is known of
        assert await is_served(served)
        for raw in waiting:
            await raw.close()


async def test_bytes_that_arrive_are_charged_and_no_client_has_more_than_its_share(tmp_path: Path) -> None:
    async with serving(tmp_path, Bounds(held_bytes=MIB)) as served:
        held = served.server.shares.held_bytes
        first, second = await served.connect(), await served.connect()
        await first.send(HEAD + b"Content-Length: 400000\r\n\r\n" + b"x" * 300_000)
        await served.until(lambda: held.used >= 300_000)
        await second.send(HEAD + b"Content-Length: 800000\r\n\r\n" + b"x" * 700_000)
        status, headers, body = await second.answer()
        assert (status, json.loads(body)["error_code"]) == (429, "REQUEST_LIMIT_EXCEEDED")
        assert (headers["retry-after"], headers["connection"]) == ("1", "close")
        await second.close()
        assert await is_served(served)
        await first.send(b"x" * 100_000)
        status, _, body = await first.answer()
        assert (status, json.loads(body)) == (200, {"bytes": 400_000})
        await first.close()
        await served.until(lambda: held.used == 0)


async def test_headers_that_are_not_complete_are_charged(tmp_path: Path) -> None:
    async with serving(tmp_path, Bounds(held_bytes=200_000)) as served:
        first, second = await served.connect(), await served.connect()
        part = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 60_000
        await first.send(part)
        await served.until(lambda: served.server.shares.held_bytes.used > 60_000)
        await second.send(part)
        await second.send(b"\r\nX: " + b"x" * 40_000)
        assert (await second.answer())[0] == 429
        for raw in (first, second):
            await raw.close()
        await served.until(lambda: served.server.shares.held_bytes.used == 0)


async def test_the_client_behind_a_trusted_proxy_is_charged(tmp_path: Path) -> None:
    proxies = trusted_proxies_of("127.0.0.1")
    async with serving(tmp_path, Bounds(held_bytes=MIB, requests=4), trusted_proxies=proxies) as served:
        raws = [await served.connect() for _ in range(3)]
        for number, raw in enumerate(raws[:2]):
            await raw.send(HEAD + b"X-Forwarded-For: 10.0.0.1\r\nContent-Length: 9\r\n\r\n")
            await served.until(partial(served.has_in_flight, number + 1))
        await raws[2].send(HEAD + b"X-Forwarded-For: 10.0.0.1\r\nContent-Length: 2\r\n\r\n{}")
        assert (await raws[2].answer())[0] == 429
        await raws[2].send(HEAD + b"X-Forwarded-For: 10.0.0.2\r\nContent-Length: 2\r\n\r\n{}")
        assert (await raws[2].answer())[0] == 200
        for raw in raws:
            await raw.close()


async def test_an_idle_connection_keeps_neither_body_nor_answer(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        references = sys.getrefcount(LARGE)
        async with served.client.get("/api/2.0/large") as response:
            assert len(await response.read()) == len(LARGE)
        connection = served.connection()
        await served.until(lambda: connection._waiter is not None)
        served.pass_s(0)
        assert sys.getrefcount(LARGE) == references


async def test_a_connection_that_is_lost_keeps_neither(tmp_path: Path) -> None:
    """It would hold itself by them, until the garbage collector comes: not soon to a server that is left alone."""
    async with serving(tmp_path) as served:
        raw = await served.connect()
        await raw.send(HEAD + b"Content-Length: 2\r\n\r\n{}")
        assert (await raw.answer())[0] == 200
        connection = served.connection()
        await raw.close()
        await served.until(lambda: not served.server.open)
        assert connection._answered is None


class Held:
    """Something a handler has in its hands."""


held: list["weakref.ref[Held]"] = []


async def holding(request: web.Request) -> web.StreamResponse:
    """As an upload, which ends as its client does."""
    chunk = Held()
    held.append(weakref.ref(chunk))
    try:
        while await request.content.readany():
            pass
    except ClientError as error:
        raise ConnectionResetError("gone") from error
    return web.Response()


@pytest.fixture
def uncollected() -> Iterator[None]:
    """No garbage collection: on a server it may not come for minutes."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
async def test_what_a_handler_held_is_freed_with_an_upload_that_breaks_off(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        held.clear()
        raw = await served.connect()
        await raw.send(b"PUT /api/2.0/holding HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{}")
        await served.until(lambda: bool(held))
        raw.writer.transport.abort()
        await served.until(lambda: held[0]() is None)


# Silence


async def silent(served: Served, sent: bytes) -> Raw:
    raw = await served.connect()
    await raw.send(sent)
    await served.until(lambda: bool(served.server.open))
    return raw


@pytest.mark.parametrize("sent", [b"", b"G", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A"])
async def test_headers_that_do_not_come_end_the_connection(sent: bytes, tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        raw = await silent(served, sent)
        connection = served.connection()
        await served.until(lambda: connection._waiter is not None and connection._head_bytes == len(sent))
        served.pass_s(0, 9)
        assert not raw.reader.at_eof()
        served.pass_s(10)
        assert await raw.is_ended()
        assert served.server.counts.fell_silent == 1
        await raw.close()


def has_heard_more(connection: Connection, head_bytes: int) -> bool:
    return connection._head_bytes > head_bytes


async def test_a_byte_now_and_then_is_silence_too(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        raw = await silent(served, b"GET / HTTP/1.1\r\nX: ")
        connection = served.connection()
        for now_s in range(10):
            before = connection._head_bytes
            await raw.send(b"x")
            await served.until(partial(has_heard_more, connection, before))
            served.pass_s(now_s)
        served.pass_s(10)
        assert await raw.is_ended()
        await raw.close()


@pytest.mark.parametrize(("path", "method", "silence_s"), [("x", "POST", 10), ("up", "PUT", 30)])
async def test_a_body_that_does_not_come_is_told_so(path: str, method: str, silence_s: int, tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        raw = await silent(served, f"{method} /api/2.0/{path} HTTP/1.1\r\nHost: localhost\r\n".encode())
        await raw.send(b"Content-Length: 100000\r\n\r\n")
        await served.until(lambda: served.server.counts.in_flight == 1)
        served.pass_s(0, silence_s - 1)
        connection = served.connection()
        assert connection._body is not None
        await raw.send(b"x" * 6000)
        await served.until(lambda: connection._body is not None and connection._body.total_bytes == 6000)
        served.pass_s(silence_s, 2 * silence_s - 1)
        await raw.send(b"x" * 10)  # no progress worth the name
        served.pass_s(2 * silence_s)
        status, headers, body = await raw.answer()
        assert (status, json.loads(body)["error_code"]) == (408, "DEADLINE_EXCEEDED")
        assert (headers["connection"], headers["retry-after"]) == ("close", "1")
        assert await raw.is_ended()
        await raw.close()
        assert served.server.shares.held_bytes.used == 0


async def test_a_connection_between_requests_and_one_at_work_may_be_silent(tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def wait(_request: web.Request) -> web.StreamResponse:
        await go_on.wait()
        return web.Response()

    app = create_app([route("/wait", wait, "GET", Kind.READ)], WebSettings())
    async with TestClient(WebServer(app)) as client:
        served = Served(client, tmp_path)
        asked = asyncio.create_task(client.get("/api/2.0/wait"))
        await served.until(lambda: served.server.counts.in_flight == 1)
        served.pass_s(0, 500)
        go_on.set()
        assert (await asked).status == 200
        connection = served.connection()
        await served.until(lambda: connection._waiter is not None)
        served.pass_s(500, 1000)
        assert connection.is_idle
        assert (await client.get("/api/2.0/wait")).status == 200
        assert served.connection() is connection


# Answers that nobody reads

ASK = b"GET /api/2.0/large HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def unread(served: Served) -> Raw:
    """A client that asked for a large answer and takes next to nothing of it."""
    raw = await served.connect(receive_bytes=4096)
    before = served.server.shares.held_bytes.used
    await raw.send(ASK)
    await served.until(lambda: served.server.shares.held_bytes.used > before)
    return raw


async def test_answers_that_nobody_reads_are_bounded(tmp_path: Path) -> None:
    async with serving(tmp_path, Bounds(held_bytes=8 * MIB)) as served:
        first = await unread(served)
        status = (await served.client.get("/api/2.0/large")).status
        assert status == 429
        assert await is_served(served)
        await first.close()
        await served.until(lambda: served.server.shares.held_bytes.used == 0)
        async with served.client.get("/api/2.0/large") as response:
            assert await response.read() == LARGE


async def test_an_answer_to_a_client_that_has_gone_is_not_charged_for_ever(tmp_path: Path) -> None:
    """It has asked for more behind, which nobody will handle."""
    go_on, arrived = asyncio.Event(), asyncio.Event()

    async def wait(_request: web.Request) -> web.StreamResponse:
        arrived.set()
        await go_on.wait()
        return web.Response(body=LARGE)

    app = create_app([route("/wait", wait, "GET", Kind.READ)], WebSettings())
    async with TestClient(WebServer(app)) as client:
        served = Served(client, tmp_path)
        raw = await served.connect()
        await raw.send(b"GET /api/2.0/wait HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        await arrived.wait()
        raw.writer.transport.abort()
        await served.until(lambda: not served.server.open)
        go_on.set()
        await served.until(lambda: served.server.counts.in_flight == 0)
        assert served.server.shares.held_bytes.used == 0


async def test_an_answer_larger_than_any_share_is_sent_alone(tmp_path: Path) -> None:
    async with serving(tmp_path, Bounds(held_bytes=2 * MIB)) as served:
        async with served.client.get("/api/2.0/large") as response:
            assert await response.read() == LARGE
        first = await unread(served)
        assert (await served.client.get("/api/2.0/large")).status == 429
        await first.close()


async def test_an_answer_that_nobody_reads_is_given_up(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        raw = await unread(served)
        connection = served.connection()
        await served.until(lambda: connection._paused)
        served.pass_s(0, 14)
        assert served.server.open
        served.pass_s(15)
        await served.until(lambda: not served.server.open)
        assert served.server.shares.held_bytes.used == 0
        await served.until(lambda: served.server.counts.in_flight == 0)
        await raw.close()


async def test_small_answers_that_nobody_reads_are_bounded_too(tmp_path: Path) -> None:
    """Sent one behind the other without waiting, until the system's buffers are full."""
    body = os.urandom(200_000)
    app = create_app([route("/some", answering(body), "GET", Kind.READ)], WebSettings(), bounds=Bounds(held_bytes=MIB))
    async with TestClient(WebServer(app)) as client:
        served = Served(client, tmp_path)
        raws = [await served.connect(receive_bytes=4096) for _ in range(8)]
        for raw in raws:
            await raw.send(b"GET /api/2.0/some HTTP/1.1\r\nHost: localhost\r\n\r\n" * 30)
        await served.until(lambda: served.server.counts.cut_off > 0)
        assert served.server.shares.held_bytes.used <= MIB
        for raw in raws:
            await raw.close()
        await served.until(lambda: not served.server.open)
        assert served.server.shares.held_bytes.used == 0


# Connections


async def test_a_client_that_has_its_share_of_connections_closes_the_idle_one_for_a_new_one(tmp_path: Path) -> None:
    async with serving(tmp_path, Bounds(connections=8)) as served:
        server = served.server
        taken = [server.connection_from("10.0.0.1") for _ in range(5)]
        assert [one is not None for one in taken] == [True] * 4 + [False]
        assert server.connection_from("10.0.0.2") is not None
        for one in taken[:4]:
            assert one is not None
            server.never_opened(one)
        assert server.connection_from("10.0.0.1") is not None


async def test_idle_connections_make_room(tmp_path: Path) -> None:
    async with serving(tmp_path, Bounds(connections=2)) as served:
        server = served.server
        raw = await served.connect()
        await raw.send(b"GET /api/2.0/x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await raw.answer())[0] == 200
        connection = served.connection()
        connection.comes_from("10.0.0.1", counted=server.shares.connections.take("10.0.0.1"))
        await served.until(lambda: connection._waiter is not None)
        assert server.connection_from("10.0.0.1") is None  # it was not seen idle yet
        served.pass_s(0)
        server._none_idle_until_s = 0.0
        assert server.connection_from("10.0.0.1") is not None
        assert await raw.is_ended()
        await raw.close()


async def test_a_trusted_proxy_is_not_bounded_as_one_client(tmp_path: Path) -> None:
    proxies = trusted_proxies_of("10.0.0.0/8")
    async with serving(tmp_path, Bounds(connections=8), trusted_proxies=proxies) as served:
        taken = [served.server.connection_from("10.0.0.1") for _ in range(9)]
        assert [one is not None for one in taken] == [True] * 8 + [False]
