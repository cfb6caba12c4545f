"""A receiver of webhooks in a process of its own, written to cost little CPU: it answers 200 and counts."""

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_LENGTH = b"content-length: "


class Receiver:
    """What came to `url` since the last `restart`. `repeats`: calls whose delivery id was there already."""

    def __init__(self, url: str, pipe: Any) -> None:
        self.url = url
        self._pipe = pipe

    def restart(self) -> None:
        self._pipe.send("restart")
        self._pipe.recv()

    def counts(self) -> tuple[int, int, float]:
        """How many calls came, how many of them were repeats, and the seconds from the first to the last."""
        self._pipe.send("counts")
        calls, ids, first, last = self._pipe.recv()
        return calls, calls - ids, last - first

    def wait_for(self, calls: int, within_s: float) -> tuple[int, int, float]:
        """The counts once so many calls came. Raises TimeoutError."""
        deadline = time.perf_counter() + within_s
        while (counts := self.counts())[0] < calls:
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{counts[0]} of {calls} calls came within {within_s:g} s")
            time.sleep(0.05)
        return counts


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver for as long as the context lasts."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_receive, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Receiver(f"http://127.0.0.1:{ours.recv()}/", ours)
    finally:
        ours.close()
        process.join()


class _Counts:
    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.calls = 0
        self.ids: set[bytes] = set()
        self.first = self.last = 0.0

    def came(self, head: bytes) -> None:
        self.last = time.perf_counter()
        if not self.calls:
            self.first = self.last
        self.calls += 1
        self.ids.add(head.partition(b"x-mlflow-delivery-id: ")[2][:36])


class _Connection(asyncio.Protocol):
    def __init__(self, counts: _Counts) -> None:
        self._counts = counts
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower() + b"\r\n"
            length = int(head.partition(_LENGTH)[2].partition(b"\r\n")[0])
            if len(self._received) < end + 4 + length:
                return
            self._received = self._received[end + 4 + length :]
            self._counts.came(head)
            self._transport.write(_ANSWER)


def _receive(pipe: Any) -> None:
    import uvloop

    uvloop.run(_serve(pipe))


async def _serve(pipe: Any) -> None:
    counts, over = _Counts(), asyncio.Event()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(counts), "127.0.0.1", 0)

    def answer() -> None:
        try:
            wish = pipe.recv()
        except EOFError:
            loop.remove_reader(pipe.fileno())
            over.set()
            return
        if wish == "restart":
            counts.restart()
            pipe.send(None)
        else:
            pipe.send((counts.calls, len(counts.ids), counts.first, counts.last))

    loop.add_reader(pipe.fileno(), answer)
    pipe.send(server.sockets[0].getsockname()[1])
    await over.wait()
    server.close()
