"""Keep-alive HTTP/1.1 load from a process of its own, written to cost little CPU.

The generator shares the cores with the server it measures, so it is one epoll loop over plain sockets: requests are
bytes made before the clock starts, and of an answer only status and length are parsed. Every connection follows a
script, a generator that yields the next request and receives the answer to the one before.
"""

import gc
import multiprocessing
import select
import socket
import time
from array import array
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from bench import workloads

Script = Generator[bytes, bytes | None, None]

DRAIN_S = 60.0
"""How long answers still under way at the end are waited for; a slow server must not hang the run."""
ERROR_TEXTS_KEPT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """What to send, from how many connections, for how long.

    Without `duration_s` the load ends with the last script. `limit_s` bounds either kind. `authorization` is a header
    of every request.
    """

    port: int
    workload: str
    parameters: dict[str, Any]
    connections: int = 32
    warmup_s: float = 0.0
    duration_s: float | None = None
    limit_s: float = 600.0
    authorization: str | None = None


@dataclass(slots=True, kw_only=True)
class LoadResult:
    """What came of a plan. Counts, times and latencies leave the warm-up out; errors include it."""

    requests: int
    elapsed_s: float
    errors: int
    error_texts: list[str]
    latencies_ms: list[float]
    generator_cpu_s: float
    kept: list[Any] = field(default_factory=list)
    cut_short: bool = False

    @property
    def per_second(self) -> float:
        return self.requests / self.elapsed_s if self.elapsed_s > 0 else 0.0

    def latency_ms(self, quantile: float) -> float:
        """The latency below which `quantile` of the requests were answered."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(quantile * len(ordered)))] if ordered else float("nan")

    def summary(self) -> dict[str, Any]:
        """The figures worth keeping in the raw results."""
        return {
            "requests": self.requests,
            "elapsed_s": round(self.elapsed_s, 3),
            "errors": self.errors,
            "error_texts": self.error_texts,
            "p50_ms": round(self.latency_ms(0.5), 3),
            "p95_ms": round(self.latency_ms(0.95), 3),
            "p99_ms": round(self.latency_ms(0.99), 3),
            "generator_cpu_s": round(self.generator_cpu_s, 2),
        }


def generate(plan: LoadPlan) -> LoadResult:
    """Carry out a plan in a fresh process and return what it saw."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(plan, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        outcome = ours.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"load generator ended with exit code {process.exitcode}") from None
    finally:
        ours.close()
    process.join()
    if isinstance(outcome, LoadResult):
        return outcome
    raise RuntimeError(f"load generator failed: {outcome}")


def _work(plan: LoadPlan, pipe: Any) -> None:
    try:
        outcome: LoadResult | str = _Load(plan).run()
    except Exception as error:  # carried to the parent, which raises it
        outcome = f"{type(error).__name__}: {error}"
    pipe.send(outcome)
    pipe.close()


_UNTIL_LAST_CHUNK = -2
_RECEIVED = memoryview(bytearray(1 << 20))
"""Where every answer is first received; a new megabyte for each would cost three system calls."""


class _Connection:
    """One keep-alive connection with the script it follows and the answer it is reading."""

    __slots__ = ("answer", "missing", "script", "sent_at", "socket", "status", "unsent")

    def __init__(self, port: int, script: Script) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.script = script
        self.answer = bytearray()
        self.missing = 0
        self.status = b""
        self.unsent: memoryview | None = None
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.answer.clear()
        self.missing = -1
        self.sent_at = time.perf_counter()
        self.unsent = memoryview(request)
        self.flush()

    def flush(self) -> None:
        """Send what the socket takes; the rest goes when epoll reports room."""
        assert self.unsent is not None
        try:
            sent = self.socket.send(self.unsent)
        except BlockingIOError:
            return
        self.unsent = self.unsent[sent:] if sent < len(self.unsent) else None

    def receive(self) -> bool:
        """Read what has come; true once the answer is whole. The peer's hanging up raises ConnectionError."""
        try:
            received = self.socket.recv_into(_RECEIVED)
        except BlockingIOError:
            return False
        if not received:
            raise ConnectionResetError("server closed the connection")
        self.answer += _RECEIVED[:received]
        if self.missing == -1:
            self._read_head()
        elif self.missing >= 0:
            self.missing -= received
        if self.missing == _UNTIL_LAST_CHUNK:
            # With the line end before it: a head may end in a 0 too, and come alone.
            return self.answer.endswith(b"\r\n0\r\n\r\n")
        return self.missing == 0

    def body(self) -> bytes:
        start = self.answer.index(b"\r\n\r\n") + 4
        return bytes(self.answer[start:])

    def _read_head(self) -> None:
        end = self.answer.find(b"\r\n\r\n")
        if end < 0:
            return
        self.status = bytes(self.answer[9:12])
        head = bytes(self.answer[:end]).lower()
        at = head.find(b"\r\ncontent-length:")
        if at >= 0:
            line_end = head.find(b"\r\n", at + 2)
            length = int(head[at + 17 : line_end if line_end >= 0 else end])
            self.missing = length - (len(self.answer) - end - 4)
        elif b"chunked" in head:
            self.missing = _UNTIL_LAST_CHUNK
        else:
            raise ConnectionError(f"answer without a length: {head[:300]!r}")


