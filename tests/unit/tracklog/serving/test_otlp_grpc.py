"""Calls of gRPC are the requests of HTTP that they stand for: let in, bounded and refused by the same front door."""

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from schemas.errors import InvalidParameterValue, StorageFull, TemporarilyUnavailable, TracklogError
from schemas.rest.body import read_bytes
from schemas.rest.request_keys import ACTOR
from schemas.rest.route import KIB, NO_PREFIX, Kind, Limits, Permission, Route
from tests.services.certificate import Authority
from tests.services.ports import HOST, free_port
from tests.web_server import WebServer
from tracklog.serving import otlp_grpc
from tracklog.serving.certificates import Certificates
from tracklog.serving.listening import AddressTaken
from tracklog.serving.otlp_grpc import METHOD, PATH, SERVICE, GrpcListener, address_of, certificate_in
from tracklog.settings.process import ListenSettings, WebSettings
from tracklog.settings.tls import TlsSettings
from tracklog.web.app import create_app
from tracklog.web.server import Server

CODE: Final = grpc.StatusCode
EXPERIMENT: Final = ("x-mlflow-experiment-id", "7")
LIMIT: Final = 100 * KIB


class Spans:
    """What stands behind the route: keeps what comes, and raises what it is told to."""

    def __init__(self) -> None:
        self.came: list[tuple[bytes, Mapping[str, str], Any]] = []
        self.refusal: Exception | None = None
        self.wait = asyncio.Event()
        self.wait.set()

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.came.append((await read_bytes(request), request.headers, request[ACTOR]))
        await self.wait.wait()
        if self.refusal is not None:
            raise self.refusal
        return web.Response()


@asynccontextmanager
async def serving(
    spans: Spans, tls: TlsSettings | None = None, **settings: Any
) -> AsyncIterator[tuple[GrpcListener, TestClient[web.Request, web.Application]]]:
    route = Route(
        method="POST",
        path=PATH,
        prefixes=NO_PREFIX,
        handler=spans.take,
        kind=Kind.WRITE,
        permission=Permission.AUTHENTICATED,
        limits=Limits(body_bytes=LIMIT),
    )
    web_settings = WebSettings(**settings)
    async with TestClient(WebServer(create_app([route], web_settings, kinds=frozenset()))) as client:
        listen = ListenSettings(host=HOST, port=0, tls=tls, otlp_grpc_port=0)
        port = GrpcListener(listen, web_settings, None if tls is None else Certificates(tls))
        http = client.server.runner.server  # type: ignore[union-attr]
        assert isinstance(http, Server)
        await port.start(http)
        try:
            yield port, client
        finally:
            await port.stop()


@asynccontextmanager
async def exporter(port: GrpcListener, **options: Any) -> AsyncIterator[Any]:
    """What sends the bytes of a message, as an exporter does."""
    async with grpc.aio.insecure_channel(f"{HOST}:{port.port}", **options) as channel:
        yield channel.unary_unary(f"/{SERVICE}/{METHOD}")


