"""A request's body as bytes that are safe to decode: unpacked, and with no more values in it than any request needs.

Decoding JSON makes an object of each value while the event loop waits: 16 MiB of `[],[],…` take seconds. So values are
counted first, at a few nanoseconds a byte, and other requests run in between.
"""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aiohttp import hdrs, web

from schemas.errors import RequestLimitExceeded, RequestTooLarge
from schemas.rest.packed_body import unpacked
from schemas.rest.request_keys import UNPACKING

MAX_VALUES: Final = 65_536
"""In one body. A full log-batch has 9,000, the end of an upload in 10,000 parts 40,000."""

UNCOUNTED_BYTES: Final = 65_536
"""A body of so few bytes cannot hold more values than that."""

_unpackers: Final = ThreadPoolExecutor(1, "unpack")
"""One at a time: bytes that are being unpacked are not charged to the client yet."""

_BYTES_AT_ONCE: Final = 262_144
"""Counted in about a millisecond, after which other requests run."""

_OPENING: Final = (b",", b"[", b"{")
_BACKSLASHES: Final = re.compile(rb"\\*")


async def read_body(request: web.Request, most: int = MAX_VALUES) -> bytes:
    """The body of a request, unpacked, once it is known to hold no more than `most` values of JSON.

    Raises RequestTooLarge, UnsupportedEncoding, InvalidParameterValue or RequestLimitExceeded.
    """
    body = await read_bytes(request)
    if len(body) > UNCOUNTED_BYTES:
        for _ in _counting(body, most):
            await asyncio.sleep(0)
    return body


async def read_bytes(request: web.Request) -> bytes:
    """The body of a request, unpacked, whatever it is. Raises as `read_body` does."""
    content = request.content
    # A small body has arrived with its headers; `request.read` would take two more turns of the event loop and a copy.
    body = content.read_nowait() if content.is_eof() else await request.read()
    if hdrs.CONTENT_ENCODING in request.headers and body:
        body = await _unpacked(request, body)
    return body


async def _unpacked(request: web.Request, body: bytes) -> bytes:
    """Unpacked in a thread, so that other requests run meanwhile."""
    limit, charge = request[UNPACKING]
    encoding = ",".join(request.headers.getall(hdrs.CONTENT_ENCODING))
    found = await asyncio.get_running_loop().run_in_executor(_unpackers, unpacked, body, encoding, limit)
    if not charge(len(found)):
        raise RequestLimitExceeded("Too many bytes of bodies are held; try again.")
    return found


def check_values(body: bytes, most: int = MAX_VALUES) -> None:
    """Refuse JSON of more than so many values; what is no JSON may pass.

    Raises RequestTooLarge.
    """
    if len(body) > UNCOUNTED_BYTES:
        for _ in _counting(body, most):
            pass


def _counting(body: bytes, allowed: int = MAX_VALUES) -> Iterator[None]:
    """Count in steps, and raise RequestTooLarge when there are too many values.

    A value follows a comma or an opening bracket, or is the only one. Most bodies have few of these, wherever they
    stand; in the others those inside strings must not count.
    """
    most = 0
    for start in range(0, len(body), _BYTES_AT_ONCE):
        end = start + _BYTES_AT_ONCE
        most += sum(body.count(opening, start, end) for opening in _OPENING)
        if most > allowed:
            yield from _counting_outside_strings(body, allowed)
            return
        if end < len(body):
            yield


def _counting_outside_strings(body: bytes, allowed: int) -> Iterator[None]:
    values = is_inside = start = 0
    while start < len(body):
        end = start + _BYTES_AT_ONCE
        if body[end - 1 : end] == b"\\":
            # The character that these escape belongs to them.
            run = _BACKSLASHES.match(body, end)
            end = run.end() + 1 if run else end
        piece = body[start:end]
        if b"\\" in piece:
            piece = piece.replace(b"\\\\", b"").replace(b'\\"', b"")
        parts = piece.split(b'"')
        outside = b"".join(parts[is_inside::2])
        values += sum(map(outside.count, _OPENING))
        if values > allowed:
            raise RequestTooLarge(f"The request body holds more than {allowed} values.")
        is_inside ^= (len(parts) - 1) & 1
        start = end
        yield
