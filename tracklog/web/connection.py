"""One connection of a client: what it may hold, how long it may be silent, and what it hears when HTTP is not kept to.

It looks into the web framework's connection below it, which offers none of this. `tests/unit/tracklog/web` holds what
is relied on.
"""

from typing import TYPE_CHECKING, Any, Final

from aiohttp import StreamReader, hdrs, web
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from schemas.envelope import Actor
from schemas.errors import BadRequest, RequestLimitExceeded, RequestTimeout, TracklogError
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.route import KIB
from tracklog.web.bounds import STREAM_BYTES, client_of
from tracklog.web.identity import user_of_certificate

if TYPE_CHECKING:
    from tracklog.web.server import Server

SMALL_BYTES: Final = 8 * KIB
"""A request that comes whole and is no larger is not charged for: the bound of requests bounds these too."""

MAX_HEAD_BYTES: Final = 128 * KIB
"""Of a request line and all headers. Each of them is bounded by the parser."""

PROGRESS_BYTES: Final = 5 * KIB
"""Less than this does not count as an end of silence: a byte a second would hold for hours what a body may hold."""

HEAD_IS_TOO_LARGE: Final = f"The request line and the headers have more than {MAX_HEAD_BYTES} bytes."

TOO_MUCH: Final = "More is on its way to or from this client than the server keeps for one; try again."


