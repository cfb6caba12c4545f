"""A receiver of webhooks in a process of its own, which a test may kill: it writes down what came, and then answers.

How it answers is in the path: `/200` and every other status, `/slow/<seconds>`, `/hang` (never), `/endless` (a body
without end), `/drip` (one byte a second, for ever), `/redirect` (to `/redirected`, which should never be asked).
"""

import asyncio
import json
import ssl
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.services.leash import REPOSITORY
from tests.services.ports import HOST
from tests.services.process import ServiceProcess

ENDLESS_CHUNK: Final = b"x" * 65536


@dataclass(frozen=True, slots=True)
class Received:
    """One request. The names of `headers` are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def delivery_id(self) -> str:
        return self.headers["x-mlflow-delivery-id"]

    @property
    def said(self) -> dict[str, Any]:
        """The body as JSON."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def event(self) -> str:
        """The dotted name of what it tells."""
        return f"{self.said['entity']}.{self.said['action']}"


class WebhookReceiver(ServiceProcess):
    """What came is in `received` over restarts too. With `tls` (files of a certificate and its key) it is HTTPS."""

    name = "receiver"

    def __init__(self, folder: Path, *, port: int | None = None, tls: tuple[Path, Path] | None = None) -> None:
        super().__init__(folder, port=port)
        self.file = self.folder / "received"
        self._tls = tls

    def command(self) -> list[str]:
        tls = [str(file) for file in self._tls or ()]
        return [sys.executable, "-m", "tests.services.webhook_receiver", str(self.port), str(self.file), *tls]

    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(REPOSITORY)}

    def is_ready(self) -> bool:
        return self.log_file.exists() and b"listening" in self.log_file.read_bytes()[self._printed :]

    def prepare(self) -> None:
        self._printed = self.log_file.stat().st_size if self.log_file.exists() else 0

    def url(self, path: str = "/200") -> str:
        return f"{'http' if self._tls is None else 'https'}://{HOST}:{self.port}{path}"

    def received(self, path: str | None = None) -> list[Received]:
        """What came, in the order in which it came whole; of one path, or all."""
        return [one for one in self._all() if path in (None, one.path)]

    def _all(self) -> Iterator[Received]:
        text = self.file.read_bytes() if self.file.exists() else b""
        for line in text[: text.rfind(b"\n") + 1].splitlines():
            one = json.loads(line)
            yield Received(one["path"], one["headers"], one["body"].encode("latin-1"))


# --- the process ------------------------------------------------------------------------------------------------------


async def serve(port: int, file: Path, tls: ssl.SSLContext | None) -> None:
    with file.open("ab", buffering=0) as written:

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while (one := await _request(reader)) is not None:
                    line = {"path": one.path, "headers": one.headers, "body": one.body.decode("latin-1")}
                    written.write(json.dumps(line).encode() + b"\n")
                    await _answer(writer, one.path)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass  # whoever called does not wait any longer
            finally:
                writer.close()

        server = await asyncio.start_server(connected, HOST, port, ssl=tls, backlog=1024)
        sys.stdout.write("listening\n")
        sys.stdout.flush()
        async with server:
            await server.serve_forever()


async def _request(reader: asyncio.StreamReader) -> Received | None:
    """The next request of a connection; None at its end."""
    first = await reader.readline()
    if not first:
        return None
    headers = {}
    while (line := await reader.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(first.decode("latin-1").split(" ")[1], headers, body)


async def _answer(writer: asyncio.StreamWriter, path: str) -> None:
    match path.split("/")[1:]:
        case ["hang"]:
            await asyncio.Event().wait()
        case ["slow", seconds]:
            await asyncio.sleep(float(seconds))
            await _send(writer, 200)
        case ["redirect"]:
            await _send(writer, 307, "Location: /redirected\r\n")
        case ["endless" | "drip" as how]:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                writer.write(ENDLESS_CHUNK if how == "endless" else b"x")
                await writer.drain()
                await asyncio.sleep(1 if how == "drip" else 0)
        case [status, *_] if status.isdecimal():
            await _send(writer, int(status))
        case _:
            await _send(writer, 200)


async def _send(writer: asyncio.StreamWriter, status: int, headers: str = "") -> None:
    writer.write(f"HTTP/1.1 {status} Said\r\n{headers}Content-Length: 2\r\n\r\nok".encode())
    await writer.drain()


def main(port: str, file: str, *tls: str) -> None:
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
    asyncio.run(serve(int(port), Path(file), context))


if __name__ == "__main__":
    main(*sys.argv[1:])
