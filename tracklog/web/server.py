"""The connections of a process, all together: which are accepted, make room, or have been silent for too long."""

import asyncio
import errno
import gc
import logging
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Final, Protocol

from aiohttp import web
from aiohttp.web_server import Server as FrameworkServer

from schemas.rest.route import MIB
from tracklog.background import in_background
from tracklog.memory.freed import give_back_large_blocks, trimming
from tracklog.web.bounds import Shares, client_of
from tracklog.web.connection import Connection
from tracklog.web.error_answers import refused_connection
from tracklog.web.front_door import FrontDoor
from tracklog.web.metrics import RequestCounts

logger = logging.getLogger("tracklog.web")

LOOK_S: Final = 1.0
"""How often connections are looked at for silence, and so how late it is noticed."""

ACCEPTED_AT_ONCE: Final = 32
"""Then the connections that are open have a turn."""

OUT_OF_RESOURCES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

AGAIN_S: Final = 0.5
"""How long no connection is taken after the system had nothing left for one."""

REFUSED_CONNECTION: Final = refused_connection()

TRIM_FROM_BYTES: Final = 8 * MIB
"""When clients held more than this, what was freed of it is given back to the system afterwards."""

TRIM_AT_LOOKS: Final = (2, 10, 30)
"""After so many looks at which they held little. What was made of a request goes after what it held."""

TELL_AGAIN_S: Final = 60.0
"""How often the log says that connections are turned away, as long as they are."""


class Tls(Protocol):
    """What connections by TLS are accepted with, at the moment."""

    @property
    def context(self) -> ssl.SSLContext: ...


