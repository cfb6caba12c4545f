"""What holds for every request, in one middleware: the client, what is let in, its time limit, its answer.

One function and not a chain of them: a request is to pass in some ten microseconds, and each layer of coroutines
would cost one.
"""

import asyncio
import contextlib
import logging
import re
import secrets
from collections.abc import Awaitable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING, Final, Protocol

from aiohttp import hdrs, web
from aiohttp.web_urldispatcher import AbstractRoute
from multidict import istr

from schemas.envelope import Actor
from schemas.errors import (
    BadRequest,
    InternalError,
    PermissionDenied,
    RequestLimitExceeded,
    RequestTooLarge,
    TracklogError,
    Unauthenticated,
)
from schemas.levels import Level
from schemas.messages.message import Message
from schemas.principal import Principal
from schemas.rest.access import ASKING, Asking, On, Rule
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.large_body import LargeAnswer
from schemas.rest.past import POSITION, POSITION_HEADER, as_of, only_of_now
from schemas.rest.request_keys import (
    ACTOR,
    ADMIT_AGAIN,
    BEHIND,
    PRINCIPAL,
    REQUEST_ID,
    UNPACKING,
    AdmitAgain,
    Unpacking,
)
from schemas.rest.route import KIB, Handler, Kind, Limits, Permission, Route
from tracklog.settings.process import WebSettings
from tracklog.web.access_log import AccessLog, access_line, printable
from tracklog.web.bounds import Bounds, Share, Shares, client_of
from tracklog.web.client_address import client_address_rule, trust_rule
from tracklog.web.error_answers import (
    CLIENT_GONE_STATUS,
    ERROR_CODE,
    INTERNAL_MESSAGE,
    IS_ANSWERING,
    end_connection,
    error_answer,
    error_response,
    fault_answer,
    framework_error_answer,
    status_of,
    timeout_answer,
)
from tracklog.web.identity import ANONYMOUS, user_in_header
from tracklog.web.metrics import EndpointCounts, RequestCounts
from tracklog.web.origin_policy import OriginPolicy, is_of_own_page
from tracklog.web.plain_answers import PlainAnswers
from tracklog.web.time_limits import TimeLimits

if TYPE_CHECKING:
    from tracklog.web.connection import Connection

logger = logging.getLogger("tracklog.web")

REQUEST_ID_HEADER: Final = istr("X-Request-Id")
BEHIND_HEADER: Final = istr("X-Tracklog-Behind")
FRAME_OPTIONS_HEADER: Final = istr("X-Frame-Options")

WHOLE_ANSWER_BYTES: Final = 256 * KIB
"""A longer answer is sent in pieces of this size, as fast as the client takes them, and counts as held until then."""
ANSWER_S: Final = 300.0
"""How long a client may take over an answer that is held for it."""

REMEMBERED_ACTORS: Final = 4096

NOT_ALLOWED: Final = "Permission denied."

NOBODY: Final = "This server is asked through a proxy that says which user asks, and nothing says so of this request."

MAX_USER_AGENT_CHARACTERS: Final = 256
"""Of the name a client gives itself: it stands in every event and every line of the access log."""

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


@dataclass(frozen=True, slots=True)
class Served:
    """What the front door needs to know of an endpoint. Where `share` is None, every request is let in.

    `permission` is what has to be held. Where `is_open`, also who is not known is answered. `takes_moment`: a request
    that names a moment may be handled.
    """

    template: str
    kind: Kind
    limits: Limits
    share: Share | None
    counts: EndpointCounts
    permission: Permission | Rule
    is_open: bool = False
    takes_moment: bool = False


class AccessHistory(Protocol):
    """Notes who is let in, and who is denied something. Nobody waits for it."""

    def granted(self, actor: Actor, by: str, request_id: str) -> None: ...

    def denied(self, actor: Actor, method: str, route: str, request_id: str) -> None: ...


class Authenticator(Protocol):
    """Who is behind an Authorization header: `tracklog.authentication`. All but `recall` raise TracklogError."""

    @property
    def history(self) -> AccessHistory: ...

    def recall(self, header: str) -> Principal | None: ...

    def authenticate(self, header: str | None, address: str) -> Awaitable[Principal]: ...

    def principal_of(self, user: str) -> Awaitable[Principal]: ...


