"""Bodies that came compressed, by gzip, deflate or zstd, unpacked to no more bytes than their route takes.

Source: RFC 9110, Content-Encoding; RFC 8878 on how much memory a reader of zstd should be ready to give.
"""

import zlib
from collections.abc import Callable
from typing import Final

import zstandard

from schemas.errors import InvalidParameterValue, RequestTooLarge, UnsupportedEncoding

_GZIP: Final = 16 + zlib.MAX_WBITS
"""zlib's way to say that a gzip header is there."""

MAX_ZSTD_WINDOW_BYTES: Final = 8 * 2**20
"""What zstd may look back on, and takes as memory. Levels up to 19 want no more."""

_ZSTD_BYTES_AT_ONCE: Final = 256
"""A block of four bytes may stand for 128 KiB, so these unpack to 8 MiB at most."""


def unpacked(packed: bytes, encoding: str, limit: int) -> bytes:
    """What `packed` holds; `encoding` is the value of its Content-Encoding.

    Raises UnsupportedEncoding, RequestTooLarge for more than `limit` bytes, or InvalidParameterValue for what is not
    one whole stream, which nothing may follow.
    """
    unpack = _UNPACKERS.get(encoding.strip().lower())
    if unpack is None:
        raise UnsupportedEncoding("A body may be packed once, by gzip, deflate or zstd, or come as it is.")
    return unpack(packed, limit)


def _as_it_is(packed: bytes, _limit: int) -> bytes:
    return packed


def _gzip(packed: bytes, limit: int) -> bytes:
    return _inflated("gzip", zlib.decompressobj(_GZIP), packed, limit)


def _inflated(encoding: str, stream: "zlib._Decompress", packed: bytes, limit: int) -> bytes:
    try:
        found = stream.decompress(packed, limit + 1)
    except zlib.error as error:
        raise _broken(encoding, str(error)) from error
    if len(found) > limit:
        raise _too_large(limit)
    if not stream.eof:
        raise _broken(encoding, "it ends too early")
    if stream.unused_data:
        raise _broken(encoding, "something follows it")
    return found


def _deflate(packed: bytes, limit: int) -> bytes:
    """With the header of zlib, as it should be, or raw, as some send it."""
    bits = zlib.MAX_WBITS if packed[:1] and packed[0] & 0x0F == 8 and _is_zlib_header(packed) else -zlib.MAX_WBITS
    return _inflated("deflate", zlib.decompressobj(bits), packed, limit)


def _is_zlib_header(packed: bytes) -> bool:
    return len(packed) > 1 and int.from_bytes(packed[:2], "big") % 31 == 0


def _zstd(packed: bytes, limit: int) -> bytes:
    stream = zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW_BYTES).decompressobj()
    pieces: list[bytes] = []
    size = start = 0
    try:
        while start < len(packed) and not stream.eof:
            piece = stream.decompress(packed[start : start + _ZSTD_BYTES_AT_ONCE])
            start += _ZSTD_BYTES_AT_ONCE
            size += len(piece)
            if size > limit:
                raise _too_large(limit)
            pieces.append(piece)
    except zstandard.ZstdError as error:
        raise _broken("zstd", str(error)) from error
    if not stream.eof:
        raise _broken("zstd", "it ends too early")
    if stream.unused_data or start < len(packed):
        raise _broken("zstd", "something follows it")
    return b"".join(pieces)


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"The body unpacks to more than {limit} bytes, which are taken here.")


def _broken(encoding: str, fault: str) -> InvalidParameterValue:
    return InvalidParameterValue(f"The body is not what its Content-Encoding says, one {encoding} stream: {fault}.")


_UNPACKERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "": _as_it_is,
    "identity": _as_it_is,
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "zstd": _zstd,
}
"""By content coding. `x-gzip` is gzip's older name."""
