"""OTLP over gRPC, on a port of its own: each call is the request of HTTP that it stands for.

A call is handed to the front door of this process as that request, on a connection that no network is between. So who
may send what, what is taken of a request, what is counted and what stands in the access log is one thing for both.
gRPC itself (HTTP/2, TLS, connections and the sizes of messages) is its own library's, and is not loaded without need.

Source: OTLP 1.x, OTLP/gRPC, of which codes an exporter sends again after; the channel arguments of gRPC's C library.
"""

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote

import msgspec

from ingest.otlp.routes import EXPERIMENT_HEADER, OTLP_LIMITS, PROTOBUF, RUN_HEADER
from schemas.errors import RequestLimitExceeded
from tracklog.serving.addresses import in_url
from tracklog.serving.listening import AddressTaken
from tracklog.settings.process import ListenSettings, WebSettings
from tracklog.settings.store_uris import SettingRefused
from tracklog.settings.tls import TlsSettings
from tracklog.web.bounds import Bounds, Share, client_of
from tracklog.web.server import Server, Tls

if TYPE_CHECKING:
    import grpc

logger = logging.getLogger(__name__)

SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"
METHOD: Final = "Export"
PATH: Final = "/v1/traces"

MESSAGES_AT_ONCE: Final = 16
"""Messages on their way, each of which may take as much as a body: a client alone may have half of them."""

MESSAGE_S: Final = 30.0
"""How long a message may take to come."""

IDLE_S: Final = 620.0
"""As of connections by HTTP."""

MAX_MESSAGE_CHARACTERS: Final = 1000
"""Of what a refusal says: it travels in a header, and clients take 8 KiB of these."""

PASSED_ON: Final = frozenset(
    {
        "authorization",
        "user-agent",
        "x-forwarded-for",
        "x-request-id",
        EXPERIMENT_HEADER,
        RUN_HEADER,
    }
)
"""Metadata that mean what the header of the same name means. The one of `--user-header` is another."""

CODES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "UNAVAILABLE",
    413: "RESOURCE_EXHAUSTED",
    415: "INVALID_ARGUMENT",
    429: "UNAVAILABLE",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "UNAVAILABLE",
    507: "RESOURCE_EXHAUSTED",
}
"""By the status of HTTP. An exporter sends again what was UNAVAILABLE, as by HTTP after these statuses, and not what
was RESOURCE_EXHAUSTED. To log a span twice changes nothing."""

_PACKED: Final = ((b"\x1f\x8b", "gzip"), (b"\x78", "deflate"))
"""How a packed message begins. One of OTLP that is not packed begins otherwise: with the tag of its first field."""


def check_grpc() -> None:
    """Raises SettingRefused when the library is not installed."""
    if find_spec("grpc") is None:
        raise SettingRefused(
            "--otlp-grpc-port needs a library that is not installed: pip install 'tracklog[grpc]'. "
            f"Without it spans are taken by HTTP, at {PATH}."
        )


class Answer(NamedTuple):
    """What the front door answers: the status, what it says of a refusal, and the id of the request."""

    status: int
    message: str
    request_id: str


