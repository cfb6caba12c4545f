"""One line of JSON for every request, written in the background."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import orjson
from aiohttp import web

from schemas.envelope import Actor
from schemas.rest.request_keys import REQUEST_ID
from tracklog.background import in_background
from tracklog.web.error_answers import ERROR_CODE
from tracklog.web.metrics import RequestCounts

FLUSH_S: Final = 0.5
"""How long a line may wait. At the end of the process everything that waits is written."""

MAX_WAITING_BYTES: Final = 4 * 1024 * 1024
"""A reader that is slower than the server costs lines, which are counted, and neither memory nor requests."""

MAX_LOGGED_PATH_CHARACTERS: Final = 2048
"""Of a path in the access log. An artifact's path below its root has at most 1,024 bytes."""


class AccessLog:
    """Lines that wait to be written to the file descriptor `target`; lost ones are counted in `counts`."""

    def __init__(self, target: int, counts: RequestCounts) -> None:
        self._target = target
        self._counts = counts
        self._lines: list[bytes] = []
        self._waiting_bytes = 0

    def add(self, fields: dict[str, object]) -> None:
        """Have a line with `fields`, JSON values and aware datetimes, written soon."""
        line = orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)
        if self._waiting_bytes + len(line) > MAX_WAITING_BYTES:
            self._counts.access_log_dropped += 1
            return
        self._waiting_bytes += len(line)
        self._lines.append(line)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write lines as they come for as long as the context lasts, and those that are left at its end."""
        try:
            async with in_background(self._write_regularly()):
                yield
        finally:
            await asyncio.to_thread(self._write, self._take())

    async def _write_regularly(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            if self._lines:
                # Shielded: a write that began is ended in order, never repeated.
                await asyncio.shield(asyncio.to_thread(self._write, self._take()))

    def _take(self) -> bytes:
        lines, self._lines, self._waiting_bytes = self._lines, [], 0
        return b"".join(lines)

    def _write(self, text: bytes) -> None:
        """Runs in a thread: a pipe that is not read blocks this thread, and not the event loop."""
        rest = memoryview(text)
        try:
            while rest:
                rest = rest[os.write(self._target, rest) :]
        except BrokenPipeError:
            self._counts.access_log_dropped += bytes(rest).count(b"\n")


def access_line(request: web.Request, template: str, actor: Actor, status: int, seconds: float) -> dict[str, object]:
    """One line of the access log. `path` is what was asked for, `route` its pattern, `template`."""
    line: dict[str, object] = {
        "time": datetime.now(UTC),
        "request_id": request[REQUEST_ID],
        "method": request.method,
        "path": printable(request.path[:MAX_LOGGED_PATH_CHARACTERS]),
        "route": template,
        "status": status,
        "ms": round(seconds * 1000, 3),
        "user": actor.user,
        "address": actor.address,
        "user_agent": actor.user_agent,
    }
    if request[ERROR_CODE]:
        line["error_code"] = request[ERROR_CODE]
    return line


def printable(text: str) -> str:
    """`text` as valid Unicode: a header or a path may hold any byte, a line of JSON or an event may not."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
