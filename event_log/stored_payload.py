"""The payloads of events as the logs in SQL databases keep them: JSON, compressed where that saves something."""

import threading
from collections.abc import Sequence
from typing import Final

import zstandard

from schemas import codec
from schemas.envelope import EventData

MAX_EVENT_BYTES: Final = 64 * 1024 * 1024
"""Of the payloads of one append."""

EncodedEvent = tuple[EventData, bytes]
"""An event, and the JSON of its payload."""

_COMPRESS_FROM_BYTES: Final = 512
"""Below this a zstd frame saves little and costs more than the write."""
_LEVEL: Final = 1
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
"""No JSON object starts so: a stored payload tells by itself whether it is compressed."""


class _Zstd(threading.local):
    """One of each for every thread: neither may be used by two threads at once."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


_zstd: Final = _Zstd()


def encoded(events: Sequence[EventData]) -> tuple[list[EncodedEvent], int]:
    """The events with their payloads encoded, and the bytes of these payloads."""
    found: list[EncodedEvent] = []
    size = 0
    for event in events:
        payload = codec.encode(event.payload)
        size += len(payload)
        found.append((event, payload))
    return found, size


def stored(payload: bytes) -> bytes:
    """An encoded payload as it is stored."""
    return payload if len(payload) < _COMPRESS_FROM_BYTES else _zstd.compressor.compress(payload)


def is_compressed(payload: bytes) -> bool:
    """Whether a stored payload is compressed."""
    return payload[:4] == _ZSTD_MAGIC


def decompressed(payload: bytes) -> bytes:
    """A stored payload as it was encoded. Raises zstandard.ZstdError, MemoryError."""
    return _zstd.decompressor.decompress(payload) if payload[:4] == _ZSTD_MAGIC else payload