class Authorizer(Protocol):
    """Who judges requests of users who are no administrators: `tracklog.authorization`."""

    def asking(self, principal: Principal, rule: Rule) -> Asking: ...


class Browsers(Protocol):
    """Who has logged in by a browser, as its cookies say: `tracklog.authentication.oidc`."""

    def has_session(self, request: web.Request) -> bool: ...

    def principal(self, request: web.Request) -> Awaitable[Principal]:
        """Raises TracklogError, Unauthenticated when the session has ended."""
        ...

    def sent_to_log_in(self, request: web.Request) -> Awaitable[web.Response | None]:
        """The answer to a navigation of nobody; None where it is no navigation."""
        ...


class FrontDoor:
    """The middleware, and the signal that puts the headers of every answer.

    `position` is that of the moment which the process shows, where it shows one that is past.
    `served` is filled while the application is built. What a handler finds on its request, and may leave
    there, is in `schemas.rest.request_keys`.
    """

    def __init__(
        self,
        settings: WebSettings,
        counts: RequestCounts,
        access_log: AccessLog | None,
        role: str | None = None,
        bounds: Bounds | None = None,
        authenticator: Authenticator | None = None,
        authorizer: Authorizer | None = None,
        browsers: Browsers | None = None,
        position: str | None = None,
    ) -> None:
        policy = OriginPolicy(settings)
        self._blocked = policy.blocked
        self._cors_headers = policy.cors_headers
        self._headers: dict[str, str] = {hdrs.X_CONTENT_TYPE_OPTIONS: "nosniff", hdrs.SERVER: "tracklog"}
        if settings.frame_options is not None:
            self._headers[FRAME_OPTIONS_HEADER] = settings.frame_options
        if position is not None:
            self._headers[POSITION_HEADER] = position
        self.plain_answers = PlainAnswers(self._headers)
        self._counts = counts
        self._nowhere = Served(
            "(none)", Kind.OPERATION, Limits(), None, counts.endpoint("ANY", "(none)"), Permission.ADMIN
        )
        self._access_log = access_log
        self._served: dict[AbstractRoute, Served] = {}
        self._role = role
        self._client_address = client_address_rule(settings.trusted_proxies)
        self._actors: dict[tuple[str, str, str], Actor] = {}
        self._user_in_header = None if settings.user_header is None else user_in_header(settings.user_header)
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._browsers = browsers
        self._has_proxies = bool(settings.trusted_proxies)
        self.is_trusted = trust_rule(settings.trusted_proxies)
        self.shares = Shares(bounds or Bounds())
        self._process = secrets.token_hex(4)
        self._numbers = count(1)
        self._drained: asyncio.Event | None = None
        self._endless: set[asyncio.Task[object]] = set()
        self.time_limits = TimeLimits()

    def serves(self, registered: AbstractRoute, method: str, template: str, route: Route) -> None:
        """Hold requests that match `registered` to the limits of `route`, and count them under `template`."""
        kind = route.kind
        share = (
            None
            if route.limits.is_endless
            else {Kind.OPERATION: None, Kind.ARTIFACT: self.shares.streams}.get(kind, self.shares.requests)
        )
        counts = self._counts.endpoint(method, template)
        permission = route.permission
        # With a secret a client shows no credentials: it thinks that a store takes its bytes.
        has_secret = permission is Permission.SECRET and self._authenticator is not None
        is_open = permission is Permission.PUBLIC or has_secret
        takes_moment = route.takes_moment or kind in _WITHOUT_STATE
        self._served[registered] = Served(
            template, kind, route.limits, share, counts, permission, is_open, takes_moment
        )

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
        if POSITION in request:
            headers[POSITION_HEADER] = request[POSITION]
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
        user = connection.certified_user
        if (user is not None or self._user_in_header is not None) and self.is_trusted(connection.address):
            # The certificate of a proxy names the proxy, and not who asks through it.
            user = None if self._user_in_header is None else self._user_in_header(request.headers)
        request[ACTOR] = actor = self._actor(request, connection, user or ANONYMOUS)
        # To ask a request for a key that is not there costs an exception, so these are there from the first.
        request[BEHIND] = request[ERROR_CODE] = ""
        request[ASKING] = None
        status = CLIENT_GONE_STATUS
        try:
            blocked = None if connection.is_call else self._blocked(request)
            if blocked is None and not served.is_open:
                if self._authenticator is not None:
                    blocked = await self._admit(request, self._authenticator, served, user, actor.address)
                    actor = request[ACTOR]
                elif user is None and self._user_in_header is not None:
                    blocked = error_answer(request, PermissionDenied(NOBODY))
            response = blocked if blocked is not None else await self._answer(request, connection, handler, served)
            status = response.status
            if (self._drained is not None or connection.body_failed) and not response.prepared:
                response.force_close()
            return response
        except ConnectionError as error:
            return end_connection(request, error)
        finally:
            connection.request_ends(request)
            seconds = perf_counter() - started
            served.counts.count(seconds, status)
            if request[BEHIND]:
                self._counts.behind += 1
            if self._access_log is not None:
                self._access_log.add(access_line(request, served.template, actor, status, seconds))

    async def drain(self, timeout_s: float) -> None:
        """Let requests under way end, closing each connection behind its answer; give up after `timeout_s`.

        To be called when no more connections are taken. The web framework's own drain would not read the rest of a
        body that is still on its way.
        """
        self._drained = asyncio.Event()
        for task in self._endless:
            task.cancel()
        if self._counts.in_flight:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._drained.wait()

    async def _admit(
        self, request: web.Request, authenticator: Authenticator, served: Served, user: str | None, address: str
    ) -> web.Response | None:
        """Put the principal of a request on it, and refuse what it may not: the answer then, None to go on.

        `user` is whom a certificate or a trusted proxy names, who needs no other credentials.
        """
        try:
            principal = await self._principal_of(request, authenticator, user, address)
            request[PRINCIPAL] = principal
            request[ACTOR] = actor = self._actor(request, request.protocol, principal.user)  # type: ignore[arg-type]
            authenticator.history.granted(actor, principal.by or self._named_by(request), request[REQUEST_ID])
            if not may(principal, served.permission, served.kind):
                raise PermissionDenied(NOT_ALLOWED)
            if not principal.is_admin:
                request[ASKING] = self._asking(principal, served.permission)
        except Unauthenticated as error:
            return await self._challenge(request, error)
        except TracklogError as error:
            self._note(request, error, served)
            return error_answer(request, error, status_of(error, served.kind))
        return None

    async def _principal_of(
        self, request: web.Request, authenticator: Authenticator, user: str | None, address: str
    ) -> Principal:
        """Whose credentials a request has. Raises Unauthenticated."""
        if user is not None:
            return await authenticator.principal_of(user)
        header = request.headers.get(hdrs.AUTHORIZATION)
        known = None if header is None else authenticator.recall(header)
        if header is None and self._browsers is not None:
            known = await self._logged_in(request, self._browsers)
        return await authenticator.authenticate(header, address) if known is None else known

    async def _admit_again(
        self, request: web.Request, authenticator: Authenticator, served: Served, message: Message
    ) -> None:
        """As `schemas.rest.request_keys.AdmitAgain`."""
        actor = request[ACTOR]
        connection: Connection = request.protocol  # type: ignore[assignment]
        user = connection.certified_user
        if (user is not None or self._user_in_header is not None) and self.is_trusted(connection.address):
            user = None if self._user_in_header is None else self._user_in_header(request.headers)
        principal = await self._principal_of(request, authenticator, user, actor.address)
        if not may(principal, served.permission, served.kind):
            raise PermissionDenied(NOT_ALLOWED)
        asking = None if principal.is_admin else self._asking(principal, served.permission)
        if asking is not None:
            await asking.allow(message)

    def _named_by(self, request: web.Request) -> str:
        """What names a user who needs no other credentials."""
        connection: Connection = request.protocol  # type: ignore[assignment]
        is_proxied = self._user_in_header is not None and self.is_trusted(connection.address)
        return "proxy" if is_proxied else "certificate"

    def _note(self, request: web.Request, error: TracklogError, served: Served) -> None:
        """Have it be in the history that somebody who is known was denied something."""
        if isinstance(error, PermissionDenied) and self._authenticator is not None and PRINCIPAL in request:
            self._authenticator.history.denied(request[ACTOR], request.method, served.template, request[REQUEST_ID])

    def _asking(self, principal: Principal, permission: Permission | Rule) -> Asking | None:
        """Who judges what a request is about, and what of it is seen; None where there is nothing to judge."""
        if isinstance(permission, Permission) and permission not in (Permission.SEEN, Permission.JUDGED):
            return None
        if self._authorizer is None:
            raise PermissionDenied(NOT_ALLOWED)
        return self._authorizer.asking(principal, () if isinstance(permission, Permission) else permission)

    async def _logged_in(self, request: web.Request, browsers: Browsers) -> Principal | None:
        """Whom the cookie of a session stands for. From another origin it counts for nothing."""
        return await browsers.principal(request) if browsers.has_session(request) and is_of_own_page(request) else None

    async def _challenge(self, request: web.Request, error: Unauthenticated) -> web.Response:
        """The answer to who is not known: a browser on its way to a page is led to where one logs in."""
        browsers = self._browsers
        if browsers is None or hdrs.AUTHORIZATION in request.headers:
            return error_answer(request, error)
        led = await browsers.sent_to_log_in(request)
        if led is not None:
            return led
        answer = error_answer(request, error)
        if browsers.has_session(request):  # by the other challenge the browser would ask for a password
            answer.headers[hdrs.WWW_AUTHENTICATE] = 'Bearer realm="mlflow"'
        return answer

    def _actor(self, request: web.Request, connection: "Connection", user: str) -> Actor:
        """The client that asks: the same object for the same client, as long as few different ones come."""
        address = connection.address
        if self._has_proxies:
            address = self._client_address(request) or ""
            connection.serves(client_of(address))
        user_agent = request.headers.get(hdrs.USER_AGENT, "")
        if len(user_agent) > MAX_USER_AGENT_CHARACTERS:
            user_agent = user_agent[:MAX_USER_AGENT_CHARACTERS]
        known = connection.asked_by
        if known is not None and known[0] == user_agent and known[1] == address and known[2].user == user:
            return known[2]
        key = (user, address, user_agent)
        actor = self._actors.get(key)
        if actor is None:
            if len(self._actors) >= REMEMBERED_ACTORS:
                self._actors.clear()
            actor = self._actors[key] = Actor(user, address, printable(user_agent))
        connection.asked_by = (user_agent, address, actor)
        return actor

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
                return error_answer(request, RequestTooLarge(f"The body has {declared} bytes; {limit} are taken here."))
            if hdrs.CONTENT_ENCODING in request.headers:
                request[UNPACKING] = Unpacking(limit, connection.charge)
        share, client = served.share, connection.client
        if share is not None:
            if not share.take(client):
                return self._too_much(request)
            if share is self.shares.streams and not connection.becomes_stream():
                share.give_back(client)
                return self._too_much(request)
        self._counts.in_flight += 1
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None, "a handler always runs in a task"
        self.time_limits.start(task, loop.time() + served.limits.timeout_s)
        if served.limits.is_endless:
            self._endless.add(task)
            if self._authenticator is not None:
                again: AdmitAgain = partial(self._admit_again, request, self._authenticator, served)
                request[ADMIT_AGAIN] = again
        try:
            if not served.takes_moment and (moment := as_of(request)) is not None:
                raise only_of_now(moment)
            response = await handler(request)
            asking = request[ASKING]
            if asking is not None and not asking.is_decided:
                raise AssertionError(f"nobody judged what {served.template} was asked for")
            if response.__class__ is JsonAnswer or response.__class__ is web.Response:
                body = response.body
                if body.__class__ is bytes and len(body) > WHOLE_ANSWER_BYTES:
                    return await self._send_in_pieces(request, connection, response, len(body), _whole(body))
            elif response.__class__ is LargeAnswer:
                large = response.body
                return await self._send_in_pieces(request, connection, response, large.held_bytes, large.pieces)
            return response
        except TracklogError as error:
            self._note(request, error, served)
            return error_answer(request, error, status_of(error, served.kind))
        except web.HTTPException as error:
            return framework_error_answer(request, error, self._role)
        except asyncio.CancelledError:
            if not self.time_limits.has_struck(task):
                raise
            task.uncancel()
            self._counts.timed_out += 1
            return timeout_answer(request, served.limits.timeout_s)
        except ConnectionError:
            raise
        except Exception as error:
            return fault_answer(request, error)
        finally:
            self.time_limits.stop(task)
            self._endless.discard(task)
            self._counts.in_flight -= 1
            if share is not None:
                share.give_back(client)
            if self._drained is not None and not self._counts.in_flight:
                self._drained.set()

    def _too_much(self, request: web.Request) -> web.Response:
        self._counts.refused += 1
        return error_answer(request, RequestLimitExceeded("Too many requests are under way; try again."))

    async def _send_in_pieces(
        self,
        request: web.Request,
        connection: "Connection",
        response: web.StreamResponse,
        held_bytes: int,
        pieces: Generator[bytes, None, None],
    ) -> web.StreamResponse:
        """Send a large answer no faster than the client takes it: given to the connection whole, it would be held twice
        and not count as under way. `held_bytes` of it are in memory until then."""
        if not connection.charge_answer(held_bytes):
            self._counts.refused += 1
            return error_answer(
                request, RequestLimitExceeded("Too many answers of this client are not read yet; try again.")
            )
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None, "a handler always runs in a task"
        self.time_limits.start(task, loop.time() + ANSWER_S)
        if self._drained is not None:
            response.force_close()
        await response.prepare(request)
        if isinstance(response, web.Response):
            response.body = None
        with contextlib.closing(pieces):  # whatever becomes of it, nothing of the answer is held any more
            if request.method != hdrs.METH_HEAD:
                for piece in pieces:
                    part = memoryview(piece)
                    for start in range(0, len(piece), WHOLE_ANSWER_BYTES):
                        await response.write(part[start : start + WHOLE_ANSWER_BYTES])
                    await asyncio.sleep(0)  # a client that takes everything at once makes no `write` wait
        await response.write_eof()
        return response

    def answer_unparsed(self, request: web.BaseRequest, status: int, error: BaseException | None) -> web.Response:
        """The answer to what reached no handler: what is not HTTP, or what the framework fell over.

        Nothing of the request is in it, nor in the access log. The connection ends behind it.
        """
        connection: Connection = request.protocol  # type: ignore[assignment]
        request_id = f"{self._process}-{next(self._numbers):x}"
        known: TracklogError
        if isinstance(error, TracklogError):
            known = error
        elif status < 500:
            known = BadRequest("The request is not as HTTP has it.")
        else:
            logger.error("request %s: the web framework raised %s", request_id, type(error).__name__, exc_info=error)
            known = InternalError(INTERNAL_MESSAGE)
        response = error_response(known)
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
                    "error_code": known.error_code,
                }
            )
        return response

    def checked(self, request: web.BaseRequest, response: web.StreamResponse) -> web.StreamResponse:
        """`response`, unless the framework made it without the middleware, for an expectation that it does not know."""
        if not isinstance(response, web.HTTPException):
            return response
        return self.answer_unparsed(request, response.status, BadRequest("The request expects what is not known here."))


