"""How the points of a metric lie in the read model's rows: full chunks, and a tail of the segments they came in.

A point is (step, timestamp in ms, value): two 64-bit integers and a double, little-endian.

Chunks are cut by count from the first point on, and a segment is what one event brought, so the rows depend on the log
alone and not on how it was batched. Inside a chunk each column is split into its eight byte planes before compression:
the high bytes of steps, times and exponents are then long runs, which reaches the size of delta coding (8.7 bytes a
point for random values) at the speed of a copy, with nothing to undo point by point.
"""

import struct
import sys
import threading
from array import array
from typing import Any, Final, NamedTuple

import zstandard

from schemas.errors import TemporarilyUnavailable

POINTS_PER_CHUNK: Final = 512
"""A chunk of random values takes some 4.5 kB: one overflow page and a little, which SQLite's 4 kB pages hold without
waste (256 points left half of every page empty), and a tail short of it is still cheap to append to."""

POINT_BYTES: Final = 24
_PLANES: Final = 8
_POINT: Final = struct.Struct("<qqd")
_COMPRESS_FROM_POINTS: Final = 16
"""Fewer points do not shrink."""
_HEADER: Final = struct.Struct("<I")
_SINGLE: Final = struct.Struct("<Iqqd")
"""A header and its one point."""


class DamagedPoints(TemporarilyUnavailable):
    """What is stored of a metric's points is not what was written."""


class Points(NamedTuple):
    """Points as three columns of equal length."""

    steps: "array[int]"
    timestamps_ms: "array[int]"
    values: "array[float]"


class _Zstandard(threading.local):
    """zstandard's objects may be used by one thread at a time."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
        self.decompressor = zstandard.ZstdDecompressor()


_zstandard = _Zstandard()


def no_points() -> Points:
    """Empty columns, to extend."""
    return Points(array("q"), array("q"), array("d"))


def pack_segment(points: Points) -> bytes:
    """Points as a segment of a tail: another segment may follow it.

    Four bytes tell its length in bytes, doubled, plus one when it is compressed.
    """
    if len(points.steps) == 1:  # as most are, and this is a fifth of the time
        return _SINGLE.pack(POINT_BYTES << 1, points.steps[0], points.timestamps_ms[0], points.values[0])
    if len(points.steps) >= _COMPRESS_FROM_POINTS:
        chunk = pack_chunk(points)
        return _HEADER.pack(len(chunk) << 1 | 1) + chunk
    rows = array("q", bytes(POINT_BYTES * len(points.steps)))
    rows[0::3] = points.steps
    rows[1::3] = points.timestamps_ms
    rows[2::3] = array("q", points.values.tobytes())
    return _HEADER.pack(POINT_BYTES * len(points.steps) << 1) + _little_endian(rows).tobytes()


def unpack_segments(tail: bytes) -> Points:
    """The points of a tail: of any number of segments one after another. Raises DamagedPoints."""
    points = no_points()
    start = 0
    try:
        while start < len(tail):
            (header,) = _HEADER.unpack_from(tail, start)
            start += _HEADER.size
            body = tail[start : start + (header >> 1)]
            start += header >> 1
            extend(points, unpack_chunk(body) if header & 1 else _unpack_rows(body))
    except (struct.error, ValueError) as error:
        raise DamagedPoints(f"Stored points of a metric cannot be read: {error}.") from error
    return points


def extend(points: Points, more: Points) -> None:
    """Put `more` behind `points`."""
    points.steps.extend(more.steps)
    points.timestamps_ms.extend(more.timestamps_ms)
    points.values.extend(more.values)


def _unpack_rows(data: bytes) -> Points:
    rows = array("q")
    rows.frombytes(data)
    rows = _little_endian(rows)
    return Points(rows[0::3], rows[1::3], array("d", rows[2::3].tobytes()))


def pack_chunk(points: Points) -> bytes:
    """Points as one compressed chunk, which holds a checksum of them: what is changed at rest is not served as true."""
    planes: list[bytes] = []
    for column in points:
        raw = _little_endian(column).tobytes()
        planes.extend(raw[plane::_PLANES] for plane in range(_PLANES))
    return _zstandard.compressor.compress(b"".join(planes))


def unpack_chunk(data: bytes) -> Points:
    """The points of `pack_chunk`. Raises DamagedPoints."""
    chunk = OpenChunk(data)
    return Points(chunk.steps(), chunk.timestamps_ms(), chunk.values())


class OpenChunk:
    """The points of `pack_chunk`, decompressed but still in planes: a fifth of the time of `unpack_chunk`.

    A reader then puts together only the columns and the single points it needs.
    """

    __slots__ = ("_planes", "count")

    def __init__(self, data: bytes) -> None:
        """Raises DamagedPoints."""
        try:
            self._planes = _zstandard.decompressor.decompress(data)
        except zstandard.ZstdError as error:
            raise DamagedPoints(f"Stored points of a metric cannot be read: {error}.") from error
        self.count = len(self._planes) // POINT_BYTES

    def steps(self) -> "array[int]":
        return _column("q", self._planes, 0, self.count)

    def timestamps_ms(self) -> "array[int]":
        return _column("q", self._planes, _PLANES * self.count, self.count)

    def values(self) -> "array[float]":
        return _column("d", self._planes, 2 * _PLANES * self.count, self.count)

    def point(self, index: int) -> tuple[int, int, float]:
        """(step, timestamp in ms, value) of one point, `index` from 0 in the order of the log."""
        # Byte n of the point's column lies in plane n, `count` bytes after byte n - 1.
        step, timestamp_ms, value = _POINT.unpack(self._planes[index :: self.count])
        return step, timestamp_ms, value


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
