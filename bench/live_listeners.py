"""What listeners to the live history cost a server: `python -m bench.live_listeners --listeners 2000 FOLDER`.

An embedded server in FOLDER takes points one after another, first with nobody listening, then with listeners, of which
each has a run of its own to hear of but for a few that hear everything, and some take nothing that they are sent. It
prints a line of JSON each: how long a point takes, what a listener adds to the memory of the server, how long after its
acknowledgement an event is heard, and what became of those that take nothing.
"""

import argparse
import asyncio
import contextlib
import json
import socket
import time
from pathlib import Path
from typing import Any, Final

from tests.tracklog_server import TracklogServer

OF_ADDRESS: Final = 50
"""Listeners from one of this machine's addresses, 127.0.0.x: a server bounds how many one address may have."""

HEAR_EVERYTHING: Final = 20
TAKE_NOTHING: Final = 20
POINTS: Final = 1500
RUNS: Final = 200
SMALL_BUFFER: Final = 4096


class Client:
    """One connection that asks one thing after another."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> "Client":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def post(self, path: str, **body: Any) -> Any:
        data = json.dumps(body).encode()
        head = f"POST /api/2.0/mlflow/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self._writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        length = next(int(one[15:]) for one in answer.split(b"\r\n") if one.lower().startswith(b"content-length:"))
        told = json.loads(await self._reader.readexactly(length))
        assert answer.startswith(b"HTTP/1.1 200"), told
        return told


class Listeners:
    """Connections that follow the history. `heard` has by the text of an event's step when it was heard first."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.tasks: list[asyncio.Task[None]] = []
        self.heard: dict[int, float] = {}
        self.cut = 0

    async def add(self, number: int, query: str, *, takes_nothing: bool = False) -> None:
        connection = socket.socket()
        connection.setblocking(False)
        connection.bind((f"127.0.{1 + number // OF_ADDRESS // 250}.{1 + number // OF_ADDRESS % 250}", 0))
        if takes_nothing:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self._port))
        limit = SMALL_BUFFER if takes_nothing else 2**16
        reader, writer = await asyncio.open_connection(sock=connection, limit=limit)
        writer.write(f"GET /api/tracklog/v1/history/stream?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        self.tasks.append(asyncio.create_task(self._listen(reader, writer, takes_nothing)))

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, takes_nothing: bool) -> None:
        try:
            if takes_nothing:
                while not writer.transport.is_closing():  # only the server ends it
                    await asyncio.sleep(0.5)
                    with contextlib.suppress(OSError):
                        writer.write(b"\r\n")
                self.cut += 1
                return
            while line := await reader.readline():
                if b'"step":[' in line:
                    step = int(line.partition(b'"step":[')[2].partition(b"]")[0])
                    self.heard.setdefault(step, time.perf_counter())
        except ConnectionError:
            self.cut += takes_nothing
        finally:
            writer.close()


def resident_kib(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def show(what: str, **values: object) -> None:
    print(json.dumps({"what": what, **values}), flush=True)


def quantile(values: list[float], part: float) -> float:
    return round(sorted(values)[int(len(values) * part)] * 1000, 2)


async def log_points(client: Client, runs: list[str], first: int, text: str = "") -> dict[int, tuple[float, float]]:
    """Points one after another, by their steps: when each was asked for, and when it was acknowledged."""
    times: dict[int, tuple[float, float]] = {}
    for step in range(first, first + POINTS):
        asked = time.perf_counter()
        run_id = runs[step % len(runs)]
        await client.post("runs/log-metric", run_id=run_id, key=f"loss{text}", value=0.5, timestamp=1, step=step)
        times[step] = asked, time.perf_counter()
    return times


async def measure(server: TracklogServer, number: int) -> None:
    async with Client(server.port) as client:
        created = [await client.post("runs/create", experiment_id="0", start_time=1) for _ in range(RUNS)]
        runs = [one["run"]["info"]["run_id"] for one in created]
        await log_points(client, runs, 0)
        took = [acknowledged - asked for asked, acknowledged in (await log_points(client, runs, POINTS)).values()]
        show("a point, nobody listening", p50_ms=quantile(took, 0.5), p95_ms=quantile(took, 0.95))
        before = resident_kib(server.pid)
        listeners = Listeners(server.port)
        for one in range(number - TAKE_NOTHING):
            await listeners.add(one, "" if one < HEAR_EVERYTHING else f"run_id={runs[one % RUNS]}")
        show("memory", listeners=number, kib_each=round((resident_kib(server.pid) - before) / number, 1))
        for one in range(number - TAKE_NOTHING, number):
            await listeners.add(one, "", takes_nothing=True)
        times = await log_points(client, runs, 2 * POINTS, "x" * 200)
        took = [acknowledged - asked for asked, acknowledged in times.values()]
        show("a point, all listening", p50_ms=quantile(took, 0.5), p95_ms=quantile(took, 0.95))
        async with asyncio.timeout(60):
            while len(listeners.heard) < POINTS:  # noqa: ASYNC110  # what is counted is in other tasks
                await asyncio.sleep(0.1)
        late = [listeners.heard[step] - acknowledged for step, (_, acknowledged) in times.items()]
        show("heard after its acknowledgement", p50_ms=quantile(late, 0.5), p95_ms=quantile(late, 0.95))
        await flood(client, runs, listeners)
        kib = resident_kib(server.pid) - before
        show("those that take nothing", cut=listeners.cut, of=TAKE_NOTHING, memory_over_kib=kib)
        for task in listeners.tasks:
            task.cancel()
        await asyncio.gather(*listeners.tasks, return_exceptions=True)


async def flood(client: Client, runs: list[str], listeners: Listeners) -> None:
    """Large tags, until those that take nothing are cut."""
    async with asyncio.timeout(120):
        step = 0
        while listeners.cut < TAKE_NOTHING:
            await client.post("runs/set-tag", run_id=runs[step % RUNS], key="t", value="v" * 5000)
            step += 1
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--listeners", type=int, default=2000)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with TracklogServer(arguments.folder) as running:
        asyncio.run(measure(running, arguments.listeners))
