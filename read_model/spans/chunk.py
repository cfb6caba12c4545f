"""How the spans of a trace lie in the read model: chunks of JSON, compressed.

Chunks are cut by count, so the rows depend on the log alone and not on how it was batched. A span that is sent again
takes the place that it has. The spans of a chunk share most of their keys, and many of their values: together they
take a fraction of what each would alone.
"""

import threading
from typing import Final

import msgspec
import zstandard

from schemas.errors import TemporarilyUnavailable
from schemas.events import Source, Span

SPANS_PER_CHUNK: Final = 64
"""A chunk is written anew with each request that adds to it: of spans that come one by one it is written 64 times."""

MAX_CHUNK_BYTES: Final = 2 * 2**30
"""Of a chunk that is read. Spans that are taken make one of an eighth of it at most; imported ones may be larger."""


class DamagedSpans(TemporarilyUnavailable):
    """What is stored of a trace's spans is not what was written."""


class ChunkOfSpans(msgspec.Struct, gc=False, omit_defaults=True):
    """Spans, and the resources and scopes that they name by their places."""

    spans: list[Span] = []
    resources: list[Source] = []
    scopes: list[Source] = []


class _Zstandard(threading.local):
    """zstandard's objects may be used by one thread at a time."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
        self.decompressor = zstandard.ZstdDecompressor()


_zstandard: Final = _Zstandard()
_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(ChunkOfSpans)


def pack_chunk(chunk: ChunkOfSpans) -> bytes:
    """A chunk as its row holds it."""
    return _zstandard.compressor.compress(_encoder.encode(chunk))


def unpack_chunk(data: bytes) -> ChunkOfSpans:
    """The chunk of a row. Raises DamagedSpans."""
    return read_chunk(chunk_json(data))


def chunk_json(data: bytes) -> bytes:
    """The JSON of the chunk of a row. Raises DamagedSpans."""
    try:
        return _zstandard.decompressor.decompress(data, MAX_CHUNK_BYTES)
    except (zstandard.ZstdError, MemoryError) as error:
        raise DamagedSpans(f"A chunk of spans cannot be read: {error}") from error


def read_chunk(json: bytes) -> ChunkOfSpans:
    """The chunk that JSON is of. Raises DamagedSpans."""
    try:
        return _decoder.decode(json)
    except (msgspec.DecodeError, MemoryError) as error:
        raise DamagedSpans(f"A chunk of spans cannot be read: {error}") from error


def place_of(source: Source, sources: list[Source]) -> int:
    """Where a source is in a list, at whose end it is put when it is not in it."""
    for place, one in enumerate(sources):
        if one is source or one == source:
            return place
    sources.append(source)
    return len(sources) - 1
