"""Trees for tests: of leaves that stand for nothing, and the whole tree as RFC 9162 defines it."""

from hashlib import sha256

from event_log.proof.leaf import Leaf
from event_log.proof.tiles import GrowingTree, Tiles, subtree_hash
from event_log.proof.tree import EMPTY_ROOT, Range, node_hash, range_hash


def leaves(count: int) -> list[Leaf]:
    return [Leaf(sha256(b"\0%d" % number).digest(), b"%8d" % number) for number in range(count)]


def defined_root(hashes: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1, word for word."""
    if not hashes:
        return EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return node_hash(defined_root(hashes[:k]), defined_root(hashes[k:]))


def grown(found: list[Leaf]) -> tuple[GrowingTree, Tiles]:
    tree = GrowingTree()
    for leaf in found:
        tree.add(leaf)
    return tree, tree.changed()


def proof(tiles: Tiles, ranges: list[Range]) -> list[bytes]:
    return [range_hash(one, lambda subtree: subtree_hash(tiles, subtree)) for one in ranges]