class GrpcListener:
    """Holds the port from the moment it is made; takes calls between `start` and `stop`. Raises AddressTaken.

    `tls` has the certificate to show at the moment, `port` is the one that is listened on.
    """

    def __init__(self, listen: ListenSettings, web: WebSettings, tls: Tls | None) -> None:
        assert listen.otlp_grpc_port is not None
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # it would write what clients do wrong between lines of JSON
        import grpc

        self._path = web.static_prefix + PATH
        self._passed_on = PASSED_ON | ({web.user_header.lower()} if web.user_header is not None else set())
        self._arriving = Share(MESSAGES_AT_ONCE)
        self._http: Server | None = None
        self._codes = grpc.StatusCode
        bounds = Bounds()
        self._server = grpc.aio.server(options=list(_options(bounds)), maximum_concurrent_rpcs=bounds.requests)
        # As a stream, of which it reads one: a message that does not come is then not waited for without end.
        export = grpc.stream_unary_rpc_method_handler(self._export)
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: export}),))
        address = f"{in_url(listen.host)}:{listen.otlp_grpc_port}"
        try:
            if listen.tls is None or tls is None:
                self.port: int = self._server.add_insecure_port(address)
            else:
                self.port = self._server.add_secure_port(address, _credentials(listen.tls, tls))
        except RuntimeError as error:
            raise AddressTaken(f"Cannot listen on {address}; choose another --otlp-grpc-port or --host.") from error

    async def start(self, http: Server) -> None:
        """Take calls, and hand them to `http`."""
        self._http = http
        await self._server.start()

    async def stop(self, grace_s: float = 0.0) -> None:
        """Take no more calls; those under way have `grace_s` seconds."""
        await self._server.stop(grace_s)

    async def _export(self, messages: Any, context: "grpc.aio.ServicerContext") -> bytes:
        address = address_of(context.peer())
        try:
            code, message, request_id = await self._answered(messages, context, address)
        except Exception:
            logger.exception("a call of gRPC failed")
            code, message, request_id = self._codes.INTERNAL, "Internal error.", ""
        if request_id:
            context.set_trailing_metadata((("x-request-id", request_id),))
        if code is not self._codes.OK:
            await context.abort(code, message[:MAX_MESSAGE_CHARACTERS])
        return b""

    async def _answered(
        self, messages: Any, context: "grpc.aio.ServicerContext", address: str
    ) -> tuple["grpc.StatusCode", str, str]:
        """Code, message and id of a request."""
        headers: list[tuple[str, str]] = []
        for name, value in context.invocation_metadata() or ():
            if name in self._passed_on:
                if not isinstance(value, str) or not value.isascii() or not value.isprintable():
                    return self._codes.INVALID_ARGUMENT, f"The metadata {name} are not text as a header has it.", ""
                headers.append((name, value))
        client = client_of(address)
        if not self._arriving.take(client):
            return self._codes.UNAVAILABLE, "Too many messages are on their way; try again.", ""
        try:
            async with asyncio.timeout(MESSAGE_S):
                message: bytes = await anext(aiter(messages))
        except StopAsyncIteration:
            return self._codes.INVALID_ARGUMENT, "The call has no message.", ""
        except TimeoutError:
            return self._codes.UNAVAILABLE, "The rest of the call's message did not come.", ""
        finally:
            self._arriving.give_back(client)
        answer = await self._by_http(message, headers, address, certificate_in(context.auth_context()))
        if answer.status < 300:
            return self._codes.OK, "", answer.request_id
        return getattr(self._codes, CODES.get(answer.status, "INTERNAL")), answer.message, answer.request_id

    async def _by_http(
        self, message: bytes, headers: list[tuple[str, str]], address: str, certificate: dict[str, Any]
    ) -> Answer:
        """What the front door answers to the request that a call stands for."""
        assert self._http is not None
        connection = self._http.connection_from(address)
        if connection is None:
            self._http.turned_away("all that there may be are open, or all that one client may have.")
            return Answer(RequestLimitExceeded.status, "Too many connections are open; try again.", "")
        connection.is_call = True
        transport = InProcess(address, certificate)
        try:
            connection.connection_made(transport)
            connection.data_received(request_of(self._path, headers, message))
            await transport.ended
        finally:
            transport.close()
            connection.connection_lost(None)
        return answer_in(bytes(transport.written))


