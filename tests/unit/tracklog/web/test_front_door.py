"""Rules that hold for every request, whatever it asks for."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Set
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientPayloadError, ClientResponse, web
from aiohttp.test_utils import TestClient

from artifact_proxy.changes import UnrecordedChange
from event_log.port import LogOverloaded, LogUnavailable, OutcomeUnknown
from read_model.progress import EventInLog, ProjectionBehind
from schemas.errors import (
    DeadlineExceeded,
    InvalidParameterValue,
    InvalidState,
    ResourceDoesNotExist,
    TemporarilyUnavailable,
    TracklogError,
)
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.large_body import LargeAnswer, LargeBody, body_of
from schemas.rest.past import POSITION, as_of
from schemas.rest.request_keys import ACTOR, BEHIND, REQUEST_ID
from schemas.rest.route import NO_PREFIX, V2, Handler, Kind, Limits, Permission, Route
from tests.web_server import WebServer
from tracklog.settings.process import WebSettings, trusted_proxies_of
from tracklog.web.access_log import AccessLog
from tracklog.web.app import COUNTS, FRONT_DOOR, create_app
from tracklog.web.bounds import Bounds
from tracklog.web.front_door import WHOLE_ANSWER_BYTES
from tracklog.web.metrics import RequestCounts

Client = TestClient[web.Request, web.Application]


def route(path: str, handler: Handler, *, method: str = "GET", **declared: Any) -> Route:
    values: dict[str, Any] = {
        "prefixes": V2,
        "kind": Kind.READ,
        "permission": Permission.AUTHENTICATED,
        "limits": Limits(body_bytes=100),
        **declared,
    }
    return Route(method=method, path=path, handler=handler, **values)


@asynccontextmanager
async def serving(
    *routes: Route,
    access_log: AccessLog | None = None,
    bounds: Bounds | None = None,
    unbuilt: Set[Kind] = frozenset(),
    **settings: Any,
) -> AsyncIterator[Client]:
    """A client of an application with these routes, and of MLflow's others those of the kinds `unbuilt`."""
    app = create_app(routes, WebSettings(**settings), access_log=access_log, bounds=bounds, kinds=unbuilt)
    async with TestClient(WebServer(app)) as client:
        yield client


async def fine(_request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"{}", content_type="application/json")


async def echo(request: web.Request) -> web.StreamResponse:
    return web.json_response({"bytes": len(await request.read())})


def raising(error: BaseException) -> Handler:
    async def handler(_request: web.Request) -> web.StreamResponse:
        raise error

    return handler


async def error_code(response: ClientResponse) -> str:
    return str((await response.json())["error_code"])


