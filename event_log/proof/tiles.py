"""The tree in tiles: rows of up to 256 hashes, of which only the last of each level still grows.

As https://c2sp.org/tlog-tiles cuts them: the tile at level `l` and number `n` holds the hashes of the complete subtrees
of `256**l` leaves each, from number `256 * n` on. A tree of `n` leaves takes little more than 32 bytes a leaf; a proof
is read from two tiles a level.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from event_log.proof.leaf import HASH_BYTES, HINT_BYTES, Leaf
from event_log.proof.tree import Range, Subtree, node_hash, root, subtrees

TILE_LEVELS: Final = 8
"""Levels of the tree in a level of tiles."""
TILE_WIDTH: Final = 1 << TILE_LEVELS


class TileId(NamedTuple):
    level: int
    number: int


class Tile(NamedTuple):
    """`hashes`, one after another; `hints` those of the leaves, empty above level 0."""

    hashes: bytes
    hints: bytes = b""

    def leaves(self) -> Iterator[Leaf]:
        """The leaves of a tile of level 0."""
        for number in range(len(self.hashes) // HASH_BYTES):
            yield Leaf(
                self.hashes[number * HASH_BYTES : (number + 1) * HASH_BYTES],
                self.hints[number * HINT_BYTES : (number + 1) * HINT_BYTES],
            )


Tiles = Mapping[TileId, Tile]


def tile_of(subtree: Subtree) -> TileId:
    """The tile that the hash of a subtree is in, or is made of."""
    level, above = divmod(subtree.level, TILE_LEVELS)
    return TileId(level, (subtree.number << above) >> TILE_LEVELS)


def tiles_of(ranges: Iterable[Range]) -> set[TileId]:
    """The tiles that the hashes of ranges are made of."""
    return {tile_of(subtree) for leaves in ranges for subtree in subtrees(leaves)}


def edge_of(size: int) -> list[TileId]:
    """The tiles that the next leaf goes into, from level 0 up: those that are begun and not full."""
    found = []
    level, rest = 0, size
    while rest:
        index, width = divmod(rest, TILE_WIDTH)
        if width:
            found.append(TileId(level, index))
        level, rest = level + 1, index
    return found


def subtree_hash(tiles: Tiles, subtree: Subtree) -> bytes:
    """The hash of a complete subtree. Raises KeyError where its tile is not there, ValueError where that is short."""
    above = subtree.level % TILE_LEVELS
    hashes = tiles[tile_of(subtree)].hashes
    first = (subtree.number << above) % TILE_WIDTH
    row = [
        hashes[at : at + HASH_BYTES]
        for at in range(first * HASH_BYTES, (first + (1 << above)) * HASH_BYTES, HASH_BYTES)
    ]
    if len(row[-1]) != HASH_BYTES:
        raise ValueError(f"{tile_of(subtree)} has not all the hashes of {subtree}")
    return _reduced(row)


class GrowingTree:
    """A tree that takes leaves, and knows which tiles changed. `edge` are the tiles of `edge_of(size)`."""

    def __init__(self, size: int = 0, edge: Tiles | None = None) -> None:
        self.size = size
        self._hashes: list[bytearray] = []
        self._indexes: list[int] = []
        self._hints = bytearray()
        self._full: dict[TileId, Tile] = {}
        given = edge or {}
        for level, index in edge_of(size):
            while len(self._hashes) <= level:
                self._begin(size)
            tile = given[TileId(level, index)]
            width = (size >> TILE_LEVELS * level) % TILE_WIDTH
            if len(tile.hashes) < width * HASH_BYTES:
                raise ValueError(f"{TileId(level, index)} has not the {width} hashes of a tree of {size} leaves")
            self._hashes[level] = bytearray(tile.hashes[: width * HASH_BYTES])
            if level == 0:
                self._hints = bytearray(tile.hints[: width * HINT_BYTES])

    def add(self, leaf: Leaf) -> None:
        """The next leaf."""
        self._hints += leaf.hint
        self.size += 1
        self._put(0, leaf.hash)

    def changed(self) -> dict[TileId, Tile]:
        """The tiles that leaves were added to since this was last called: what is to be kept."""
        changed = self._full
        self._full = {}
        return changed | self.edge()

    def edge(self) -> dict[TileId, Tile]:
        """The tiles that still grow."""
        return {
            TileId(level, self._indexes[level]): Tile(bytes(hashes), bytes(self._hints) if level == 0 else b"")
            for level, hashes in enumerate(self._hashes)
            if hashes
        }

    def root(self) -> bytes:
        """The root over all leaves so far."""
        edge = self.edge()
        return root(self.size, lambda subtree: subtree_hash(edge, subtree))

    def _put(self, level: int, hashed: bytes) -> None:
        if level == len(self._hashes):
            self._begin(0)
        hashes = self._hashes[level]
        hashes += hashed
        if len(hashes) == TILE_WIDTH * HASH_BYTES:
            self._full[TileId(level, self._indexes[level])] = Tile(
                bytes(hashes), bytes(self._hints) if level == 0 else b""
            )
            row = [bytes(hashes[at : at + HASH_BYTES]) for at in range(0, len(hashes), HASH_BYTES)]
            hashes.clear()
            if level == 0:
                self._hints.clear()
            self._indexes[level] += 1
            self._put(level + 1, _reduced(row))

    def _begin(self, size: int) -> None:
        """The next level of tiles, as it is in a tree of so many leaves."""
        self._indexes.append(size >> TILE_LEVELS * (len(self._hashes) + 1))
        self._hashes.append(bytearray())


def _reduced(row: list[bytes]) -> bytes:
    """The root over hashes, of which there is a power of two."""
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]