class InProcess(asyncio.Transport):
    """The far end of a connection that no network is between: keeps what is written, and ends when it is closed."""

    def __init__(self, address: str, certificate: dict[str, Any]) -> None:
        super().__init__({"peername": (address, 0), "peercert": certificate})
        self.written = bytearray()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.ended.done()

    def close(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    abort = close

    def pause_reading(self) -> None:
        """All there is to read has been given already."""

    resume_reading = pause_reading

    def get_write_buffer_size(self) -> int:
        return 0


def request_of(path: str, headers: list[tuple[str, str]], message: bytes) -> bytes:
    """The request of HTTP that a message stands for, packed as it came, and the last of its connection."""
    packed = next((name for start, name in _PACKED if message.startswith(start)), None)
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Connection: close",
        f"Content-Type: {PROTOBUF}",
        f"Content-Length: {len(message)}",
        *((f"Content-Encoding: {packed}",) if packed else ()),
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join((*lines, "", "")).encode() + message


def answer_in(written: bytes) -> Answer:
    """What an answer of HTTP says. It is one of ours, whole or not there at all."""
    head, _, body = written.partition(b"\r\n\r\n")
    if not head:
        return Answer(500, "There is no answer.", "")
    lines = head.decode("latin-1").split("\r\n")
    named = dict(line.lower().split(": ", 1) for line in lines[1:])
    message = body.decode(errors="replace").strip()
    with suppress(msgspec.DecodeError):
        message = str(msgspec.json.decode(body)["message"])
    return Answer(int(lines[0].split(" ", 2)[1]), message, named.get("x-request-id", ""))


def address_of(peer: str) -> str:
    """The address of a client, as gRPC writes it: `ipv4:127.0.0.1:5000`, `ipv6:%5B::1%5D:5000`."""
    host = unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]")
    try:
        parsed = ip_address(host)
    except ValueError:
        return ""
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)


def certificate_in(context: Any) -> dict[str, Any]:
    """What a client's certificate names, in the form of Python's ssl module; empty without one."""
    names = {key: [one.decode(errors="replace") for one in values] for key, values in context.items()}
    subject = tuple((("commonName", name),) for name in names.get("x509_common_name", ()))
    kinds = (("email", "peer_email"), ("URI", "peer_uri"), ("DNS", "peer_dns"))
    others = tuple((kind, name) for kind, key in kinds for name in names.get(key, ()))
    return {"subject": subject, "subjectAltName": others} if subject or others else {}


def _options(bounds: Bounds) -> Iterator[tuple[str, int]]:
    """The channel arguments of gRPC's library."""
    yield "grpc.so_reuseport", 0  # or a second server takes half of the calls
    yield "grpc.max_receive_message_length", OTLP_LIMITS.body_bytes or 0
    yield "grpc.per_message_decompression", 0  # there is no bound to what it unpacks: the front door has one
    yield "grpc.max_allowed_incoming_connections", bounds.connections // 4
    yield "grpc.max_concurrent_streams", 100
    yield "grpc.server_handshake_timeout_ms", int(bounds.head_s * 1000)
    yield "grpc.max_connection_idle_ms", int(IDLE_S * 1000)
    yield "grpc.keepalive_time_ms", 60_000  # who is gone without a word is noticed
    yield "grpc.keepalive_timeout_ms", 20_000


def _credentials(settings: TlsSettings, tls: Tls) -> "grpc.ServerCredentials":
    """The certificate to show, read again when it was for HTTP.

    A certificate is asked for of clients where it is required: gRPC does not know one that may be left out.
    """
    import grpc

    shown = tls.context

    def certificate() -> "grpc.ServerCertificateConfiguration":
        authorities = None if settings.authorities is None else settings.authorities.read_bytes()
        pair = (settings.key_pem(), settings.certificate.read_bytes())
        return grpc.ssl_server_certificate_configuration([pair], root_certificates=authorities)

    def renewed() -> "grpc.ServerCertificateConfiguration | None":
        """Asked for each new connection, in a thread of gRPC's. None: what there was is good."""
        nonlocal shown
        if tls.context is shown:
            return None
        shown = tls.context
        try:
            return certificate()
        except (OSError, ValueError) as error:
            logger.warning("the certificate was not read again for gRPC: %s", type(error).__name__)
            return None

    return grpc.dynamic_ssl_server_credentials(
        certificate(), renewed, require_client_authentication=settings.needs_client_certificates
    )