async def raw(client: Client, head: bytes) -> bytes:
    """The answer to a request with exactly these first lines."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(head + b"Connection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


# Errors


async def test_an_error_of_ours_is_told_in_mlflows_shape() -> None:
    async with serving(route("/x", raising(ResourceDoesNotExist("Run 7 not found")))) as client:
        response = await client.get("/api/2.0/x")
        assert response.status == 404
        assert response.content_type == "application/json"
        assert await response.json() == {
            "error_code": "RESOURCE_DOES_NOT_EXIST",
            "message": "Run 7 not found",
            "sqlstate": "KAM00",
            "error_class": "RESOURCE_NOT_FOUND",
        }


async def test_an_error_that_may_pass_says_when_to_try_again() -> None:
    async with serving(route("/x", raising(TemporarilyUnavailable("busy")))) as client:
        response = await client.get("/api/2.0/x")
        assert (response.status, response.headers["Retry-After"]) == (503, "5")


async def test_an_error_that_will_not_pass_does_not() -> None:
    async with serving(route("/x", raising(InvalidState("deleted")))) as client:
        response = await client.get("/api/2.0/x")
        assert response.status == 500
        assert "Retry-After" not in response.headers


async def test_the_unexpected_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(route("/x", raising(ValueError("a secret")))) as client:
        response = await client.get("/api/2.0/x", headers={"X-Request-Id": "job-7"})
        text = await response.text()
    assert response.status == 500
    assert json.loads(text)["error_code"] == "INTERNAL_ERROR"
    assert "secret" not in text
    assert "Traceback" not in text
    assert "a secret" in caplog.text
    assert "job-7" in caplog.text


async def test_an_unknown_path_is_told_as_json() -> None:
    async with serving(route("/x", fine)) as client:
        for path in ("/nothing", "/api/2.0/x/", "/api/3.0/x", "/api/2.0/mlflow/users/current"):
            response = await client.get(path)
            assert (response.status, await error_code(response)) == (404, "ENDPOINT_NOT_FOUND")


async def test_a_wrong_method_is_told_with_the_right_ones() -> None:
    async with serving(route("/x", fine), route("/x", fine, method="POST")) as client:
        response = await client.delete("/api/2.0/x")
        assert response.status == 405
        assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
        assert "message" in await response.json()


async def test_what_can_be_got_can_be_asked_for_by_head() -> None:
    async with serving(route("/x", fine)) as client:
        response = await client.head("/api/2.0/x")
        assert (response.status, await response.read()) == (200, b"")


async def test_a_path_with_doubled_slashes_leads_to_the_path_that_was_meant() -> None:
    async with serving(route("/x", fine)) as client:
        response = await client.get("/api//2.0///x?a=1&a=2", allow_redirects=False)
        assert (response.status, response.headers["Location"]) == (308, "/api/2.0/x?a=1&a=2")
        for outwards in (b"//evil.example/x", b"///evil.example/x"):
            answer = await raw(client, b"GET " + outwards + b" HTTP/1.1\r\nHost: localhost\r\n")
            assert answer.startswith(b"HTTP/1.1 308 ")
            assert b"\r\nLocation: /evil.example/x\r\n" in answer


@pytest.mark.parametrize(
    "target", [rb"/\evil.example//x", rb"/\\evil.example//", rb"//\evil.example", rb"//x?\evil.example"]
)
async def test_no_path_leads_to_another_host(target: bytes) -> None:
    """Browsers take a backslash for a slash."""
    async with serving(route("/x", fine)) as client:
        answer = await raw(client, b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n")
        assert answer.startswith(b"HTTP/1.1 404 ")
        assert b"Location" not in answer


async def test_what_a_preflight_asks_for_is_sent_back_only_where_a_header_can_hold_it() -> None:
    async with serving(route("/x", fine, method="POST")) as client:
        head = b"OPTIONS /api/2.0/x HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:1\r\n"
        asked = b"Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: "
        assert b"Allow-Headers: x-a, x-b\r\n" in await raw(client, head + asked + b"x-a, x-b\r\n")
        for odd in (b"x\xff", b"x" * 5000, b"x\x01"):
            answer = await raw(client, head + asked + odd + b"\r\n")
            assert b" 500 " not in answer
            assert b"Allow-Headers" not in answer


# Who asks


async def test_a_request_id_is_kept_or_made() -> None:
    async def tell(request: web.Request) -> web.StreamResponse:
        return web.Response(text=request[REQUEST_ID])

    async with serving(route("/x", tell)) as client:
        given = await client.get("/api/2.0/x", headers={"X-Request-Id": "abc-123"})
        assert (await given.text(), given.headers["X-Request-Id"]) == ("abc-123", "abc-123")
        made = [(await client.get("/api/2.0/x")).headers["X-Request-Id"] for _ in range(2)]
        assert made[0] != made[1]
        for bad in ("x" * 129, "a b", "ü", '"'):
            response = await client.get("/api/2.0/x", headers={"X-Request-Id": bad})
            assert response.headers["X-Request-Id"] not in ("", bad)


async def test_the_actor_is_anonymous_with_address_and_user_agent() -> None:
    async def tell(request: web.Request) -> web.StreamResponse:
        actor = request[ACTOR]
        return web.json_response([actor.user, actor.address, actor.user_agent])

    async with serving(route("/x", tell)) as client:
        response = await client.get("/api/2.0/x", headers={"User-Agent": "mlflow-python-client/3.17.2"})
        assert await response.json() == ["anonymous", "127.0.0.1", "mlflow-python-client/3.17.2"]
        long = await client.get("/api/2.0/x", headers={"User-Agent": "x" * 8000})
        assert await long.json() == ["anonymous", "127.0.0.1", "x" * 256]


# Hosts and origins


async def test_a_foreign_host_is_refused_except_by_probes() -> None:
    probes = [route(path, fine, prefixes=NO_PREFIX, kind=Kind.OPERATION) for path in ("/health", "/version")]
    async with serving(route("/x", fine), *probes) as client:
        headers = {"Host": "evil.example"}
        refused = await client.get("/api/2.0/x", headers=headers)
        assert (refused.status, refused.content_type) == (403, "text/plain")
        assert (await client.get("/nothing", headers=headers)).status == 403
        assert (await client.get("/health", headers=headers)).status == 200
        assert (await client.get("/version", headers=headers)).status == 200


async def test_a_named_host_is_taken() -> None:
    async with serving(route("/x", fine), allowed_hosts=("tracklog.example",)) as client:
        assert (await client.get("/api/2.0/x", headers={"Host": "tracklog.example:80"})).status == 200
        assert (await client.get("/api/2.0/x")).status == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_foreign_page_changes_nothing(method: str) -> None:
    async with serving(route("/x", fine, method=method), static_prefix="/ml") as client:
        for prefix in ("/ml/api/2.0", "/ml/ajax-api/2.0"):
            for origin in ("https://evil.example", "null"):
                response = await client.request(method, f"{prefix}/x", headers={"Origin": origin})
                assert (response.status, response.content_type) == (403, "text/plain")
                assert "Access-Control-Allow-Origin" not in response.headers
            assert (await client.request(method, f"{prefix}/x", headers={"Origin": "http://localhost:1"})).status == 200
            assert (await client.request(method, f"{prefix}/x")).status == 200


async def test_the_page_of_this_very_server_may_change_things_whatever_its_address() -> None:
    async with serving(route("/x", fine, method="POST"), allowed_hosts=("tracklog.example:81",)) as client:
        headers = {"Host": "tracklog.example:81", "Origin": "http://tracklog.example:81"}
        assert (await client.post("/api/2.0/x", headers=headers)).status == 200


async def test_a_foreign_page_may_send_a_read_but_not_see_the_answer() -> None:
    async with serving(route("/x", fine)) as client:
        response = await client.get("/api/2.0/x", headers={"Origin": "https://evil.example"})
        assert response.status == 200
        assert "Access-Control-Allow-Origin" not in response.headers
        assert response.headers["Vary"] == "Origin"


async def test_a_friendly_page_sees_the_answer() -> None:
    async with serving(route("/x", fine), allowed_origins=("https://app.example",)) as client:
        response = await client.get("/api/2.0/x", headers={"Origin": "https://app.example"})
        assert response.headers["Access-Control-Allow-Origin"] == "https://app.example"
        assert response.headers["Access-Control-Allow-Credentials"] == "true"


async def test_a_preflight_is_answered_to_friends_alone() -> None:
    async with serving(route("/x", fine, method="POST")) as client:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        friend = await client.options("/api/2.0/x", headers={"Origin": "http://localhost:3000", **asked})
        assert friend.status == 200
        assert friend.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
        assert friend.headers["Access-Control-Allow-Headers"] == "content-type"
        assert "POST" in friend.headers["Access-Control-Allow-Methods"]
        stranger = await client.options("/api/2.0/x", headers={"Origin": "https://evil.example", **asked})
        assert stranger.status == 400
        assert "Access-Control-Allow-Origin" not in stranger.headers


async def test_options_of_a_path_are_its_methods() -> None:
    async with serving(route("/x", fine, method="POST")) as client:
        response = await client.options("/api/2.0/x")
        assert (response.status, response.headers["Allow"]) == (204, "OPTIONS, POST")
        assert (await client.options("/nothing")).status == 404


@pytest.mark.parametrize("path", ["/api/2.0/x", "/nothing", "/api/2.0/stream", "/api/2.0/error"])
async def test_every_answer_forbids_sniffing_and_framing(path: str) -> None:
    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"bytes")
        return response

    routes = [route("/x", fine), route("/stream", stream), route("/error", raising(ValueError()))]
    async with serving(*routes) as client:
        response = await client.get(path)
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
        assert response.headers["X-Request-Id"]
        assert "aiohttp" not in response.headers["Server"]


async def test_framing_may_be_allowed() -> None:
    async with serving(route("/x", fine), frame_options=None) as client:
        assert "X-Frame-Options" not in (await client.get("/api/2.0/x")).headers


# Limits


async def test_a_body_of_the_limit_is_taken_and_one_byte_more_refused() -> None:
    async with serving(route("/x", echo, method="POST")) as client:
        assert (await client.post("/api/2.0/x", data=b"x" * 100)).status == 200
        response = await client.post("/api/2.0/x", data=b"x" * 101)
        assert (response.status, await error_code(response)) == (413, "INVALID_PARAMETER_VALUE")


async def chunks(number: int) -> AsyncIterator[bytes]:
    for _ in range(number):
        yield b"x" * 10


async def test_a_body_that_does_not_tell_its_length_is_refused_while_it_is_read() -> None:
    large = route("/large", echo, method="POST", limits=Limits(body_bytes=10_000))
    async with serving(route("/x", echo, method="POST"), large) as client:
        assert (await client.post("/api/2.0/x", data=chunks(10))).status == 200
        response = await client.post("/api/2.0/x", data=chunks(11))
        assert (response.status, await error_code(response)) == (413, "INVALID_PARAMETER_VALUE")
        assert (await client.post("/api/2.0/large", data=chunks(11))).status == 200


async def test_a_stream_has_no_limit_of_bytes() -> None:
    async def swallow(request: web.Request) -> web.StreamResponse:
        total = 0
        async for chunk in request.content.iter_any():
            total += len(chunk)
        return web.Response(text=str(total))

    stream = route("/x", swallow, method="PUT", kind=Kind.ARTIFACT, limits=Limits(body_bytes=None))
    async with serving(stream, route("/y", echo, method="POST")) as client:
        assert await (await client.put("/api/2.0/x", data=chunks(1000))).text() == "10000"


async def test_a_request_that_takes_too_long_is_ended() -> None:
    ended = asyncio.Event()

    async def slow(_request: web.Request) -> web.StreamResponse:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return web.Response()

    async with serving(route("/x", slow, limits=Limits(timeout_s=0.05)), route("/y", fine)) as client:
        response = await client.get("/api/2.0/x")
        assert (response.status, await error_code(response)) == (504, "DEADLINE_EXCEEDED")
        assert response.headers["Retry-After"]
        assert ended.is_set()
        assert (await client.get("/api/2.0/y")).status == 200
        assert client.app is not None
        assert client.app[COUNTS].timed_out == 1


@pytest.mark.parametrize("error", [ValueError("broken"), InvalidParameterValue("broken")])
async def test_an_answer_that_breaks_off_ends_the_connection(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        raise error

    async with serving(route("/x", half)) as client:
        with pytest.raises((ClientPayloadError, ClientConnectionError)):
            await (await client.get("/api/2.0/x")).read()
    is_a_fault = isinstance(error, ValueError)
    assert [record.levelname for record in caplog.records if record.levelname == "ERROR"] == ["ERROR"] * is_a_fault


# Large answers


def in_pieces(*pieces: bytes) -> Generator[bytes, None, None]:
    yield from pieces


async def test_an_answer_in_pieces_looks_like_one_that_is_whole() -> None:
    pieces = (b'["', b"", b"x" * (WHOLE_ANSWER_BYTES + 7), b"", b'"]')

    async def large(_request: web.Request) -> web.StreamResponse:
        return LargeAnswer(body_of([b"[", LargeBody(sum(map(len, pieces)), 10, in_pieces(*pieces)), b"]"]))

    async def whole(_request: web.Request) -> web.StreamResponse:
        return JsonAnswer(b"[%b]" % b"".join(pieces))

    async with serving(route("/large", large), route("/whole", whole)) as client:
        for method in ("GET", "HEAD"):
            answers = []
            for path in ("large", "whole"):
                response = await client.request(method, f"/api/2.0/{path}", headers={"X-Request-Id": "a"})
                headers = [one for one in response.headers.items() if one[0] != "Date"]
                answers.append((response.status, headers, await response.read()))
            assert answers[0] == answers[1]


def held_until(ended: asyncio.Event, error: Exception | None) -> Generator[bytes, None, None]:
    """Pieces without an end, or with a bad one."""
    try:
        yield bytes(1000)
        while error is None:
            yield bytes(WHOLE_ANSWER_BYTES)
        raise error
    finally:
        ended.set()


async def test_of_an_answer_whose_client_leaves_in_the_middle_nothing_is_held() -> None:
    ended = asyncio.Event()

    async def large(_request: web.Request) -> web.StreamResponse:
        return LargeAnswer(LargeBody(1 << 40, 1 << 20, held_until(ended, None)))

    async with serving(route("/x", large)) as client:
        response = await client.get("/api/2.0/x")
        await response.content.readexactly(2000)
        assert not ended.is_set()
        response.close()
        await asyncio.wait_for(ended.wait(), 10)
        assert client.app is not None
        while client.app[COUNTS].in_flight:
            await asyncio.sleep(0)
        assert client.app[FRONT_DOOR].shares.held_bytes.used == 0


async def test_a_large_answer_that_breaks_off_ends_the_connection() -> None:
    ended = asyncio.Event()

    async def large(_request: web.Request) -> web.StreamResponse:
        return LargeAnswer(LargeBody(1 << 20, 1 << 20, held_until(ended, MemoryError("none left"))))

    async with serving(route("/x", large)) as client:
        with pytest.raises((ClientPayloadError, ClientConnectionError)):
            await (await client.get("/api/2.0/x")).read()
        assert ended.is_set()


Waiting = Callable[[], Awaitable[None]]


@asynccontextmanager
async def full_house() -> AsyncIterator[tuple[Client, asyncio.Event]]:
    """A server that has as many requests under way as it takes: one stream and one other."""
    go_on, arrived = asyncio.Event(), asyncio.Semaphore(0)

    async def wait(_request: web.Request) -> web.StreamResponse:
        arrived.release()
        await go_on.wait()
        return web.Response()

    routes = [
        route("/read", wait),
        route("/stream", wait, kind=Kind.ARTIFACT),
        route("/health", fine, prefixes=NO_PREFIX, kind=Kind.OPERATION),
    ]
    async with serving(*routes, bounds=Bounds(requests=1, streams=1)) as client:
        waiting = [asyncio.create_task(client.get(f"/api/2.0/{path}")) for path in ("read", "stream")]
        for _ in waiting:
            await arrived.acquire()
        yield client, go_on
        go_on.set()
        assert [(await task).status for task in waiting] == [200, 200]


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (TemporarilyUnavailable("away"), Kind.WRITE, 429),
        (LogUnavailable("away"), Kind.WRITE, 429),
        (LogOverloaded("full"), Kind.WRITE, 429),
        (ProjectionBehind("behind"), Kind.WRITE, 429),
        (DeadlineExceeded("a statement took too long"), Kind.WRITE, 429),
        (EventInLog("its verdict is late"), Kind.WRITE, 503),
        (OutcomeUnknown("no answer"), Kind.WRITE, 503),
        (TemporarilyUnavailable("away"), Kind.READ, 503),
        (ProjectionBehind("behind"), Kind.READ, 503),
        (DeadlineExceeded("a statement took too long"), Kind.READ, 504),
        (UnrecordedChange("the bytes are there"), Kind.ARTIFACT, 503),
        (InvalidParameterValue("bad"), Kind.WRITE, 400),
    ],
    ids=lambda value: value.name if isinstance(value, Kind) else type(value).__name__,
)
async def test_a_write_is_answered_429_exactly_when_it_was_surely_not_carried_out(
    error: TracklogError, kind: Kind, status: int
) -> None:
    """Clients since MLflow 3.18 repeat most writes after 429, and not after 503: they might be carried out twice."""
    async with serving(route("/x", raising(error), kind=kind)) as client:
        response = await client.get("/api/2.0/x")
        assert response.status == status
        assert (await response.json())["error_code"] == error.error_code
        assert ("Retry-After" in response.headers) == (status in (429, 503, 504))


async def test_a_write_that_ran_into_its_time_limit_may_have_been_carried_out() -> None:
    async def forever(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError("never")

    async with serving(route("/x", forever, kind=Kind.WRITE, limits=Limits(timeout_s=0.01))) as client:
        assert (await client.get("/api/2.0/x")).status == 504


async def test_what_is_too_much_is_told_to_come_again() -> None:
    async with full_house() as (client, go_on):
        for path in ("read", "stream"):
            response = await client.get(f"/api/2.0/{path}")
            assert (response.status, await error_code(response)) == (429, "REQUEST_LIMIT_EXCEEDED")
            assert response.headers["Retry-After"]
        assert (await client.get("/health")).status == 200
        go_on.set()
        assert (await client.get("/api/2.0/read")).status == 200
        assert client.app is not None
        assert client.app[COUNTS].refused == 2


async def test_draining_lets_requests_end_and_closes_connections_behind_them() -> None:
    go_on, arrived = asyncio.Event(), asyncio.Event()

    async def wait(_request: web.Request) -> web.StreamResponse:
        arrived.set()
        await go_on.wait()
        return web.Response()

    async with serving(route("/x", wait)) as client:
        assert client.app is not None
        door = client.app[FRONT_DOOR]
        asked = asyncio.create_task(client.get("/api/2.0/x"))
        await arrived.wait()
        await door.drain(timeout_s=0.05)  # gives up
        draining = asyncio.create_task(door.drain(timeout_s=600))
        await asyncio.sleep(0)  # it has begun
        assert not draining.done()
        go_on.set()
        response = await asked
        assert (response.status, response.headers["Connection"]) == (200, "close")
        async with asyncio.timeout(60):
            await draining
        await door.drain(timeout_s=10)  # nothing is under way


# What is told and counted


async def test_a_read_that_gave_up_waiting_says_so_and_is_counted() -> None:
    async def behind(request: web.Request) -> web.StreamResponse:
        request[BEHIND] = "0:5/9"
        return web.Response()

    async with serving(route("/x", behind), route("/y", behind, method="POST")) as client:
        assert (await client.get("/api/2.0/x")).headers["X-Tracklog-Behind"] == "0:5/9"
        assert (await client.post("/api/2.0/y", data=chunks(1))).headers["X-Tracklog-Behind"] == "0:5/9"
        assert client.app is not None
        assert client.app[COUNTS].behind == 2


async def test_a_role_says_that_another_may_have_what_it_has_not() -> None:
    app = create_app([route("/x", fine)], WebSettings(), kinds={Kind.READ}, role="query")
    async with TestClient(WebServer(app)) as client:
        assert (await client.get("/api/2.0/x")).status == 200
        answer = await client.post("/api/2.0/mlflow/runs/log-metric")
        assert answer.status == 404
        told = await answer.json()
        assert told["error_code"] == "ENDPOINT_NOT_FOUND"
        assert "query role" in told["message"]
        # What is not built yet is answered by the role that it will belong to.
        assert (await client.get("/ajax-api/3.0/mlflow/ui-telemetry")).status == 200
        assert (await client.post("/api/2.0/mlflow/registered-models/create")).status == 404


async def test_the_client_behind_a_trusted_proxy_is_the_actor() -> None:
    async def whose(request: web.Request) -> web.StreamResponse:
        return web.Response(text=request[ACTOR].address)

    async with serving(route("/x", whose), trusted_proxies=trusted_proxies_of("127.0.0.1")) as client:
        headers = {"X-Forwarded-For": "1.2.3.4"}
        assert await (await client.get("/api/2.0/x", headers=headers)).text() == "1.2.3.4"
    async with serving(route("/x", whose)) as client:
        assert await (await client.get("/api/2.0/x", headers=headers)).text() == "127.0.0.1"


async def test_requests_are_counted_by_route_and_status() -> None:
    async with serving(route("/x/{name}", raising(InvalidParameterValue("no")))) as client:
        for name in ("a", "b"):
            await client.get(f"/api/2.0/x/{name}")
        await client.get("/nothing")
        assert client.app is not None
        counted = {(one.method, one.template): one for one in client.app[COUNTS].endpoints if one.statuses}
    assert counted["GET", "/api/2.0/x/{name}"].statuses == {400: 2}
    assert sum(counted["GET", "/api/2.0/x/{name}"].durations.buckets) == 2
    assert counted["ANY", "(none)"].statuses == {404: 1}


async def test_every_request_leaves_a_line_in_the_access_log(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    target = os.open(file, os.O_CREAT | os.O_WRONLY)
    try:
        async with serving(
            route("/x/{name}", raising(InvalidParameterValue("no"))), access_log=AccessLog(target, RequestCounts())
        ) as client:
            await raw(
                client,
                b"GET /api/2.0/x/%C3%BC?token=secret HTTP/1.1\r\nHost: localhost\r\n"
                b"User-Agent: a\xff b\r\nX-Request-Id: id-1\r\n",
            )
            await client.get("/nothing")
    finally:
        os.close(target)
    first, second = map(json.loads, file.read_text().splitlines())
    assert first.pop("time").endswith("Z")
    assert first.pop("ms") > 0
    assert first == {
        "request_id": "id-1",
        "method": "GET",
        "path": "/api/2.0/x/ü",
        "route": "/api/2.0/x/{name}",
        "status": 400,
        "user": "anonymous",
        "address": "127.0.0.1",
        "user_agent": "a\ufffd b",
        "error_code": "INVALID_PARAMETER_VALUE",
    }
    assert (second["route"], second["status"], second["error_code"]) == ("(none)", 404, "ENDPOINT_NOT_FOUND")


# Static prefix


async def test_below_a_static_prefix_bare_paths_do_not_answer() -> None:
    index = route("/", fine, prefixes=NO_PREFIX, kind=Kind.PAGE)
    async with serving(route("/x", fine), index, static_prefix="/ml/team") as client:
        assert (await client.get("/ml/team/api/2.0/x")).status == 200
        assert (await client.get("/ml/team/")).status == 200
        assert (await client.get("/api/2.0/x")).status == 404
        assert (await client.get("/")).status == 404
        response = await client.get("/ml/team?a=b", allow_redirects=False)
        assert (response.status, response.headers["Location"]) == (308, "/ml/team/?a=b")


async def test_what_is_not_built_says_so() -> None:
    async with serving(static_prefix="/ml", unbuilt=frozenset(Kind)) as client:
        response = await client.post("/ml/api/3.0/mlflow/gateway/secrets/create", json={"name": "m"})
        assert response.status == 501
        body = await response.json()
        assert set(body) == {"error_code", "message"}
        assert body["error_code"] == "NOT_IMPLEMENTED"
        assert (await client.delete("/ml/api/3.0/mlflow/mcp-servers/a/b/versions/1")).status == 501
        assert (await client.post("/ml/gateway/gemini/v1beta/models/g:generateContent")).status == 501


async def test_an_error_leads_to_the_history_that_explains_it_and_its_body_is_mlflows() -> None:
    async def refuse(_request: web.Request) -> web.StreamResponse:
        raise InvalidParameterValue("gone").explained("registered-model/a>b")

    async with serving(route("/x", refuse), static_prefix="/ml") as client:
        answer = await client.get("/ml/api/2.0/x")
        assert answer.headers["Link"] == '</ml/history?stream=registered-model/a%3Eb>; rel="help"'
        assert (await answer.json())["message"] == "gone"


@pytest.mark.parametrize("kind", [Kind.READ, Kind.WRITE, Kind.ARTIFACT])
async def test_a_route_of_now_alone_does_not_answer_whoever_asks_for_then(kind: Kind) -> None:
    async with serving(route("/x", fine, kind=kind)) as client:
        for asked in (
            client.get("/api/2.0/x", headers={"X-Tracklog-As-Of": "2h"}),
            client.get("/api/2.0/x?filter=a&as_of=2h"),
        ):
            answer = await asked
            assert answer.status == 400
            assert "tracklog server --as-of '2h'" in (await answer.json())["message"]
        assert (await client.get("/api/2.0/x?filter=as_of%3D2h")).status == 200


async def test_the_page_and_operations_have_no_past() -> None:
    async with serving(route("/x", fine, kind=Kind.PAGE), route("/y", fine, kind=Kind.OPERATION)) as client:
        assert (await client.get("/api/2.0/x?as_of=2h")).status == 200
        assert (await client.get("/api/2.0/y?as_of=2h")).status == 200


async def test_a_route_that_takes_a_moment_gets_it_and_its_errors_say_of_which_state_they_are() -> None:
    async def then(request: web.Request) -> web.StreamResponse:
        request[POSITION] = "0:5"
        raise ResourceDoesNotExist(f"not there as of {as_of(request)}")

    async with serving(route("/x", then, takes_moment=True)) as client:
        answer = await client.get("/api/2.0/x", headers={"X-Tracklog-As-Of": "0:5"})
        assert (answer.status, answer.headers["X-Tracklog-Position"]) == (404, "0:5")
        assert "as of 0:5" in (await answer.json())["message"]
