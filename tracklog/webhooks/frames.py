"""Messages between the sender and the caller over a socket pair: four bytes of length, then msgpack.

An empty frame is a sign of life, and the first of them says that the caller is at work.
"""

import asyncio
from typing import Final, Generic, TypeVar

import msgspec

from tracklog.webhooks.call import Call, Outcome

FRAME_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""Longer than any payload: a message of a client is at most a fraction of that."""

_LENGTH_BYTES: Final = 4

M = TypeVar("M", Call, Outcome)


class Frames(Generic[M]):
    """One end of the socket pair, at which messages of the type `receives` arrive."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, receives: type[M]) -> None:
        self._reader = reader
        self._writer = writer
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder: msgspec.msgpack.Decoder[M] = msgspec.msgpack.Decoder(receives)

    def send(self, message: Call | Outcome) -> None:
        """Send a message; that the peer is gone is noticed by `receive`."""
        frame = bytearray(_LENGTH_BYTES)
        self._encoder.encode_into(message, frame, _LENGTH_BYTES)
        frame[:_LENGTH_BYTES] = (len(frame) - _LENGTH_BYTES).to_bytes(_LENGTH_BYTES, "big")
        self._write(bytes(frame))

    def send_sign_of_life(self) -> None:
        self._write(bytes(_LENGTH_BYTES))

    def _write(self, frame: bytes) -> None:
        if not self._writer.is_closing():  # uvloop raises where asyncio drops what is written
            self._writer.write(frame)

    async def receive(self) -> M | None:
        """The next message, None for a sign of life. Raises PeerGone."""
        try:
            length = int.from_bytes(await self._reader.readexactly(_LENGTH_BYTES), "big")
            if not length:
                return None
            if length > FRAME_LIMIT_BYTES:
                raise PeerGone(f"A frame of {length} bytes is none of the other process's.")
            return self._decoder.decode(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise PeerGone("The other process is gone.") from error

    def close(self) -> None:
        self._writer.close()


class PeerGone(Exception):
    """The process at the other end is gone, or no longer makes sense."""
