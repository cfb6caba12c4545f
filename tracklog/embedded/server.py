"""The embedded server: one process that serves every route, on one log with its projector child."""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from aiohttp import web

from event_log.sqlite_event_log import PARTITION
from schemas.rest.route import Route
from tracklog.embedded.system import EmbeddedSystem
from tracklog.page_fetch import default_page_folder, is_complete
from tracklog.settings import Settings
from tracklog.web.access_log import AccessLog
from tracklog.web.app import FRONT_DOOR, create_app
from tracklog.web.metrics import DoorCounts, LogState, ServerMetrics
from tracklog.web.metrics_route import metrics_route

BACKLOG: Final = 1024
"""Connections that may wait to be accepted: a burst of as many clients as requests may be under way."""

DRAIN_S: Final = 8.0
"""How long requests under way may take to end once the server is told to stop. Orchestrators kill after ten."""

CLOSE_S: Final = 1.0
"""How long the last answers may take to be written once every handler is done."""

KEEP_ALIVE_S: Final = 620.0
"""Longer than the idle time of usual load balancers, so that none reuses a connection that is being closed."""

MAX_LINE_BYTES: Final = 64 * 1024
"""A request line names a hundred runs, and a header carries the cookies of other services on the host."""


class AddressTaken(Exception):
    """Somebody else listens where this server should."""


async def serve(settings: Settings, *, announce: Callable[[str], None], access_log_fd: int | None) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is under way, and return. A second signal ends at once.

    Raises AddressTaken, ForeignLog or LogInUse before anything is served.
    """
    stopping = asyncio.Event()
    listen_to_signals(stopping)
    listeners = bound_sockets(settings.host, settings.port)
    counts = DoorCounts()
    async with services(settings, counts) as routes:
        access_log = AccessLog(access_log_fd, counts) if access_log_fd is not None else None
        app = create_app(routes, settings.web, counts=counts, access_log=access_log)
        runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            keepalive_timeout=KEEP_ALIVE_S,
            shutdown_timeout=CLOSE_S,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
            # Bytes stay as they were sent: what a client compressed is stored compressed, and no small body grows.
            auto_decompress=False,
        )
        await runner.setup()
        try:
            sites = [web.SockSite(runner, listener, backlog=BACKLOG) for listener in listeners]
            for site in sites:
                await site.start()
            # What lives now lives until the end: the collector need not look at it again.
            gc.freeze()
            # A batch of a thousand points is thousands of objects in no cycle.
            gc.set_threshold(50_000, 20, 20)

            announce(greeting(settings, listeners[0].getsockname()[1]))
            await stopping.wait()
            announce("Stopping: answering what is under way.")
            for site in sites:
                await site.stop()
            await app[FRONT_DOOR].drain(DRAIN_S)
        finally:
            await runner.cleanup()


@asynccontextmanager
async def services(settings: Settings, counts: DoorCounts) -> AsyncIterator[list[Route]]:
    """The routes of every service this server is made of, while the services run."""
    async with AsyncExitStack() as stack:
        if settings.web.artifacts_only:
            from tracklog.embedded.artifacts_only import artifacts_only_routes

            yield [*await artifacts_only_routes(settings, stack), metrics_route(ServerMetrics(counts, None))]
            return
        system = await stack.enter_async_context(EmbeddedSystem(settings.log_file))
        # The imports take a while, in which the projector child starts too.
        from tracklog.embedded.services import tracking_routes

        routes = await tracking_routes(settings, system, stack)
        yield [*routes, metrics_route(ServerMetrics(counts, lambda: log_state(system)))]


def log_state(system: EmbeddedSystem) -> LogState:
    """Where log and read model are."""
    report = system.progress.report()
    return LogState({PARTITION: system.log.newest_end}, report.checkpoint, report.set_aside)


def bound_sockets(host: str, port: int) -> list[socket.socket]:
    """Sockets that hold `port` on every address of `host`, and do not listen yet.

    They are bound before anything is opened, so that a server that cannot be reached leaves nothing behind.
    Raises AddressTaken.
    """
    found: list[socket.socket] = []
    try:
        addresses = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise AddressTaken(f"--host {host} is not an address of this machine: {error.strerror}.") from error
    for family, kind, protocol, _, address in dict.fromkeys(addresses):
        listener = socket.socket(family, kind, protocol)
        found.append(listener)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            listener.bind(address)
        except OSError as error:
            for one in found:
                one.close()
            raise AddressTaken(
                f"Cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}; choose another --port or --host."
            ) from error
        listener.setblocking(False)
    return found


def listen_to_signals(stopping: asyncio.Event) -> None:
    """Set `stopping` at the first SIGTERM or SIGINT, and end the process at the second."""

    def stop(number: signal.Signals) -> None:
        if stopping.is_set():
            # The log is whole at every moment; the projector child leaves when its front is gone.
            os._exit(128 + number)
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)


def greeting(settings: Settings, port: int) -> str:
    """What an operator is told at the start."""
    address = settings.address_at(port)
    lines = [f"Tracklog serves {address}", f"  point a client there:  export MLFLOW_TRACKING_URI={address}"]
    if not settings.web.artifacts_only:
        lines.append(f"  log:        {settings.log_file}")
    if settings.web.serve_artifacts:
        lines.append(f"  artifacts:  {settings.artifacts_folder}")
    if not settings.web.artifacts_only and not is_complete(default_page_folder()):
        lines.append("  page:       not installed; `tracklog fetch-page` gets it")
    return "\n".join(lines)
