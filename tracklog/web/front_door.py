"""What holds for every request, in one middleware: who asks, what is let in, how long it may take, how it is answered.

One function and not a chain of them: a request is to pass in some ten microseconds, and each layer of coroutines
would cost one.
"""

import asyncio
import contextlib
import logging
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web
from aiohttp.web_urldispatcher import AbstractRoute
from multidict import istr

from schemas.envelope import Actor
from schemas.errors import (
    BadRequest,
    DeadlineExceeded,
    InternalError,
    RequestLimitExceeded,
    RequestTooLarge,
    TracklogError,
)
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.request_keys import ACTOR, BEHIND, REQUEST_ID, UNPACKING, Unpacking
from schemas.rest.route import KIB, Handler, Kind, Limits
from tracklog.settings.process import WebSettings
from tracklog.web.access_log import AccessLog
from tracklog.web.answers import INTERNAL_MESSAGE, error_response, http_error, status_of
from tracklog.web.bounds import Bounds, Share, Shares, client_of
from tracklog.web.client_address import client_address_rule, trust_rule
from tracklog.web.metrics import DoorCounts, EndpointCounts
from tracklog.web.origins import host_rule, is_same_origin, origin_rule
from tracklog.web.plain_answers import PlainAnswers
from tracklog.web.time_limits import TimeLimits

if TYPE_CHECKING:
    from tracklog.web.connection import Connection

logger = logging.getLogger("tracklog.web")

REQUEST_ID_HEADER: Final = istr("X-Request-Id")
BEHIND_HEADER: Final = istr("X-Tracklog-Behind")
FRAME_OPTIONS_HEADER: Final = istr("X-Frame-Options")

IS_ANSWERING: Final = web.RequestKey("tracklog.is_answering", bool)
ERROR_CODE: Final = web.RequestKey("tracklog.error_code", str)

WHOLE_ANSWER_BYTES: Final = 256 * KIB
"""A longer answer is sent in pieces of this size, as fast as the client takes them, and counts as held until then."""
ANSWER_S: Final = 300.0
"""How long a client may take over an answer that is held for it."""

STATE_CHANGING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
GUARDED_PREFIXES: Final = ("/api/", "/ajax-api/")
UNCHECKED_HOST_PATHS: Final = frozenset({"/health", "/ready", "/version"})
"""Probes ask by addresses of their own, and learn nothing here."""

PREFLIGHT_METHODS: Final = "GET, POST, PUT, DELETE, OPTIONS, PATCH"
PREFLIGHT_MAX_AGE_S: Final = 600

CLIENT_GONE_STATUS: Final = 499
"""In log and metrics, for an answer nobody waited for."""

REMEMBERED_ACTORS: Final = 4096

MAX_USER_AGENT_CHARACTERS: Final = 256
"""Of the name a client gives itself: it stands in every event and every line of the access log."""

MAX_LOGGED_PATH_CHARACTERS: Final = 2048
"""Of a path in the access log. An artifact's path below its root has at most 1,024 bytes."""

_HEADER_NAMES: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{0,4096}")

_PLAIN: Final = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
"""A path and query as RFC 3986 has them, below this server's root."""

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


@dataclass(frozen=True, slots=True)
class Served:
    """What the door needs to know of an endpoint. `lane` None is let in always."""

    template: str
    kind: Kind
    limits: Limits
    lane: Share | None
    counts: EndpointCounts