class Server(FrameworkServer):
    """Makes a Connection for each one that is accepted, and keeps them inside the bounds."""

    def __init__(self, framework: FrameworkServer, door: FrontDoor, counts: RequestCounts) -> None:
        super().__init__(
            framework.request_handler,
            request_factory=framework.request_factory,
            loop=framework._loop,
            handler_cancellation=framework.handler_cancellation,
            **framework._kwargs,
        )
        self.door = door
        self.counts = counts
        self.shares: Shares = door.shares
        self.open: set[Connection] = set()
        self.most_held = 0
        """Bytes that clients held at most since memory was given back last."""
        self._trim = trimming()
        give_back_large_blocks()
        self._logged_s = -TELL_AGAIN_S
        self._none_idle_until_s = 0.0

    def __call__(self) -> Connection:
        return Connection(self, loop=self._loop, **self._kwargs)

    def connection_from(self, address: str) -> Connection | None:
        """A connection for a client at `address` that has just come; None when there is no room for it.

        A trusted proxy brings many clients, and is not bounded as one.
        """
        connections = self.shares.connections
        is_proxy = self.door.is_trusted(address)
        if len(self.open) >= connections.limit and not self._made_room(lambda _: True):
            return None
        if not is_proxy:
            client = client_of(address)
            if not connections.take(client) and not (
                self._made_room(lambda other: other.client == client) and connections.take(client)
            ):
                return None
        connection = self()
        connection.comes_from(address, counted=not is_proxy)
        self.open.add(connection)
        return connection

    def never_opened(self, connection: Connection) -> None:
        """A connection was lost before it began."""
        connection.connection_lost(None)

    def turned_away(self, why: str) -> None:
        """Count a connection that was not taken, and say so now and then."""
        self.counts.connections_refused += 1
        now_s = self._loop.time()
        if now_s - self._logged_s >= TELL_AGAIN_S:
            self._logged_s = now_s
            logger.warning("connections are turned away: %s", why)

    def _made_room(self, concerns: Callable[[Connection], bool]) -> bool:
        """Close a few of the connections that have been idle for longest; whether there were any."""
        now_s = self._loop.time()
        if now_s < self._none_idle_until_s:
            return False
        idle = sorted((one for one in self.open if one.is_idle and concerns(one)), key=lambda one: one.since_s)
        if not idle:
            # To look through all of them for each new one would be work that grows with the attack.
            self._none_idle_until_s = now_s + LOOK_S / 10
        for one in idle[: 1 + len(idle) // 16]:
            one.close_idle()
        return bool(idle)

    def looking(self) -> AbstractAsyncContextManager[None]:
        """Look for silence as long as the context lasts."""
        return in_background(self._look_regularly())

    async def _look_regularly(self) -> None:
        quiet_looks = 0
        while True:
            await asyncio.sleep(LOOK_S)
            now_s = self._loop.time()
            for connection in tuple(self.open):
                try:
                    connection.look(now_s)
                except Exception:  # one that cannot be looked at must not hide the others
                    logger.exception("a connection could not be looked at")
                    connection.force_close()
            held = self.counts.held_bytes = self.shares.held_bytes.used
            if self._trim is None or self.most_held <= TRIM_FROM_BYTES:
                continue
            quiet_looks = quiet_looks + 1 if held < TRIM_FROM_BYTES // 2 else 0
            if quiet_looks in TRIM_AT_LOOKS:
                # What refers to itself, as tasks and errors do, would wait for allocations that may not come.
                gc.collect()
                await asyncio.to_thread(self._trim)
                if quiet_looks == TRIM_AT_LOOKS[-1]:
                    self.most_held = quiet_looks = 0


class Runner(web.AppRunner):
    """Runs an application with a Server of ours between it and the network."""

    def __init__(self, app: web.Application, door: FrontDoor, counts: RequestCounts, **options: Any) -> None:
        super().__init__(app, **options)
        self._door = door
        self._counts = counts

    async def _make_server(self) -> Server:
        return Server(await super()._make_server(), self._door, self._counts)


class Listener:
    """Takes the connections of one listening socket, in plain text or by TLS."""

    def __init__(self, listening: socket.socket, server: Server, tls: Tls | None = None) -> None:
        self._listening = listening
        self._server = server
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._is_stopped = False

    def start(self, backlog: int) -> None:
        self._listening.listen(backlog)
        self._loop.add_reader(self._listening.fileno(), self._accept)

    def stop(self) -> None:
        """Take no more, and let go of the socket."""
        if self._is_stopped:
            return
        self._is_stopped = True
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listening.fileno())
        self._listening.close()

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                accepted, address = self._listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in OUT_OF_RESOURCES:
                    self._wait(error)
                    return
                continue  # the client was gone before it was accepted
            accepted.setblocking(False)
            connection = self._server.connection_from(str(address[0]))
            if connection is None:
                limit = self._server.shares.connections.limit
                self._server.turned_away(
                    f"{len(self._server.open)} of {limit} are open, or all that one client may have."
                )
                turn_away(accepted, in_plain_text=self._tls is None)
            else:
                opening = self._loop.create_task(self._open(connection, accepted))
                self._opening.add(opening)
                opening.add_done_callback(self._opening.discard)

    async def _open(self, connection: Connection, accepted: socket.socket) -> None:
        tls: dict[str, Any] = {}
        if self._tls is not None:
            bounds = self._server.shares.bounds
            tls = {"ssl": self._tls.context, "ssl_handshake_timeout": bounds.head_s, "ssl_shutdown_timeout": 1.0}
        try:
            await self._loop.connect_accepted_socket(lambda: connection, accepted, **tls)
        except OSError:  # also of a handshake that failed or took too long
            accepted.close()  # it was gone already
            self._server.never_opened(connection)

    def _wait(self, error: OSError) -> None:
        """The system has nothing left for another connection: leave them in the queue for a while."""
        self._server.turned_away(f"{os.strerror(error.errno or 0)}.")
        self._loop.remove_reader(self._listening.fileno())
        self._pause = self._loop.call_later(AGAIN_S, self._go_on)

    def _go_on(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listening.fileno(), self._accept)


def turn_away(accepted: socket.socket, *, in_plain_text: bool = True) -> None:
    """Tell a client that has just come to come again, as far as that takes no time; by TLS it takes too much."""
    with accepted:
        if not in_plain_text:
            return
        with suppress(OSError):
            # What was read already cannot make the system reset the connection before the answer is read.
            accepted.recv(65_536)
        with suppress(OSError):
            accepted.send(REFUSED_CONNECTION)
            accepted.shutdown(socket.SHUT_WR)
