"""The messages between the front and its projector child, a JSON line each, over a socket pair.

Front to child: how far the log goes, and whether a reader waits; a request for the status; that the read model is
damaged. Child to front: how far which read model is, and the status.
"""

import asyncio
import socket
from typing import Final, TypeVar

import msgspec

from read_model.progress_message import Projected

READ_LIMIT_BYTES: Final = 16 * 1024 * 1024
"""A batch may refuse two thousand events, each with its message."""


class LogGrew(msgspec.Struct, frozen=True, tag="grew"):
    """The log's end. `urgent`: a reader waits for the read model to reach it, a request to flush."""

    end: int
    urgent: bool = False


class StatusRequest(msgspec.Struct, frozen=True, tag="how"):
    """Asks for `Status` of the same number. `try_to_write`: find out whether the read model can be written now."""

    number: int
    try_to_write: bool = False


class Damaged(msgspec.Struct, frozen=True, tag="damaged"):
    """A reader found the generation of that file name damaged."""

    generation: str
    why: str


class Status(msgspec.Struct, frozen=True, tag="well"):
    """The answer to `StatusRequest`. `trouble` says what keeps the child from folding, None when nothing does."""

    number: int
    trouble: str | None


FromFront = LogGrew | StatusRequest | Damaged
FromChild = Projected | Status

M = TypeVar("M")


class Channel:
    """One end of the socket pair."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._encoder = msgspec.json.Encoder()

    @classmethod
    async def over(cls, end: socket.socket) -> "Channel":
        """A channel over one end of a socket pair."""
        return cls(*await asyncio.open_unix_connection(sock=end, limit=READ_LIMIT_BYTES))

    def send(self, message: msgspec.Struct) -> None:
        """Send a message; a peer that is gone is noticed by `receive`."""
        if not self._writer.is_closing():  # uvloop raises where asyncio drops what is written
            self._writer.write(self._encoder.encode(message) + b"\n")

    async def receive(self, decoder: msgspec.json.Decoder[M]) -> M | None:
        """The next message, None when the peer is gone."""
        try:
            line = await self._reader.readline()
        except ConnectionError:
            return None
        return decoder.decode(line) if line.endswith(b"\n") else None

    def close(self) -> None:
        self._writer.close()
