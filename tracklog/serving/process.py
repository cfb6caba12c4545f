"""Serving a list of routes over HTTP until a signal says to stop: what every process that listens has in common."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tracklog.serving.addresses import Reach, reach
from tracklog.serving.certificates import Certificates
from tracklog.serving.listening import bound_sockets
from tracklog.serving.services import CannotStart, Open, Services, ToldToStop
from tracklog.settings.process import ListenSettings, WebSettings
from tracklog.web.access_log import AccessLog
from tracklog.web.app import FRONT_DOOR, create_app, create_runner
from tracklog.web.bounds import bounds_with, raise_open_files
from tracklog.web.metrics import RequestCounts, ServerMetrics
from tracklog.web.metrics_route import metrics_route
from tracklog.web.readiness import Readiness, announce_until_ready, ready_route
from tracklog.web.server import Listener, Runner, Server

if TYPE_CHECKING:
    from tracklog.serving.otlp_grpc import GrpcListener

logger = logging.getLogger(__name__)

BACKLOG: Final = 1024
"""Connections that may wait to be accepted: a burst of as many clients as requests may be under way."""

DRAIN_S: Final = 8.0
"""How long requests under way may take to end once the server is told to stop. Orchestrators kill after ten."""

CLOSE_S: Final = 1.0
"""How long the last answers may take to be written once every handler is done."""

KEEP_ALIVE_S: Final = 620.0
"""Longer than the idle time of usual load balancers, so that none reuses a connection that is being closed."""

ACCESS_LOG_FD: Final = 1
"""Standard output; whatever else there is to say goes to standard error."""


async def serve(
    services: Open,
    listen: ListenSettings,
    web_settings: WebSettings,
    *,
    greeting: Callable[[Reach], str],
    announce: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is under way, and return. A second signal ends at once.

    `greeting` makes what is announced at the start, given how the server is reached.
    Raises AddressTaken, and whatever opening the services raises, before anything is served.
    """
    stopping = asyncio.Event()
    listen_to_signals(stopping)
    listeners = bound_sockets(listen.host, listen.port)
    certificates = None if listen.tls is None else Certificates(listen.tls)
    calls = None if listen.otlp_grpc_port is None else _grpc_listener(listen, web_settings, certificates)
    with contextlib.suppress(ToldToStop):
        await _serve_until(stopping, services, listeners, certificates, calls, listen, web_settings, greeting, announce)


def _grpc_listener(
    listen: ListenSettings, web_settings: WebSettings, certificates: Certificates | None
) -> "GrpcListener":
    from tracklog.serving.otlp_grpc import GrpcListener  # with it comes the library, which few servers need

    return GrpcListener(listen, web_settings, certificates)


async def _serve_until(
    stopping: asyncio.Event,
    services: Open,
    listeners: Sequence[socket.socket],
    certificates: Certificates | None,
    calls: "GrpcListener | None",
    listen: ListenSettings,
    web_settings: WebSettings,
    greeting: Callable[[Reach], str],
    announce: Callable[[str], None],
) -> None:
    asyncio.get_running_loop().set_exception_handler(log_broken_callback)
    async with services(stopping) as served:
        readiness = Readiness(served.needs, served.notices)
        runner, app = await _started(served, readiness, web_settings)
        server = runner.server
        assert isinstance(server, Server)
        accepting = [Listener(listener, server, certificates) for listener in listeners]
        try:
            for listener in accepting:
                listener.start(BACKLOG)
            if calls is not None:
                await calls.start(server)
            # What lives now lives until the end: the collector need not look at it again.
            gc.freeze()
            # A batch of a thousand points is thousands of objects in no cycle.
            gc.set_threshold(50_000, 20, 20)

            announce(greeting(_reach(listeners, listen, web_settings)))
            if calls is not None:
                announce(f"  spans are taken by gRPC at port {calls.port}")
            telling = asyncio.create_task(announce_until_ready(readiness, announce))
            async with server.looking(), certificates.looking() if certificates else contextlib.nullcontext():
                await stopping.wait()
            telling.cancel()
            announce("Stopping: answering what is under way.")
            for listener in accepting:
                listener.stop()
            await asyncio.gather(app[FRONT_DOOR].drain(DRAIN_S), *((calls.stop(DRAIN_S),) if calls is not None else ()))
        finally:
            for listener in accepting:
                listener.stop()
            if calls is not None:
                await calls.stop()
            await runner.cleanup()


async def _started(served: Services, readiness: Readiness, settings: WebSettings) -> tuple[Runner, web.Application]:
    if settings.authentication is not None and served.authenticator is None:
        raise CannotStart("Users are to be known, and this process has nothing to know them by.")
    counts = RequestCounts()
    app = create_app(
        [
            *(route for route in served.routes if route.kind in served.kinds),
            metrics_route(ServerMetrics(counts, served.metrics)),
            ready_route(readiness, served.position),
        ],
        settings,
        counts=counts,
        access_log=AccessLog(ACCESS_LOG_FD, counts) if settings.access_log else None,
        kinds=served.kinds,
        role=served.role,
        bounds=bounds_with(raise_open_files()),
        authenticator=served.authenticator,
        authorizer=served.authorizer,
        browsers=served.browsers,
        position=served.position,
    )
    runner = create_runner(app, handle_signals=False, keepalive_timeout=KEEP_ALIVE_S, shutdown_timeout=CLOSE_S)
    await runner.setup()
    return runner, app


def log_broken_callback(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log an exception that no code caught. The context's objects are left out: they show what a request held."""
    logger.error("%s", context.get("message", "a callback failed"), exc_info=context.get("exception"))


def _reach(listeners: Sequence[socket.socket], listen: ListenSettings, web_settings: WebSettings) -> Reach:
    bound = [listener.getsockname() for listener in listeners]
    return reach(
        listen.host,
        [address[0] for address in bound],
        bound[0][1],
        prefix=web_settings.static_prefix,
        allowed_hosts=web_settings.allowed_hosts,
        tls=listen.tls,
        user_header=web_settings.user_header,
        knows_users=web_settings.authentication is not None,
    )


def listen_to_signals(stopping: asyncio.Event) -> None:
    """Set `stopping` at the first SIGTERM or SIGINT, and end the process at the second."""

    def stop(number: signal.Signals) -> None:
        if stopping.is_set():
            # The log is whole at every moment; children leave when their parent is gone.
            os._exit(128 + number)
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