class FrontDoor:
    """The middleware, and the signal that puts the headers of every answer.

    `served` is filled while the application is built. What a handler finds on its request, and may leave
    there, is in `schemas.rest.request_keys`.
    """

    def __init__(
        self,
        settings: WebSettings,
        counts: DoorCounts,
        access_log: AccessLog | None,
        role: str | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._prefix = settings.static_prefix
        self._takes_host = host_rule(settings.allowed_hosts)
        self._takes_origin = origin_rule(settings.allowed_origins)
        self._headers: dict[str, str] = {hdrs.X_CONTENT_TYPE_OPTIONS: "nosniff", hdrs.SERVER: "tracklog"}
        if settings.frame_options is not None:
            self._headers[FRAME_OPTIONS_HEADER] = settings.frame_options
        self.plain_answers = PlainAnswers(self._headers)
        self._counts = counts
        self._nowhere = Served("(none)", Kind.OPERATION, Limits(), None, counts.endpoint("ANY", "(none)"))
        self._access_log = access_log
        self._served: dict[AbstractRoute, Served] = {}
        self._role = role
        self._client_address = client_address_rule(settings.trusted_proxies)
        self._actors: dict[tuple[str, str], Actor] = {}
        self._has_proxies = bool(settings.trusted_proxies)
        self.is_trusted = trust_rule(settings.trusted_proxies)
        self.shares = Shares(bounds or Bounds())
        self._process = secrets.token_hex(4)
        self._numbers = count(1)
        self._drained: asyncio.Event | None = None
        self.time_limits = TimeLimits()

    def serves(self, registered: AbstractRoute, method: str, template: str, kind: Kind, limits: Limits) -> None:
        """Hold requests that match `registered` to `limits`, and count them under `template`."""
        lane = {Kind.OPERATION: None, Kind.ARTIFACT: self.shares.streams}.get(kind, self.shares.requests)
        self._served[registered] = Served(template, kind, limits, lane, self._counts.endpoint(method, template))

    async def put_headers(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        """The headers every answer has. A signal, because a stream's headers leave before its handler returns."""
        headers = response.headers
        headers.update(self._headers)
        request_id = request.get(REQUEST_ID)
        if request_id is None:
            return
        headers[REQUEST_ID_HEADER] = request_id
        request[IS_ANSWERING] = True
        if request[BEHIND]:
            headers[BEHIND_HEADER] = request[BEHIND]
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None:
            headers.update(self._cors_headers(origin))

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer one request; no error leaves, except where the connection is beyond answering."""
        started = perf_counter()
        served = self._served.get(request.match_info.route, self._nowhere)
        request_id = request.headers.get(REQUEST_ID_HEADER)
        if request_id is None or _REQUEST_ID.fullmatch(request_id) is None:
            request_id = f"{self._process}-{next(self._numbers):x}"
        request[REQUEST_ID] = request_id
        connection: Connection = request.protocol  # type: ignore[assignment]  # tracklog.web.server made it
        request[ACTOR] = actor = self._actor(request, connection)
        # To ask a request for a key that is not there costs an exception, so these are there from the first.
        request[BEHIND] = request[ERROR_CODE] = ""
        status = CLIENT_GONE_STATUS
        try:
            refusal = self._refusal(request)
            response = refusal if refusal is not None else await self._answer(request, connection, handler, served)
            status = response.status
            if (self._drained is not None or connection.body_failed) and not response.prepared:
                response.force_close()
            return response
        except ConnectionError as error:
            return broken_off(request, error)
        finally:
            connection.request_ends(request)
            seconds = perf_counter() - started
            served.counts.count(seconds, status)
            if request[BEHIND]:
                self._counts.behind += 1
            if self._access_log is not None:
                self._access_log.add(access_line(request, served, actor, status, seconds))

    async def drain(self, timeout_s: float) -> None:
        """Let requests under way end, closing each connection behind its answer; give up after `timeout_s`.

        To be called when no more connections are taken. The web framework's own drain would not read the rest of a
        body that is still on its way.
        """
        self._drained = asyncio.Event()
        if self._counts.in_flight:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._drained.wait()

    def _actor(self, request: web.Request, connection: "Connection") -> Actor:
        """Who asks, the same object for the same client as long as few different ones come."""
        address = connection.address
        if self._has_proxies:
            address = self._client_address(request) or ""
            connection.serves(client_of(address))
        user_agent = request.headers.get(hdrs.USER_AGENT, "")
        if len(user_agent) > MAX_USER_AGENT_CHARACTERS:
            user_agent = user_agent[:MAX_USER_AGENT_CHARACTERS]
        known = connection.asked_by
        if known is not None and known[0] == user_agent and known[1] == address:
            return known[2]
        key = (address, user_agent)
        actor = self._actors.get(key)
        if actor is None:
            if len(self._actors) >= REMEMBERED_ACTORS:
                self._actors.clear()
            actor = self._actors[key] = Actor(address=address, user_agent=printable(user_agent))
        connection.asked_by = (user_agent, address, actor)
        return actor

    def _refusal(self, request: web.Request) -> web.Response | None:
        """What a request is told that is not let in whatever it asks for. Plain text, as MLflow answers."""
        host = request.headers.get(hdrs.HOST, "")
        path = request.path
        if self._prefix:
            path = path.removeprefix(self._prefix)
        if path not in UNCHECKED_HOST_PATHS and not self._takes_host(host):
            return web.Response(status=403, text="Invalid Host header. Name it in --allowed-hosts to let it in.\n")
        method = request.method
        if method == hdrs.METH_OPTIONS:
            return self._options(request)
        if method in STATE_CHANGING and path.startswith(GUARDED_PREFIXES):
            origin = request.headers.get(hdrs.ORIGIN)
            if origin is not None and not self._is_friend(origin, host):
                return web.Response(
                    status=403, text="Cross-origin request blocked. Name the origin in --cors-allowed-origins.\n"
                )
        return None

    def _is_friend(self, origin: str, host: str) -> bool:
        return self._takes_origin(origin) or is_same_origin(origin, host)

    def _options(self, request: web.Request) -> web.Response | None:
        """A preflight's answer, or the methods of a path; None for a path that does not exist."""
        error = request.match_info.http_exception
        if not isinstance(error, web.HTTPMethodNotAllowed):
            return None
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None or hdrs.ACCESS_CONTROL_REQUEST_METHOD not in request.headers:
            return web.Response(status=204, headers={hdrs.ALLOW: allow_header(error.allowed_methods)})
        if not self._is_friend(origin, request.headers.get(hdrs.HOST, "")):
            return web.Response(status=400, text="Disallowed CORS origin\n")
        headers = {
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: PREFLIGHT_METHODS,
            hdrs.ACCESS_CONTROL_MAX_AGE: str(PREFLIGHT_MAX_AGE_S),
        }
        wanted = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS)
        if wanted is not None and _HEADER_NAMES.fullmatch(wanted) is not None:
            headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = wanted
        return web.Response(text="OK", headers=headers)

    def _cors_headers(self, origin: str) -> Mapping[str, str]:
        """What lets a page of a friendly origin read an answer; its name must be there, `*` shuts out credentials."""
        headers: dict[str, str] = {hdrs.VARY: hdrs.ORIGIN}
        if self._takes_origin(origin):
            headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            headers[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"
            headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = "*"
        return headers

    async def _answer(
        self, request: web.Request, connection: "Connection", handler: Handler, served: Served
    ) -> web.StreamResponse:
        """Run the handler inside its bounds of number, bytes and time, and turn what it raises into an answer."""
        limit = served.limits.body_bytes
        if limit is not None and request.body_exists:
            declared = request.content_length
            if declared is None:
                handler = partial(answer_with_bounded_body, handler=handler, limit=limit)
            elif declared > limit:
                return told(request, RequestTooLarge(f"The body has {declared} bytes; {limit} are taken here."))
            if hdrs.CONTENT_ENCODING in request.headers:
                request[UNPACKING] = Unpacking(limit, connection.charge)
        lane, client = served.lane, connection.client
        if lane is not None:
            if not lane.take(client):
                return self._too_much(request)
            if lane is self.shares.streams and not connection.becomes_stream():
                lane.give_back(client)
                return self._too_much(request)
        self._counts.in_flight += 1
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None, "a handler always runs in a task"
        self.time_limits.start(task, loop.time() + served.limits.timeout_s)
        try:
            response = await handler(request)
            if response.__class__ is JsonAnswer or response.__class__ is web.Response:
                body = response.body
                if body.__class__ is bytes and len(body) > WHOLE_ANSWER_BYTES:
                    return await self._send_in_pieces(request, connection, response, body)
            return response
        except TracklogError as error:
            return told(request, error, status_of(error, served.kind))
        except web.HTTPException as error:
            return told_by_framework(request, error, self._role)
        except asyncio.CancelledError:
            if not self.time_limits.has_struck(task):
                raise
            task.uncancel()
            self._counts.timed_out += 1
            return told_too_late(request, served.limits.timeout_s)
        except ConnectionError:
            raise
        except Exception as error:
            return told_of_fault(request, error)
        finally:
            self.time_limits.stop(task)
            self._counts.in_flight -= 1
            if lane is not None:
                lane.give_back(client)
            if self._drained is not None and not self._counts.in_flight:
                self._drained.set()

    def _too_much(self, request: web.Request) -> web.Response:
        self._counts.refused += 1
        return told(request, RequestLimitExceeded("Too many requests are under way; try again."))

    async def _send_in_pieces(
        self, request: web.Request, connection: "Connection", response: web.Response, body: bytes
    ) -> web.StreamResponse:
        """Send a large answer no faster than the client takes it: given to the connection whole, it would be held twice
        and not count as under way."""
        if not connection.charge_answer(len(body)):
            self._counts.refused += 1
            return told(request, RequestLimitExceeded("Too many answers of this client are not read yet; try again."))
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None, "a handler always runs in a task"
        self.time_limits.start(task, loop.time() + ANSWER_S)
        if self._drained is not None:
            response.force_close()
        await response.prepare(request)
        response.body = None
        if request.method != hdrs.METH_HEAD:
            pieces = memoryview(body)
            for start in range(0, len(body), WHOLE_ANSWER_BYTES):
                await response.write(pieces[start : start + WHOLE_ANSWER_BYTES])
        await response.write_eof()
        return response

    def told_unparsed(self, request: web.BaseRequest, status: int, error: BaseException | None) -> web.Response:
        """The answer to what reached no handler: what is not HTTP, or what the framework fell over.

        Nothing of the request is in it, nor in the access log. The connection ends behind it.
        """
        connection: Connection = request.protocol  # type: ignore[assignment]
        request_id = f"{self._process}-{next(self._numbers):x}"
        if isinstance(error, TracklogError):
            told_error = error
        elif status < 500:
            told_error = BadRequest("The request is not as HTTP has it.")
        else:
            logger.error("request %s: the web framework raised %s", request_id, type(error).__name__, exc_info=error)
            told_error = InternalError(INTERNAL_MESSAGE)
        response = error_response(told_error)
        response.headers.update(self._headers)
        response.headers[REQUEST_ID_HEADER] = request_id
        response.force_close()
        self._nowhere.counts.count(0.0, response.status)
        if self._access_log is not None:
            self._access_log.add(
                {
                    "time": datetime.now(UTC),
                    "request_id": request_id,
                    "route": self._nowhere.template,
                    "status": response.status,
                    "ms": 0.0,
                    "address": connection.address,
                    "error_code": told_error.error_code,
                }
            )
        return response

    def checked(self, request: web.BaseRequest, response: web.StreamResponse) -> web.StreamResponse:
        """`response`, unless it is one that the framework made past this door, of an expectation it does not know."""
        if not isinstance(response, web.HTTPException):
            return response
        return self.told_unparsed(request, response.status, BadRequest("The request expects what is not known here."))


async def answer_with_bounded_body(request: web.Request, *, handler: Handler, limit: int) -> web.StreamResponse:
    """Run `handler` on a body that does not say how long it is, which ends in an error after `limit` bytes."""
    bounded = request.clone(client_max_size=limit)
    try:
        return await handler(bounded)
    finally:
        request.update(bounded)


def told(request: web.Request, error: TracklogError, status: int | None = None) -> web.Response:
    """The answer that tells of `error`, unless another answer has begun: then only the connection can be ended."""
    if IS_ANSWERING in request:
        raise ConnectionResetError("An answer cannot be completed") from error
    request[ERROR_CODE] = error.error_code
    return error_response(error, status)


def told_by_framework(request: web.Request, error: web.HTTPException, role: str | None) -> web.Response:
    """The answer to what the framework raises: a path or a method that is not there, a body too large."""
    if error.status < 400:
        raise error
    url = request.rel_url
    if isinstance(error, web.HTTPNotFound) and "//" in url.raw_path and is_plain(url.raw_path_qs):
        # Clients glue paths together; MLflow sends them to the path they meant.
        query = "?" + url.raw_query_string if url.raw_query_string else ""
        return web.Response(status=308, headers={hdrs.LOCATION: re.sub("/{2,}", "/", url.raw_path) + query})
    response = told(request, http_error(error, request.method, request.path, role))
    if isinstance(error, web.HTTPMethodNotAllowed):
        response.headers[hdrs.ALLOW] = allow_header(error.allowed_methods)
    return response


def broken_off(request: web.Request, error: ConnectionError) -> web.Response:
    """End a connection that is beyond answering; what is returned reaches nobody.

    Raised further, the error would be taken for a fault of this program, and traced into the log for every client that
    closes a download. One whose client takes nothing any more would stay open until what waits for it has left.
    """
    level = logging.WARNING if isinstance(error.__cause__, TracklogError) else logging.INFO
    logger.log(level, "request %s: %s broke off: %s", request[REQUEST_ID], request.method, error.__cause__ or error)
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=CLIENT_GONE_STATUS)


def told_too_late(request: web.Request, timeout_s: float) -> web.Response:
    """The answer to a request that took longer than its route allows. Its body may be half read: no reuse."""
    response = told(request, DeadlineExceeded(f"The request was ended after {timeout_s:g} s, the bound of its route."))
    response.force_close()
    return response


def told_of_fault(request: web.Request, error: Exception) -> web.Response:
    """The answer to what nobody expected; the trace goes to the server's log and nowhere else."""
    route = request.match_info.route.resource
    logger.error(
        "request %s: %s %s raised %s",
        request[REQUEST_ID],
        request.method,
        None if route is None else route.canonical,
        type(error).__name__,
        exc_info=error,
    )
    return told(request, InternalError(INTERNAL_MESSAGE))


def access_line(request: web.Request, served: Served, actor: Actor, status: int, seconds: float) -> dict[str, object]:
    """One line of the access log. `path` is what was asked for, `route` its pattern."""
    line: dict[str, object] = {
        "time": datetime.now(UTC),
        "request_id": request[REQUEST_ID],
        "method": request.method,
        "path": printable(request.path[:MAX_LOGGED_PATH_CHARACTERS]),
        "route": served.template,
        "status": status,
        "ms": round(seconds * 1000, 3),
        "user": actor.user,
        "address": actor.address,
        "user_agent": actor.user_agent,
    }
    if request[ERROR_CODE]:
        line["error_code"] = request[ERROR_CODE]
    return line


def is_plain(path_and_query: str) -> bool:
    """Whether text may stand in a Location header without naming another host, which a backslash does: browsers
    take it for a slash.
    """
    return _PLAIN.fullmatch(path_and_query) is not None


def allow_header(methods: Iterable[str]) -> str:
    """The methods of a path, OPTIONS among them, for the header Allow."""
    return ", ".join(sorted({*methods, hdrs.METH_OPTIONS}))


def printable(text: str) -> str:
    """`text` as valid Unicode: a header or a path may hold any byte, a line of JSON or an event may not."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
