"""How the points of a metric lie in the read model's rows: raw rows at the tail, compressed columns in full chunks.

A point is (step, timestamp in ms, value): two 64-bit integers and a double, little-endian.

Chunks are cut by count from the first point on, so the rows depend on the points alone and not on how they were
batched. Inside a chunk each column is split into its eight byte planes before compression: the high bytes of steps,
times and exponents are then long runs, which reaches the size of delta coding (8.7 bytes a point for random values) at
the speed of a copy, with nothing to undo point by point.
"""

import sys
import threading
from array import array
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import zstandard

POINTS_PER_CHUNK: Final = 512
"""Small enough that the raw tail (12 kB at most) is cheap to append to, large enough that a row costs little."""

POINT_BYTES: Final = 24
_PLANES: Final = 8


class Points(NamedTuple):
    """Points as three columns of equal length."""

    steps: "array[int]"
    timestamps_ms: "array[int]"
    values: "array[float]"


class _Zstandard(threading.local):
    """zstandard's objects may be used by one thread at a time."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=3)
        self.decompressor = zstandard.ZstdDecompressor()


_zstandard = _Zstandard()


def pack_rows(steps: Sequence[int], timestamps_ms: Sequence[int], values: Sequence[float]) -> bytes:
    """Points as rows of 24 bytes, so that more can be appended."""
    rows = array("q", bytes(POINT_BYTES * len(steps)))
    rows[0::3] = array("q", steps)
    rows[1::3] = array("q", timestamps_ms)
    rows[2::3] = array("q", array("d", values).tobytes())
    return _little_endian(rows).tobytes()


def unpack_rows(data: bytes) -> Points:
    """The points of `pack_rows`, of any number of its results one after another."""
    rows = array("q")
    rows.frombytes(data)
    rows = _little_endian(rows)
    return Points(rows[0::3], rows[1::3], array("d", rows[2::3].tobytes()))


def pack_chunk(points: Points) -> bytes:
    """Points as one compressed chunk."""
    planes: list[bytes] = []
    for column in points:
        raw = _little_endian(column).tobytes()
        planes.extend(raw[plane::_PLANES] for plane in range(_PLANES))
    return _zstandard.compressor.compress(b"".join(planes))


def unpack_chunk(data: bytes) -> Points:
    """The points of `pack_chunk`."""
    planes = _zstandard.decompressor.decompress(data)
    count = len(planes) // POINT_BYTES
    return Points(
        _column("q", planes, 0, count),
        _column("q", planes, _PLANES * count, count),
        _column("d", planes, 2 * _PLANES * count, count),
    )


def _column(typecode: str, planes: bytes, start: int, count: int) -> "array[Any]":
    raw = bytearray(_PLANES * count)
    for plane in range(_PLANES):
        raw[plane::_PLANES] = planes[start + plane * count : start + (plane + 1) * count]
    return _little_endian(array(typecode, bytes(raw)))


def _little_endian(column: "array[Any]") -> "array[Any]":
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return column
