"""Serving a list of routes over HTTP until a signal says to stop: what every process that listens has in common."""

import asyncio
import contextlib
import errno
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from schemas.rest.route import Kind, Route
from tracklog.serving.addresses import ANY_IPV4, ANY_IPV6, Reach, in_url, reach
from tracklog.settings.settings import ListenSettings, WebSettings
from tracklog.web.access_log import AccessLog
from tracklog.web.app import FRONT_DOOR, create_app, create_runner
from tracklog.web.bounds import bounds_with, raise_open_files
from tracklog.web.metrics import DoorCounts, MetricSource, ServerMetrics
from tracklog.web.metrics_route import metrics_route
from tracklog.web.readiness import Check, Readiness, ready_route, tell_until_ready
from tracklog.web.server import Listener, Runner, Server

logger = logging.getLogger("tracklog.serving.serving")

BACKLOG: Final = 1024
"""Connections that may wait to be accepted: a burst of as many clients as requests may be under way."""

_FREE_PORTS_TRIED: Final = 20
"""For a server at several addresses that takes any free port: one port must be free at all of them."""

DRAIN_S: Final = 8.0
"""How long requests under way may take to end once the server is told to stop. Orchestrators kill after ten."""

CLOSE_S: Final = 1.0
"""How long the last answers may take to be written once every handler is done."""

KEEP_ALIVE_S: Final = 620.0
"""Longer than the idle time of usual load balancers, so that none reuses a connection that is being closed."""

ACCESS_LOG_FD: Final = 1
"""Standard output; whatever else there is to say goes to standard error."""

EVERY_KIND: Final = frozenset(Kind)


class AddressTaken(Exception):
    """Somebody else listens where this server should."""


class CannotStart(Exception):
    """What the process needs did not come within a bound; the message says what and why."""


class ToldToStop(Exception):
    """The process was told to stop before it had what it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What a process serves: routes, what it tells in its metrics, and what it needs to be ready, by name.

    `role` names the process where others serve the rest, whose kinds of routes are not in `kinds`.
    """

    routes: Sequence[Route]
    metrics: Sequence[MetricSource] = ()
    needs: Mapping[str, Check] = field(default_factory=dict)
    kinds: frozenset[Kind] = EVERY_KIND
    role: str | None = None


Open = Callable[[asyncio.Event], AbstractAsyncContextManager[Services]]
"""Opens the services of a process, and closes them when the context is left. The event is set when it is to stop;
who still waits for something then raises ToldToStop. Raises CannotStart where that does not come within a bound."""


async def serve(
    services: Open,
    listen: ListenSettings,
    web_settings: WebSettings,
    *,
    greeting: Callable[[Reach], str],
    announce: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is under way, and return. A second signal ends at once.

    `greeting` says what an operator is told at the start, given how the server is reached.
    Raises AddressTaken, and whatever opening the services raises, before anything is served.
    """
    stopping = asyncio.Event()
    listen_to_signals(stopping)
    listeners = bound_sockets(listen.host, listen.port)
    with contextlib.suppress(ToldToStop):
        await _serve_until(stopping, services, listeners, listen, web_settings, greeting, announce)


async def _serve_until(
    stopping: asyncio.Event,
    services: Open,
    listeners: Sequence[socket.socket],
    listen: ListenSettings,
    web_settings: WebSettings,
    greeting: Callable[[Reach], str],
    announce: Callable[[str], None],
) -> None:
    asyncio.get_running_loop().set_exception_handler(log_broken_callback)
    async with services(stopping) as served:
        readiness = Readiness(served.needs)
        runner, app = await _started(served, readiness, web_settings)
        server = runner.server
        assert isinstance(server, Server)
        accepting = [Listener(listener, server) for listener in listeners]
        try:
            for listener in accepting:
                listener.start(BACKLOG)
            # What lives now lives until the end: the collector need not look at it again.
            gc.freeze()
            # A batch of a thousand points is thousands of objects in no cycle.
            gc.set_threshold(50_000, 20, 20)

            announce(greeting(_reach(listeners, listen, web_settings)))
            telling = asyncio.create_task(tell_until_ready(readiness, announce))
            async with server.looking():
                await stopping.wait()
            telling.cancel()
            announce("Stopping: answering what is under way.")
            for listener in accepting:
                listener.stop()
            await app[FRONT_DOOR].drain(DRAIN_S)
        finally:
            for listener in accepting:
                listener.stop()
            await runner.cleanup()


async def _started(served: Services, readiness: Readiness, settings: WebSettings) -> tuple[Runner, web.Application]:
    counts = DoorCounts()
    app = create_app(
        [
            *(route for route in served.routes if route.kind in served.kinds),
            metrics_route(ServerMetrics(counts, served.metrics)),
            ready_route(readiness),
        ],
        settings,
        counts=counts,
        access_log=AccessLog(ACCESS_LOG_FD, counts) if settings.access_log else None,
        kinds=served.kinds,
        role=served.role,
        bounds=bounds_with(raise_open_files()),
    )
    runner = create_runner(app, handle_signals=False, keepalive_timeout=KEEP_ALIVE_S, shutdown_timeout=CLOSE_S)
    await runner.setup()
    return runner, app


def log_broken_callback(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what nobody caught. The context's objects are left out: they show what a request held."""
    logger.error("%s", context.get("message", "a callback failed"), exc_info=context.get("exception"))


def bound_sockets(host: str, port: int) -> list[socket.socket]:
    """Sockets that hold `port` on every address of `host`, and do not listen yet.

    `::` is every address of this machine: a socket for IPv6 and one for IPv4, so that each client is known by its own
    address. They are bound before anything is opened, so that a server that cannot be reached leaves nothing behind.
    Raises AddressTaken.
    """
    addresses = _addresses(host, port)
    attempts_left = 1 if port else _FREE_PORTS_TRIED
    while True:
        attempts_left -= 1
        try:
            return _bound(addresses, port)
        except OSError as error:
            if attempts_left and error.errno == errno.EADDRINUSE:
                continue  # the port that was free at the first address is not at another
            why = os.strerror(error.errno or 0)
            raise AddressTaken(
                f"Cannot listen on {in_url(host)}:{port}: {why}; choose another --port or --host."
            ) from error


def _bound(addresses: Iterable[tuple[socket.AddressFamily, Any]], port: int) -> list[socket.socket]:
    """A socket at each address, all with one port: `port`, or what the system gives the first. Raises OSError."""
    found: list[socket.socket] = []
    try:
        for family, address in addresses:
            listener = socket.socket(family, socket.SOCK_STREAM)
            found.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((address[0], port or found[0].getsockname()[1], *address[2:]))
            listener.setblocking(False)
    except BaseException:
        for listener in found:
            listener.close()
        raise
    return found


def _addresses(host: str, port: int) -> dict[tuple[socket.AddressFamily, Any], None]:
    """Families and addresses of `host`, in order. Raises AddressTaken."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        if host == ANY_IPV6:
            found += socket.getaddrinfo(ANY_IPV4, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise AddressTaken(f"--host {host} is not an address of this machine: {error.strerror}.") from error
    return dict.fromkeys((family, address) for family, _, _, _, address in found)


def _reach(listeners: Sequence[socket.socket], listen: ListenSettings, web_settings: WebSettings) -> Reach:
    bound = [listener.getsockname() for listener in listeners]
    return reach(
        listen.host,
        [address[0] for address in bound],
        bound[0][1],
        prefix=web_settings.static_prefix,
        allowed_hosts=web_settings.allowed_hosts,
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