class _Load:
    """One plan under way."""

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan
        given = plan.authorization
        self._credentials = b"" if given is None else f"\r\nAuthorization: {given}\r\n\r\n".encode()
        self._kept: list[Any] = []
        self._ended_at = array("d")
        self._latency_s = array("d")
        self._errors = 0
        self._error_texts: list[str] = []
        self._cut_short = False

    def run(self) -> LoadResult:
        plan = self._plan
        scripts = workloads.scripts(plan.workload, plan.parameters, plan.port, plan.connections, self._kept)
        gc.collect()
        gc.freeze()
        gc.disable()
        connections = [_Connection(plan.port, script) for script in scripts]
        cpu_before = time.process_time()
        started = time.perf_counter()
        window = started + plan.warmup_s
        stop = started + min(plan.warmup_s + plan.duration_s if plan.duration_s else plan.limit_s, plan.limit_s)
        self._drive(connections, stop)
        finished = time.perf_counter()
        latencies = [
            latency * 1000
            for ended, latency in zip(self._ended_at, self._latency_s, strict=True)
            if window <= ended <= stop
        ]
        last = max(self._ended_at, default=finished)
        return LoadResult(
            requests=len(latencies),
            elapsed_s=max(min(last, stop) - window, 1e-9),
            errors=self._errors,
            error_texts=self._error_texts,
            latencies_ms=latencies,
            generator_cpu_s=time.process_time() - cpu_before,
            kept=self._kept,
            cut_short=self._cut_short,
        )

    def _drive(self, connections: list[_Connection], stop: float) -> None:
        epoll = select.epoll()
        open_connections = {connection.socket.fileno(): connection for connection in connections}
        for descriptor in open_connections:
            epoll.register(descriptor, select.EPOLLIN)
        for connection in connections:
            self._next(connection, None, epoll, open_connections)
        while open_connections:
            now = time.perf_counter()
            if now > stop + DRAIN_S:
                self._error(f"no answer within {DRAIN_S} s of the end")
                break
            for descriptor, events in epoll.poll(1.0):
                connection = open_connections[descriptor]
                try:
                    if events & select.EPOLLOUT and connection.unsent is not None:
                        connection.flush()
                        if connection.unsent is None:
                            epoll.modify(descriptor, select.EPOLLIN)
                    if events & ~select.EPOLLOUT and connection.receive():
                        self._answered(connection, stop, epoll, open_connections)
                except ConnectionError as error:
                    self._error(f"{type(error).__name__}: {error}")
                    self._close(connection, epoll, open_connections)

    def _answered(
        self, connection: _Connection, stop: float, epoll: select.epoll, open_connections: dict[int, _Connection]
    ) -> None:
        now = time.perf_counter()
        if connection.status == b"200":
            self._ended_at.append(now)
            self._latency_s.append(now - connection.sent_at)
            body: bytes | None = connection.body()
        else:
            self._error(f"{connection.status.decode()}: {connection.body()[:300].decode(errors='replace')}")
            body = None
        if now < stop:
            self._next(connection, body, epoll, open_connections)
        else:
            self._cut_short = True
            self._close(connection, epoll, open_connections)

    def _next(
        self,
        connection: _Connection,
        body: bytes | None,
        epoll: select.epoll,
        open_connections: dict[int, _Connection],
    ) -> None:
        try:
            request = connection.script.send(body)
        except StopIteration:
            self._close(connection, epoll, open_connections)
            return
        if self._credentials:
            request = request.replace(b"\r\n\r\n", self._credentials, 1)
        connection.send(request)
        if connection.unsent is not None:
            epoll.modify(connection.socket.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def _close(self, connection: _Connection, epoll: select.epoll, open_connections: dict[int, _Connection]) -> None:
        descriptor = connection.socket.fileno()
        epoll.unregister(descriptor)
        del open_connections[descriptor]
        connection.socket.close()

    def _error(self, text: str) -> None:
        self._errors += 1
        if len(self._error_texts) < ERROR_TEXTS_KEPT:
            self._error_texts.append(text)
