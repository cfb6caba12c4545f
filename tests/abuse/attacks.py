"""What hostile clients do to a server, each kind from an address of its own of this machine, until a moment comes.

Every attack goes to 127.0.0.1 alone, holds a bounded number of connections, and ends by itself.
"""

import asyncio
import gzip
import json
import random
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

API: Final = "/api/2.0/mlflow"
MIB: Final = 1024 * 1024
ANSWER_S: Final = 60.0
BREATH_S: Final = 0.02
"""Between two rounds of an attack: two cores also have to run the server."""


@dataclass
class Target:
    """The server that is attacked, until when, and how it answered.

    `fat` is a run whose answer is large, `huge` and `bombs` are requests that take a while to make.
    """

    port: int
    fat: str
    huge: Sequence[Sequence[bytes]]
    bombs: Sequence[Sequence[bytes]]
    until: float = 0.0
    answers: "Counter[tuple[str, int]]" = field(default_factory=Counter)

    def goes_on(self) -> bool:
        return time.monotonic() < self.until


Attack = Callable[[Target, str], Awaitable[None]]


async def connected(
    target: Target, address: str, receive_bytes: int | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection from `address`, which takes answers `receive_bytes` at a time."""
    end = socket.socket()
    try:
        if receive_bytes is not None:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        end.setblocking(False)
        end.bind((address, 0))
        await asyncio.get_running_loop().sock_connect(end, ("127.0.0.1", target.port))
    except BaseException:
        end.close()
        raise
    return await asyncio.open_connection(sock=end, limit=65_536)


def head(method: str, path: str, length: int | str | None, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


async def ask(target: Target, address: str, name: str, *parts: bytes) -> int:
    """Send a request and read its answer; its status, or 0 when the server ended the connection."""
    status = 0
    with suppress(OSError, asyncio.IncompleteReadError, TimeoutError, asyncio.LimitOverrunError):
        reader, writer = await connected(target, address)
        try:
            async with asyncio.timeout(ANSWER_S):
                for part in parts:
                    with suppress(ConnectionError):
                        writer.write(part)
                        await writer.drain()
                line = await reader.readline()
                status = int(line.split()[1]) if line.startswith(b"HTTP/1.1 ") else 0
        finally:
            writer.transport.abort()
    target.answers[name, status] += 1
    return status


async def repeatedly(target: Target, address: str, name: str, *requests: Sequence[bytes], at_once: int = 4) -> None:
    """Send requests in turn, several at once, for as long as the attack lasts."""

    async def one() -> None:
        while target.goes_on():
            await ask(target, address, name, *random.choice(requests))
            await asyncio.sleep(BREATH_S)

    await asyncio.gather(*(one() for _ in range(at_once)))


def post(path: str, body: bytes, *headers: str) -> Sequence[bytes]:
    return head("POST", f"{API}/{path}", len(body), *headers), body


def huge_bodies_of(run_id: str) -> list[Sequence[bytes]]:
    """Bodies that take long to decode, or that keep what is refused."""
    many = b'{"run_id":"%s",' % run_id.encode() + b",".join(b'"k%d":1' % n for n in range(1_000_000)) + b"}"
    key = json.dumps({"run_id": run_id, "key": "k" * (15 * MIB), "value": 1, "timestamp": 1}).encode()
    text = json.dumps({"experiment_id": "0", "run_name": "n" * (15 * MIB)}).encode()
    tags = json.dumps({"experiment_id": "0", "tags": [{"key": f"t{n}", "value": "v"} for n in range(100_000)]}).encode()
    return [
        post("runs/log-batch", many),
        post("runs/log-batch", key),
        post("runs/log-batch", b"[" * (8 * MIB)),
        post("runs/log-batch", b'{"metrics":[' + b"{}," * (4 * MIB) + b"{}]}"),
        post("runs/log-metric", json.dumps({"run_id": run_id, "key": "k" * (MIB - 1000), "value": 1}).encode()),
        post("runs/create", text),
        post("runs/create", tags),
    ]


def bombs() -> list[Sequence[bytes]]:
    """Little that unpacks to much."""
    bomb = gzip.compress(b'{"run_id":"' + b"x" * (100 * MIB) + b'"}', 1)
    nested = gzip.compress(gzip.compress(b" " * (50 * MIB), 1))
    return [
        post("runs/log-batch", bomb, "Content-Encoding: gzip"),
        post("runs/create", nested, "Content-Encoding: gzip"),
        post("runs/create", bomb, "Content-Encoding: deflate"),
    ]


async def huge_requests(target: Target, address: str) -> None:
    await repeatedly(target, address, "huge bodies", *target.huge, at_once=3)


async def bombing(target: Target, address: str) -> None:
    await repeatedly(target, address, "bombs", *target.bombs)


async def announced(target: Target, address: str) -> None:
    """Bodies that are announced and do not come, or come a byte at a time."""

    async def one(number: int) -> None:
        while target.goes_on():
            with suppress(OSError, TimeoutError):
                _, writer = await connected(target, address)
                try:
                    if number % 2:
                        writer.write(head("POST", f"{API}/runs/log-batch", 16 * MIB))
                    else:
                        writer.write(head("PUT", "/api/2.0/mlflow-artifacts/artifacts/0/slow", 64 * MIB))
                        writer.write(b"x" * 400_000)
                    for _ in range(100):
                        if not target.goes_on() or writer.is_closing():
                            break
                        writer.write(b" ")
                        await writer.drain()
                        await asyncio.sleep(0.2)
                finally:
                    writer.transport.abort()
            await asyncio.sleep(BREATH_S)

    await asyncio.gather(*(one(number) for number in range(200)))


async def unread(target: Target, address: str) -> None:
    """Large answers that are asked for and not read."""

    async def one() -> None:
        while target.goes_on():
            with suppress(OSError, TimeoutError):
                reader, writer = await connected(target, address, 4096)
                try:
                    writer.write(head("GET", f"{API}/runs/get?run_id={target.fat}", None) * 20)
                    await reader.read(100)
                    while target.goes_on() and not writer.is_closing() and not reader.at_eof():
                        await asyncio.sleep(0.5)
                finally:
                    writer.transport.abort()
            await asyncio.sleep(BREATH_S)

    await asyncio.gather(*(one() for _ in range(60)))


async def silent(target: Target, address: str) -> None:
    """Connections that say nothing, or begin to."""

    async def one(number: int) -> None:
        while target.goes_on():
            with suppress(OSError, TimeoutError):
                reader, writer = await connected(target, address)
                try:
                    if number % 3:
                        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"c" * (number * 100))
                    async with asyncio.timeout(max(0.1, target.until - time.monotonic())):
                        await reader.read()
                finally:
                    writer.transport.abort()
            await asyncio.sleep(0.5)

    await asyncio.gather(*(one(number) for number in range(400)))


async def garbage(target: Target, address: str) -> None:
    """What is not HTTP, and headers that libraries fall over."""
    ask_for = f"{API}/experiments/get?experiment_id=0"
    upload = "/api/2.0/mlflow-artifacts/artifacts/0/file"
    await repeatedly(
        target,
        address,
        "garbage",
        [b"\x16\x03\x01" + random.randbytes(500)],
        [b"NONSENSE / HTTP/1.1\r\nAuthorization: secret\r\n\r\n"],
        [head("GET", ask_for, None, "Authorization: " + "s" * 70_000)],
        [head("GET", ask_for, None, *[f"X-{n}: " + "s" * 60_000 for n in range(20)])],
        [head("GET", ask_for, None, "User-Agent: " + "u" * 60_000)],
        [head("GET", ask_for, None, f"User-Agent: {random.random()}")],
        [head("GET", ask_for, None, "Expect: nothing")],
        [head("POST", f"{API}/runs/create", None, "Transfer-Encoding: chunked"), b"zz\r\n"],
        [head("POST", f"{API}/runs/create", "1\r\nContent-Length: 2")],
        [head("GET", upload, None, "If-Modified-Since: Sun, 06 Nov 12345678901234 08:49:37 GMT")],
        [head("GET", upload, None, "Range: bytes=99999999999999999999-")],
        [head("GET", rf"/\evil.example//{random.random()}", None)],
        [head("GET", f"{API}/runs/get?run_id=" + "r" * 60_000, None)],
    )


async def transfers(target: Target, address: str) -> None:
    """Uploads that stop in the middle, and downloads that nobody takes."""
    path = "/api/2.0/mlflow-artifacts/artifacts/0/large"
    await ask(target, address, "transfers", head("PUT", path, 8 * MIB), b"x" * (8 * MIB))

    async def one(number: int) -> None:
        while target.goes_on():
            with suppress(OSError, TimeoutError):
                _, writer = await connected(target, address, 4096)
                try:
                    if number % 2:
                        writer.write(head("GET", path, None))
                    else:
                        writer.write(head("PUT", f"{path}-{number}", 32 * MIB))
                        async with asyncio.timeout(2):
                            for _ in range(16):
                                writer.write(b"x" * MIB)
                                await writer.drain()
                    await asyncio.sleep(min(3.0, max(0.0, target.until - time.monotonic())))
                finally:
                    writer.transport.abort()
            await asyncio.sleep(BREATH_S)

    await asyncio.gather(*(one(number) for number in range(100)))


ATTACKS: Final[dict[str, Attack]] = {
    "127.0.0.2": huge_requests,
    "127.0.0.3": announced,
    "127.0.0.4": unread,
    "127.0.0.5": silent,
    "127.0.0.6": garbage,
    "127.0.0.7": transfers,
    "127.0.0.8": bombing,
}


async def attack(target: Target, attacks: dict[str, Attack]) -> None:
    """Run all attacks at once until the target's time has come."""
    await asyncio.gather(*(one(target, address) for address, one in attacks.items()))
