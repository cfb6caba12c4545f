"""The artifact routes on a real HTTP server in a thread of its own, spoken to byte by byte."""

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from artifact_proxy.artifact_roots import ArtifactRoots, LocalRoot
from artifact_proxy.changes import ArtifactChanges
from artifact_proxy.http.routes import artifact_routes
from artifact_proxy.service import ArtifactProxy
from artifact_proxy.stores.blob_store import BlobStore
from artifact_proxy.stores.local.blob_store import LocalBlobStore
from event_log.port import EventLog
from schemas.envelope import EventClock
from schemas.errors import ResourceDoesNotExist
from tracklog.settings.process import WebSettings
from tracklog.web.app import COUNTS, create_app, create_runner
from tracklog.web.metrics import RequestCounts

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
RUN_ROOTS = dict.fromkeys(("proxied", "proxied/1"), "mlflow-artifacts:/1/run/artifacts")
"""From a run's id, or a version of a registered model, to its artifact root, as the tests begin."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `headers` by lower-case name."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Served:
    """A running server, and what it counts. `run_roots` may be changed while it runs."""

    port: int
    root: Path
    run_roots: dict[str, str]
    counts: RequestCounts = field(default_factory=RequestCounts)

    def ask(self, method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        """Send one request with `target` as it stands, not normalized by any client."""
        lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        with self.connect() as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + (body or b""))
            return parsed(read_all(connection))

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def get_artifact(self, run_id: str, path: str, **headers: str) -> Answer:
        return self.ask("GET", f"/get-artifact?run_id={run_id}&path={quote(path, safe='')}", headers=headers)


def read_all(connection: socket.socket) -> bytes:
    chunks: list[bytes] = []
    while chunk := connection.recv(1 << 20):
        chunks.append(chunk)
    return b"".join(chunks)


def parsed(answer: bytes) -> Answer:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    return Answer(int(status.split()[1]), {name.lower(): value for name, value in pairs}, body)


@contextmanager
def serving(
    root: Path,
    *local_roots: Path,
    serve_artifacts: bool = True,
    make_store: Callable[[], BlobStore] | None = None,
    log: EventLog | None = None,
) -> Iterator[Served]:
    """A server with its destination in `root`, which also reads runs whose artifacts lie in `local_roots`.

    With `make_store` the destination is that store. What changes is recorded in `log`.
    """
    started: list[tuple[int, RequestCounts]] = []
    is_started, is_over = threading.Event(), asyncio.Event()
    run_roots = dict(RUN_ROOTS)

    async def run() -> None:
        async with AsyncExitStack() as stack:
            destination = LocalBlobStore(root) if make_store is None else make_store()
            stack.push_async_callback(destination.close)
            await destination.start()
            others = [LocalRoot(folder, LocalBlobStore(folder)) for folder in local_roots]
            for other in others:
                stack.push_async_callback(other.store.close)
            roots = ArtifactRoots(destination if serve_artifacts else None, [LocalRoot(root, destination), *others])
            proxy = ArtifactProxy(
                roots,
                ArtifactChanges(log, EventClock()),
                artifact_root_of_run=root_of_run,
                artifact_root_of_model=root_of_run,
                files_of_version=root_of_run,
            )
            app = create_app(artifact_routes(proxy), WebSettings(access_log=False), kinds=frozenset())
            runner = create_runner(app, shutdown_timeout=1)
            stack.push_async_callback(runner.cleanup)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            started.append((runner.addresses[0][1], app[COUNTS]))
            loops.append(asyncio.get_running_loop())
            is_started.set()
            await is_over.wait()

    async def root_of_run(run_id: str) -> str:
        if run_id not in run_roots:
            raise ResourceDoesNotExist(f"Run {run_id!r} not found.")
        return run_roots[run_id]

    loops: list[asyncio.AbstractEventLoop] = []
    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        assert is_started.wait(20)
        port, counts = started[0]
        yield Served(port, root, run_roots, counts)
    finally:
        if loops:
            loops[0].call_soon_threadsafe(is_over.set)
        thread.join(20)


def open_descriptors() -> int:
    """How many files and sockets this process has open."""
    return len(os.listdir("/proc/self/fd"))
