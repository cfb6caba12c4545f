"""The short way to send an answer and the web framework's send the same."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp import web

from schemas.rest.json_answer import JsonAnswer
from schemas.rest.request_keys import BEHIND
from schemas.rest.route import V2, Handler, Kind, Limits, Permission, Route
from tests.web_server import WebServer
from tracklog.settings.process import WebSettings
from tracklog.web.app import create_app
from tracklog.web.plain_answers import PlainAnswers

BODY = '{"name": "größe"}'.encode()


async def plain(_request: web.Request) -> web.StreamResponse:
    return JsonAnswer(BODY)


async def by_the_framework(_request: web.Request) -> web.StreamResponse:
    return web.Response(body=BODY, content_type="application/json")


async def behind(request: web.Request) -> web.StreamResponse:
    request[BEHIND] = "0:1/2"
    return JsonAnswer(BODY)


async def with_a_header(_request: web.Request) -> web.StreamResponse:
    answer = JsonAnswer(BODY)
    answer.headers["ETag"] = '"1"'
    return answer


def get(path: str, handler: Handler) -> Route:
    return Route(
        method="GET",
        path=path,
        handler=handler,
        prefixes=V2,
        kind=Kind.READ,
        permission=Permission.AUTHENTICATED,
        limits=Limits(),
    )


@dataclass
class Answer:
    """Its status line, its headers by their names in small letters and without the date, its body."""

    status: str
    headers: dict[str, str]
    body: bytes


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each answer that might have gone the short way did."""
    ways: list[bool] = []
    bytes_of = PlainAnswers.bytes_of

    def watched(self: PlainAnswers, request: web.BaseRequest, response: JsonAnswer) -> bytes | None:
        found = bytes_of(self, request, response)
        ways.append(found is not None)
        return found

    monkeypatch.setattr(PlainAnswers, "bytes_of", watched)
    return ways


@pytest.fixture
async def port() -> AsyncIterator[int]:
    routes = [
        get("/plain", plain),
        get("/framework", by_the_framework),
        get("/behind", behind),
        get("/with-a-header", with_a_header),
    ]
    server = WebServer(create_app(routes, WebSettings()))
    async with server:
        assert server.port is not None
        yield server.port


async def answer_to(port: int, path: str, method: str = "GET", version: str = "HTTP/1.1", more: str = "") -> Answer:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{method} /api/2.0{path} {version}\r\nHost: localhost\r\nX-Request-Id: asked\r\n{more}\r\n".encode())
    async with asyncio.timeout(20):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = b"" if method == "HEAD" else await reader.readexactly(int(headers["content-length"]))
    writer.close()
    await writer.wait_closed()
    assert headers.pop("date")
    return Answer(head[0], headers, body)


async def test_a_plain_answer_is_what_the_framework_sends(port: int, ways: list[bool]) -> None:
    answer = await answer_to(port, "/plain")

    assert ways == [True]
    assert answer == await answer_to(port, "/framework")
    assert answer.headers["x-request-id"] == "asked"
    assert answer.body == BODY


@pytest.mark.parametrize(
    ("method", "version", "more"),
    [
        pytest.param("HEAD", "HTTP/1.1", "", id="HEAD"),
        pytest.param("GET", "HTTP/1.0", "", id="HTTP/1.0"),
        pytest.param("GET", "HTTP/1.0", "Connection: keep-alive\r\n", id="HTTP/1.0 kept"),
        pytest.param("GET", "HTTP/1.1", "Connection: close\r\n", id="closed"),
        pytest.param("GET", "HTTP/1.1", "Origin: http://localhost:3000\r\n", id="a page of another origin"),
    ],
)
async def test_what_is_unusual_goes_the_way_of_the_framework(
    port: int, ways: list[bool], method: str, version: str, more: str
) -> None:
    answer = await answer_to(port, "/plain", method, version, more)

    assert ways == [False]
    assert answer == await answer_to(port, "/framework", method, version, more)


@pytest.mark.parametrize(
    ("path", "header", "value"), [("/behind", "x-tracklog-behind", "0:1/2"), ("/with-a-header", "etag", '"1"')]
)
async def test_no_header_is_lost(port: int, ways: list[bool], path: str, header: str, value: str) -> None:
    answer = await answer_to(port, path)

    assert ways == [False]
    assert answer.headers[header] == value


async def test_a_kept_connection_takes_the_next_request(port: int, ways: list[bool]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /api/2.0/plain HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
    async with asyncio.timeout(20):
        for _ in range(3):
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(len(BODY)) == BODY
    writer.close()
    await writer.wait_closed()

    assert ways == [True, True, True]
