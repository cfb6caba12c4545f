"""Texts of a large answer, compressed until it is sent: the JSON of spans shrinks to a tenth and less.

Their order is known when the last is there, which may come before all others. So every text is made once, and kept; to
make them a second time when their turn comes would take ten times as long as to unpack them.
"""

import struct
from collections.abc import Generator, Iterator, Sequence
from typing import Final

import zstandard

from schemas.rest.large_body import LargeBody, body_of

BLOCK_BYTES: Final = 2 * 2**20
"""Less than this is not compressed, and answered in one piece."""

PIECE_BYTES: Final = 256 * 2**10

_WINDOWS: Final = 16
"""In which a body is put in order: in the worst order every block is unpacked once for each of them."""

_LEVEL: Final = 1

_WHERE: Final = struct.Struct(">III")
"""A block, and where a text begins and ends in it."""


class SortedTexts:
    """Texts that come in any order, each with its place, and are answered in that of their places, commas between."""

    def __init__(self) -> None:
        self.count = 0
        self.size = 0
        """Of the texts alone."""
        self._open: list[tuple[bytes, bytes]] = []
        self._open_bytes = 0
        self._blocks: list[bytes] = []
        self._packed: list[bytes] = []
        """Of each text that is in a block its place, and where it is: a few bytes, since there are many."""

    def add(self, texts: Sequence[tuple[bytes, bytes]]) -> None:
        """Places and texts."""
        size = sum([len(text) for _, text in texts])
        self._open += texts
        self.count += len(texts)
        self.size += size
        self._open_bytes += size
        if self._open_bytes > BLOCK_BYTES:
            self._pack()

    def joined(self, before: bytes, after: bytes) -> bytes | LargeBody:
        """All of them, and what is around them. To be called once."""
        if self._blocks:
            self._pack()
            return body_of([before, self._body(), after])
        self._open.sort()
        texts = [text for _, text in self._open]
        self._open = []
        if not texts:
            return before + after
        # All is put together once: each copy takes as much again.
        texts[0] = before + texts[0]
        texts[-1] += after
        return b",".join(texts)

    def _pack(self) -> None:
        if not self._open:
            return
        block, end = len(self._blocks), 0
        for place, text in self._open:
            start, end = end, end + len(text)
            self._packed.append(b"%b\0%b" % (place, _WHERE.pack(block, start, end)))
        self._blocks.append(_packed([text for _, text in self._open]))
        self._open, self._open_bytes = [], 0

    def _body(self) -> LargeBody:
        self._packed.sort()
        where = b"".join([one[-_WHERE.size :] for one in self._packed])
        self._packed = []
        window = max(BLOCK_BYTES, self.size // _WINDOWS)
        held = sum(map(len, self._blocks)) + len(where) + window
        return LargeBody(self.size + self.count - 1, held, self._pieces(where, window))

    def _pieces(self, where: bytes, window: int) -> Generator[bytes, None, None]:
        blocks, comma = self._blocks, b""
        for wanted in _windows(where, window):
            texts = [b""] * len(wanted)
            places = sorted(range(len(wanted)), key=wanted.__getitem__)
            current, data = -1, b""
            for place in places:
                block, start, end = wanted[place]
                if block != current:
                    yield b""
                    current, data = block, _unpacked(blocks[block])
                texts[place] = data[start:end]
            del data
            for some in _some(texts):
                yield comma + b",".join(some)
                comma = b","


class JoinedTexts:
    """Texts that come in their order; some may be large bodies themselves."""

    def __init__(self) -> None:
        self.size = 0
        self._parts: list[bytes | LargeBody] = []
        self._open: list[bytes] = []
        self._open_bytes = 0

    def add(self, part: bytes | LargeBody) -> None:
        if isinstance(part, bytes):
            self._open.append(part)
            self._open_bytes += len(part)
            self.size += len(part)
            if self._open_bytes > BLOCK_BYTES:
                self._pack()
        else:
            self._pack()
            self._parts.append(part)
            self.size += part.size

    def joined(self) -> bytes | LargeBody:
        """All of them. To be called once."""
        if not self._parts:
            return b"".join(self._open)
        self._pack()
        return body_of(self._parts)

    def _pack(self) -> None:
        if not self._open:
            return
        packed = _packed(self._open)
        self._parts.append(LargeBody(self._open_bytes, len(packed), _alone(packed)))
        self._open, self._open_bytes = [], 0


def _alone(packed: bytes) -> Generator[bytes, None, None]:
    yield _unpacked(packed)


def _packed(texts: Sequence[bytes]) -> bytes:
    return zstandard.ZstdCompressor(level=_LEVEL).compress(b"".join(texts))


def _unpacked(block: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(block)


def _windows(where: bytes, window: int) -> Iterator[list[tuple[int, int, int]]]:
    """Where the texts are, as many at once as fill a window."""
    wanted: list[tuple[int, int, int]] = []
    size = 0
    for one in _WHERE.iter_unpack(where):
        wanted.append(one)
        size += one[2] - one[1]
        if size >= window:
            yield wanted
            wanted, size = [], 0
    if wanted:
        yield wanted


def _some(texts: list[bytes]) -> Iterator[list[bytes]]:
    """As many at once as fill a piece."""
    first = size = 0
    for place, text in enumerate(texts, 1):
        size += len(text)
        if size >= PIECE_BYTES or place == len(texts):
            yield texts[first:place]
            first, size = place, 0
