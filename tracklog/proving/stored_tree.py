"""Roots and proofs, read from the tiles of a store."""

from collections.abc import Mapping

from event_log.proof.tiles import Tile, TileId, subtree_hash, tiles_of
from event_log.proof.tree import EMPTY_ROOT, Range, consistency_ranges, inclusion_ranges, range_hash
from tracklog.proving.proof_store import ProofStore


async def root_at(store: ProofStore, partition: int, size: int) -> bytes:
    """The root of the first `size` events, as the tiles say. Raises KeyError or ValueError where they are not whole."""
    if not size:
        return EMPTY_ROOT
    (found,) = await _hashes(store, partition, [Range(0, size)])
    return found


async def inclusion(store: ProofStore, partition: int, offset: int, size: int) -> tuple[bytes, list[bytes]]:
    """The leaf of an event, and the proof that it is in the tree of `size` events.

    Raises ValueError where it is not, or the tiles are not whole; KeyError.
    """
    leaf, *path = await _hashes(store, partition, [Range(offset, offset + 1), *inclusion_ranges(offset, size)])
    return leaf, path


async def consistency(store: ProofStore, partition: int, old: int, new: int) -> list[bytes]:
    """The proof that the tree of `old` events is the beginning of the one of `new`. Raises as `inclusion`."""
    return await _hashes(store, partition, consistency_ranges(old, new))


def rows_over(tiles: Mapping[TileId, Tile]) -> bytes:
    """The hashes of tiles of one level, in order."""
    return b"".join(tiles[one].hashes for one in sorted(tiles))


async def _hashes(store: ProofStore, partition: int, ranges: list[Range]) -> list[bytes]:
    tiles = await store.tiles(partition, tiles_of(ranges))
    return [range_hash(one, lambda subtree: subtree_hash(tiles, subtree)) for one in ranges]