class Connection(RequestHandler):
    """Charges a client for what it sends when it arrives, and for answers until it has taken them."""

    __slots__ = (
        "_answered",
        "_body",
        "_head_bytes",
        "_is_charging",
        "_is_counted",
        "_is_made",
        "_progress",
        "_resumed",
        "_server",
        "_since_s",
        "_state",
        "_unsent",
        "address",
        "asked_by",
        "body_failed",
        "certified_user",
        "client",
        "held",
        "is_answer_charged",
        "is_call",
        "is_stream",
    )

    def __init__(self, server: "Server", **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server
        self.address = ""
        self.client = ""
        self._is_counted = False
        self._is_made = False
        self._body: StreamReader | None = None
        """The newest body that had not come whole when last looked at."""
        self._head_bytes = 0
        """Bytes of a request whose headers are not complete."""
        self._is_charging = True
        self.held = 0
        """Bytes the client is charged for."""
        self._unsent = 0
        """Of those the ones that wait to be sent."""
        self.is_stream = False
        self.is_answer_charged = False
        self.is_call = False
        """It stands for a call of gRPC, which no browser makes, and which names no host."""
        self.body_failed = False
        """The body under way was ended; the answer that says so must be the last."""
        self._state: tuple[str, int] = ("", 0)
        self._since_s = 0.0
        self._progress = 0
        self._resumed = 0
        self.certified_user: str | None = None
        """Whom the certificate names that the client came with."""
        self.asked_by: tuple[str, str, Actor] | None = None
        """The user agent and the address of the last request, and who that is."""
        self._answered: tuple[web.BaseRequest, web.StreamResponse] | None = None

    def comes_from(self, address: str, *, counted: bool) -> None:
        """Who is at the other end; `counted`: it holds one of the connections that clients share."""
        self.address, self.client, self._is_counted = address, client_of(address), counted

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._server.open.add(self)
        self._server.counts.connections += 1
        self._is_made = True
        certificate = transport.get_extra_info("peercert")
        if certificate:
            self.certified_user = user_of_certificate(certificate)
        if not self.address:
            peer = transport.get_extra_info("peername")
            self.comes_from(str(peer[0]) if isinstance(peer, tuple) else "", counted=False)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._is_made:
            self._is_made = False
            self._server.counts.connections -= 1
        super().connection_lost(exc)
        self._let_go()

    # --- what arrives ---------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        before = self._request_count
        RequestHandler.data_received(self, data)
        if self._request_count == before + 1 and len(data) <= SMALL_BYTES and not self._head_bytes:
            message, payload = self._messages[-1]
            if payload.is_eof() and self._body is None and message.__class__ is not _ErrInfo:
                return  # what nearly all requests are: small, whole, and in one packet
        if not self._force_close and not self._close:
            self._received(len(data), self._request_count - before)

    def _received(self, size: int, messages: int) -> None:
        if messages and self._messages:
            message, payload = self._messages[-1]
            if isinstance(message, _ErrInfo):
                self._parser_refused()
                return
            if self._head_bytes + size > MAX_HEAD_BYTES and head_bytes(message) > MAX_HEAD_BYTES:
                self._messages.pop()
                self._refuse_head(BadRequest(HEAD_IS_TOO_LARGE))
                return
            self._head_bytes = 0
            self._body = None if payload.is_eof() else payload
            self._is_charging = True
        elif self._body is not None:
            if self._body.is_eof():
                self._body = None
        elif size:
            self._head_bytes += size
            self._is_charging = True
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse_head(BadRequest(HEAD_IS_TOO_LARGE))
                return
        if self.is_stream or not self._is_charging or not size:
            return
        if self.charge(size):
            return
        if self._head_bytes:
            self._server.counts.refused += 1
            self._refuse_head(RequestLimitExceeded(TOO_MUCH))
        elif self._body is not None:
            self._server.counts.refused += 1
            self._end_body(RequestLimitExceeded(TOO_MUCH))

    def _parser_refused(self) -> None:
        """What came is not HTTP. In the middle of a body, it is the request of that body which hears so."""
        self._head_bytes = 0
        body = self._body
        if body is not None and not body.is_eof():
            self._messages.pop()
            self._end_body(BadRequest("The body of the request is not as HTTP has it."))

    def _refuse_head(self, error: TracklogError) -> None:
        """Answer `error` to a request whose headers are not to be had, in its turn."""
        self._head_bytes = 0
        self._body = None
        self._messages.append((_ErrInfo(status=error.status, exc=error, message=""), EMPTY_PAYLOAD))
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        self._pause_transport_reading()

    def _end_body(self, error: TracklogError) -> None:
        """Raise `error` in the handler that reads the body under way."""
        assert self._body is not None
        self._is_charging = False
        self.body_failed = True
        self._body.set_exception(error)

    def becomes_stream(self) -> bool:
        """Whether the client may have a body passed on as it comes, or an answer as it is made: it is charged for what
        lies in buffers meanwhile."""
        self.give_back()
        self.is_stream = self.charge(STREAM_BYTES)
        return self.is_stream

    def charge(self, size: int) -> bool:
        """Whether the client may have `size` bytes more held until the request under way ends."""
        if not self._server.shares.held_bytes.take(self.client, size):
            return False
        self.held += size
        used = self._server.shares.held_bytes.used
        if used > self._server.most_held:
            self._server.most_held = used
        return True

    def charge_answer(self, size: int) -> bool:
        """Whether the client may have an answer of `size` bytes sent in pieces, which lie in no other buffer. One that
        is larger than any share is sent all the same, when the client has nothing else."""
        self.is_answer_charged = self.charge(min(size, self._server.shares.held_bytes.limit // 2))
        return self.is_answer_charged

    def serves(self, client: str) -> None:
        """It is `client`, behind a trusted proxy, that the request under way is of."""
        if client != self.client:
            held = self.held
            self.give_back()
            self.client = client
            if held:
                self.charge(held)

    def request_ends(self, request: web.BaseRequest) -> None:
        """The handler of the request under way is done: what it held is let go of."""
        broken = request.content.exception()
        if broken is not None:
            # It leads to the frames that met it, and they to what they had read: a cycle, which is collected too late.
            broken.with_traceback(None)
        self.is_stream = self.is_answer_charged = False
        body = self._body
        if body is not None and not body.is_eof():
            # Whatever else comes of it is thrown away, so that the client can read its answer.
            self._is_charging = False
            if self.body_failed:
                body._exception = None
        elif self._messages and self.transport is not None:
            return  # of a request that came behind it, and that will be handled
        if self.held:
            self.give_back()

    def give_back(self) -> None:
        """The client is charged for nothing any more."""
        if self.held:
            self._server.shares.held_bytes.give_back(self.client, self.held)
            self.held = self._unsent = 0

    # --- what is sent ---------------------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """The client takes answers more slowly than they are written."""
        super().pause_writing()
        transport = self.transport
        if transport is None or self.is_stream or self.is_answer_charged:
            return
        size = transport.get_write_buffer_size()
        if self.charge(size):
            self._unsent = size
        else:
            self._server.counts.cut_off += 1
            self._loop.call_soon(transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._resumed += 1
        if self._unsent:
            self._server.shares.held_bytes.give_back(self.client, self._unsent)
            self.held -= self._unsent
            self._unsent = 0

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer, which the framework may have made itself."""
        transport = self.transport
        if transport is not None:  # a connection that is lost is not idle, and would hold itself by its request
            self._answered = (request, resp)
            if resp.__class__ is JsonAnswer and not self._upgraded:
                plain = self._server.door.plain_answers.bytes_of(request, resp)
                if plain is not None:
                    transport.write(plain)
                    return resp, False
        if isinstance(resp, web.HTTPException):
            resp = self._server.door.checked(request, resp)
        return await super().finish_response(request, resp, start_time)

    def _forget_answered(self) -> None:
        """Keep nothing of the last request and its answer: a connection may be idle for long, and the framework holds
        both until the next request."""
        if self._answered is not None:
            request, response = self._answered
            self._answered = None
            request._read_bytes = None
            if isinstance(response, web.Response):
                response._body = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what the parser refuses, and to what goes wrong outside of a handler.

        Nothing of the request is in it, nor in a log: what the parser says of an error holds what it read.
        """
        if request.writer.output_size > 0:
            raise ConnectionError("An answer has begun already")
        if isinstance(exc, UnicodeError) and hdrs.EXPECT in request.headers:
            # The framework's own refusal of an expectation repeats it, and fails where it is no text.
            exc = BadRequest("The request expects what is not known here.")
        return self._server.door.answer_unparsed(request, status, exc)

    def log_exception(self, *args: Any, **options: Any) -> None:
        if not self.body_failed:
            super().log_exception(*args, **options)

    def close_idle(self) -> None:
        """Make room for another connection, at once."""
        self._let_go()
        self.force_close()

    def _let_go(self) -> None:
        self._forget_answered()
        self._server.open.discard(self)
        self.give_back()
        if self._is_counted:
            self._is_counted = False
            self._server.shares.connections.give_back(self.client)

    # --- silence --------------------------------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Whether it has been answered everything, and nothing else has come."""
        return (
            self._state[0] == "idle" and self._waiter is not None and not self._waiter.done() and not self._head_bytes
        )

    @property
    def since_s(self) -> float:
        """The loop's time when it began to do what it does."""
        return self._since_s

    def look(self, now_s: float) -> None:
        """To be called regularly: end what has been silent for too long."""
        state, progress, limit_s = self._doing()
        current = (state, self._request_count)
        if state == "idle":
            self._forget_answered()
        if current != self._state or abs(progress - self._progress) >= PROGRESS_BYTES:
            self._state, self._progress, self._since_s = current, progress, now_s
        elif now_s - self._since_s >= limit_s:
            self._since_s = now_s
            self._fell_silent(state)

    def _doing(self) -> tuple[str, int, float]:
        """What is waited for, how far it has come in bytes, and for how long it may not go on."""
        bounds = self._server.shares.bounds
        transport = self.transport
        if transport is None:
            return "gone", 0, float("inf")
        if self._paused:
            limit_s = bounds.stream_silence_s if self.is_stream else bounds.answer_silence_s
            return "unread", transport.get_write_buffer_size() + self._resumed * PROGRESS_BYTES, limit_s
        if self._waiter is not None:
            if self._head_bytes or not self._request_count:
                return "head", 0, bounds.head_s
            return "idle", 0, float("inf")
        body = self._body
        if body is not None and not body.is_eof() and not self._reading_paused and not self._buffer_paused:
            limit_s = bounds.stream_silence_s if self.is_stream else bounds.body_silence_s
            return "body", body.total_bytes, limit_s
        return "busy", 0, float("inf")

    def _fell_silent(self, state: str) -> None:
        self._server.counts.fell_silent += 1
        transport = self.transport
        assert transport is not None
        if state == "body" and self._current_request is not None and not self.body_failed:
            self._lingering_time = 0.0  # nothing more is to be expected
            self._end_body(RequestTimeout("The rest of the request's body did not come."))
        elif state == "unread":
            transport.abort()
        else:
            self.force_close()


def head_bytes(message: Any) -> int:
    """How many bytes the request line and the headers of a parsed request have, about."""
    return len(message.path) + sum(len(name) + len(value) + 4 for name, value in message.raw_headers)