async def refused(call: Any) -> tuple[Any, str]:
    """Code and message of a call that is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), str(caught.value.details())


async def test_a_call_is_a_request_with_its_metadata_as_headers() -> None:
    spans = Spans()
    async with serving(spans) as (port, _), exporter(port) as export:
        metadata = (EXPERIMENT, ("authorization", "Bearer t"), ("x-request-id", "mine"), ("cookie", "no"))
        call = export(b"\n\0", metadata=metadata)
        assert await call == b""
        assert ("x-request-id", "mine") in [tuple(pair) for pair in await call.trailing_metadata()]
    ((body, headers, actor),) = spans.came
    assert body == b"\n\0"
    assert (headers["x-mlflow-experiment-id"], headers["authorization"]) == ("7", "Bearer t")
    assert "cookie" not in headers
    assert (actor.address, actor.user_agent[:4]) == (HOST, "grpc")


@pytest.mark.parametrize(
    "compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip, grpc.Compression.Deflate]
)
async def test_a_packed_message_is_unpacked(compression: grpc.Compression) -> None:
    spans = Spans()
    async with serving(spans) as (port, _), exporter(port, compression=compression) as export:
        await export(b"\n" + b"s" * 50_000)
    assert spans.came[0][0] == b"\n" + b"s" * 50_000


@pytest.mark.slow
async def test_a_message_that_is_too_large_packed_or_not_is_refused() -> None:
    spans = Spans()
    async with serving(spans) as (port, _), exporter(port) as export:
        assert (await refused(export(b"\n" + bytes(LIMIT))))[0] is CODE.RESOURCE_EXHAUSTED
        assert (await refused(export(b"\n" + bytes(17 * 2**20))))[0] is CODE.RESOURCE_EXHAUSTED
        for packed in (gzip.compress(bytes(2**24)), zlib.compress(bytes(2**24))):
            assert (await refused(export(packed)))[0] is CODE.RESOURCE_EXHAUSTED
        assert (await refused(export(gzip.compress(b"\n\0")[:-1])))[0] is CODE.INVALID_ARGUMENT
        await export(b"\n\0")
    assert len(spans.came) == 1


@pytest.mark.parametrize(
    ("refusal", "code", "message"),
    [
        (InvalidParameterValue("This is wrong: \N{SNOWMAN}."), CODE.INVALID_ARGUMENT, "This is wrong: \N{SNOWMAN}."),
        (TemporarilyUnavailable("It is away."), CODE.UNAVAILABLE, "It is away."),
        (StorageFull("No room."), CODE.RESOURCE_EXHAUSTED, "No room."),
        (InvalidParameterValue("x" * 5000), CODE.INVALID_ARGUMENT, "x" * 1000),
        (
            ZeroDivisionError("secret"),
            CODE.INTERNAL,
            "Internal error. The server's log has it under this request's id.",
        ),
    ],
)
async def test_a_refusal_is_a_code_and_says_what_that_of_http_says(
    refusal: TracklogError, code: Any, message: str
) -> None:
    spans = Spans()
    spans.refusal = refusal
    async with serving(spans) as (port, _), exporter(port) as export:
        assert await refused(export(b"\n\0")) == (code, message)


async def test_a_server_on_any_host_takes_calls_which_name_none() -> None:
    spans = Spans()
    async with (
        serving(spans, allowed_hosts=("example.com",), static_prefix="/ml") as (port, client),
        exporter(port) as export,
    ):
        await export(b"\n\0")
        assert (await client.post(f"/ml{PATH}")).status == 403
    assert len(spans.came) == 1


async def test_a_message_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    spans = Spans()
    async with serving(spans) as (port, _), grpc.aio.insecure_channel(f"{HOST}:{port.port}") as channel:
        stream = channel.stream_unary(f"/{SERVICE}/{METHOD}")

        async def nothing(until: asyncio.Event) -> AsyncIterator[bytes]:
            await until.wait()
            return
            yield b""

        at_once = asyncio.Event()
        at_once.set()
        assert await refused(stream(nothing(at_once))) == (CODE.INVALID_ARGUMENT, "The call has no message.")
        monkeypatch.setattr(otlp_grpc, "MESSAGE_S", 0.0)
        code, message = await refused(stream(nothing(asyncio.Event())))
        assert (code, message) == (CODE.UNAVAILABLE, "The rest of the call's message did not come.")
        assert port._arriving.used == 0


async def test_one_client_cannot_keep_all_places_for_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp_grpc, "MESSAGES_AT_ONCE", 1)
    spans = Spans()
    async with serving(spans) as (port, _), exporter(port) as export:
        port._arriving.take("somebody else")
        code, message = await refused(export(b"\n\0"))
        assert (code, message) == (CODE.UNAVAILABLE, "Too many messages are on their way; try again.")
        port._arriving.give_back("somebody else")
        await export(b"\n\0")


async def test_bytes_that_are_no_grpc_and_other_methods_harm_nobody(caplog: pytest.LogCaptureFixture) -> None:
    spans = Spans()
    async with serving(spans) as (port, _), grpc.aio.insecure_channel(f"{HOST}:{port.port}") as channel:
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", preface + b"\xff" * 64, b"\0" * 4096, preface[:10], b""):
            reader, writer = await asyncio.open_connection(HOST, port.port)
            writer.write(garbage)
            if writer.can_write_eof():
                writer.write_eof()
            await reader.read()
            writer.close()
        for method in (f"/{SERVICE}/Other", "/opentelemetry.proto.collector.logs.v1.LogsService/Export"):
            assert (await refused(channel.unary_unary(method)(b"\n\0")))[0] is CODE.UNIMPLEMENTED
        await channel.unary_unary(f"/{SERVICE}/{METHOD}")(b"\n\0")
    assert len(spans.came) == 1
    assert not caplog.records


async def test_metadata_that_no_header_could_have_are_refused() -> None:
    spans = Spans()
    headers = [("x-mlflow-experiment-id", "7\r\nx-forwarded-for: 1.2.3.4")]
    port = GrpcListener(ListenSettings(host=HOST, port=0, otlp_grpc_port=0), WebSettings(), None)

    class Context:
        def invocation_metadata(self) -> Any:
            return headers

    code, message, _ = await port._answered(None, Context(), HOST)
    assert (code, "x-mlflow-experiment-id" in message) == (CODE.INVALID_ARGUMENT, True)
    await port.stop()
    assert not spans.came


async def test_a_call_under_way_ends_before_the_server_does() -> None:
    spans = Spans()
    spans.wait.clear()
    async with serving(spans) as (port, _), exporter(port) as export:
        call = asyncio.ensure_future(export(b"\n\0"))
        while not spans.came:
            await asyncio.sleep(0)
        stopping = asyncio.create_task(port.stop(30.0))
        await asyncio.sleep(0)
        spans.wait.set()
        assert await call == b""
        await stopping


async def test_a_client_that_is_gone_leaves_nothing_behind() -> None:
    spans = Spans()
    spans.wait.clear()
    async with serving(spans) as (port, client), exporter(port) as export:
        call = export(b"\n\0")
        sending = asyncio.ensure_future(call)
        while not spans.came:
            await asyncio.sleep(0)
        http = client.server.runner.server  # type: ignore[union-attr]
        assert isinstance(http, Server)
        sending.cancel()
        while http.open:
            await asyncio.sleep(0)
        spans.wait.set()
        assert http.shares.connections.used == 0


async def test_by_tls_a_certificate_names_the_user_and_none_is_no_way_in(tmp_path: Path) -> None:
    authority = Authority()
    names = ("certificate", "key", "authority")
    files = {name: tmp_path / f"{name}.pem" for name in names}
    key, certificate = authority.issue("server", HOST)
    for name, content in zip(names, (certificate, key, authority.certificate), strict=True):
        files[name].write_bytes(content)
    tls = TlsSettings(
        certificate=files["certificate"],
        key=files["key"],
        authorities=files["authority"],
        client_certificates=ssl.CERT_REQUIRED,
    )
    spans = Spans()
    client_key, client_certificate = authority.issue("ada")
    async with serving(spans, tls) as (port, _):
        known = grpc.ssl_channel_credentials(authority.certificate, client_key, client_certificate)
        async with grpc.aio.secure_channel(f"{HOST}:{port.port}", known) as channel:
            await channel.unary_unary(f"/{SERVICE}/{METHOD}")(b"\n\0")
        unknown = grpc.ssl_channel_credentials(authority.certificate)
        async with grpc.aio.secure_channel(f"{HOST}:{port.port}", unknown) as channel:
            assert (await refused(channel.unary_unary(f"/{SERVICE}/{METHOD}")(b"\n\0")))[0] is CODE.UNAVAILABLE
    assert [actor.user for _, _, actor in spans.came] == ["ada"]


async def test_a_port_that_is_taken_is_not_shared() -> None:
    taken = free_port()
    listen = ListenSettings(host=HOST, port=0, otlp_grpc_port=taken)
    first = GrpcListener(listen, WebSettings(), None)
    with pytest.raises(AddressTaken, match="--otlp-grpc-port"):
        GrpcListener(listen, WebSettings(), None)
    await first.stop()


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.1:5000", "192.0.2.1"),
        ("ipv6:%5B2001:db8::1%5D:5000", "2001:db8::1"),
        ("ipv6:[::ffff:192.0.2.1]:5000", "192.0.2.1"),
        ("unix:/run/socket", ""),
        ("", ""),
    ],
)
def test_the_address_of_a_client_is_read_from_what_grpc_says(peer: str, address: str) -> None:
    assert address_of(peer) == address


def test_other_names_of_a_certificate_are_known_by_their_kinds() -> None:
    assert certificate_in({"transport_security_type": [b"ssl"]}) == {}
    assert certificate_in({"peer_uri": [b"spiffe://a"]})["subjectAltName"] == (("URI", "spiffe://a"),)