def _whole(body: bytes) -> Generator[bytes, None, None]:
    yield body


async def answer_with_bounded_body(request: web.Request, *, handler: Handler, limit: int) -> web.StreamResponse:
    """Run `handler` on a body that does not say how long it is, which ends in an error after `limit` bytes."""
    bounded = request.clone(client_max_size=limit)
    try:
        return await handler(bounded)
    finally:
        request.update(bounded)


def may(principal: Principal, permission: Permission | Rule, kind: Kind) -> bool:
    """Whether a principal is let in to a route, whatever it is asked about. What it is about is judged by its rule."""
    if principal.is_read_only and not (kind in _READING or (kind is Kind.ARTIFACT and only_reads(permission))):
        return False
    return principal.is_admin or permission is not Permission.ADMIN


def only_reads(permission: Permission | Rule) -> bool:
    """Whether a rule asks for no more than to read."""
    return not isinstance(permission, Permission) and all(
        isinstance(part, On) and part.level <= Level.READ for part in permission
    )


_WITHOUT_STATE: Final = frozenset({Kind.PAGE, Kind.OPERATION})
"""Kinds of routes that are about nothing in the log, whatever the query string of their URL holds."""

_READING: Final = frozenset({Kind.READ, Kind.PAGE, Kind.OPERATION})
