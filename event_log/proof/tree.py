"""The Merkle tree of RFC 9162 over the leaves of a partition, and its proofs.

Everything here is in terms of ranges of leaves and of complete subtrees: `Subtree(level, number)` is the one over the
`2**level` leaves from `number * 2**level` on. Where their hashes are kept is another matter (`event_log.proof.tiles`).
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

EMPTY_ROOT: Final = sha256(b"").digest()

_NODE: Final = b"\x01"


class Subtree(NamedTuple):
    """A complete subtree: the leaf itself at level 0."""

    level: int
    number: int


class Range(NamedTuple):
    """The leaves from `start` to before `end`, at least one; `start` is a multiple of the largest complete subtree
    that fits in."""

    start: int
    end: int


HashOf = Callable[[Subtree], bytes]


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(_NODE + left + right).digest()


def subtrees(leaves: Range) -> Iterator[Subtree]:
    """The complete subtrees that make up a range, from the left and the largest on."""
    start, end = leaves
    while start < end:
        level = (end - start).bit_length() - 1
        yield Subtree(level, start >> level)
        start += 1 << level


def range_hash(leaves: Range, hash_of: HashOf) -> bytes:
    """The hash over a range of leaves."""
    found: bytes | None = None
    for subtree in reversed(list(subtrees(leaves))):
        of_subtree = hash_of(subtree)
        found = of_subtree if found is None else node_hash(of_subtree, found)
    assert found is not None
    return found


def root(size: int, hash_of: HashOf) -> bytes:
    """The root of the tree over the first `size` leaves."""
    return range_hash(Range(0, size), hash_of) if size else EMPTY_ROOT


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The ranges whose hashes prove that leaf `index` is in the tree of `size` leaves, from the leaf upwards.

    RFC 9162, section 2.1.3.1. Raises ValueError where there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    path: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(Range(middle, end))
            end = middle
        else:
            path.append(Range(start, middle))
            start = middle
    return path[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """The ranges whose hashes prove that the tree of `old` leaves is the beginning of the one of `new`.

    RFC 9162, section 2.1.4.1. Empty where the two are the same, or the old one is empty. Raises ValueError for `old`
    greater than `new`, or negative.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} leaves is no beginning of one of {new}")
    if old in (0, new):
        return []
    path: list[Range] = []
    start, end = 0, new
    while old < end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(Range(middle, end))
            end = middle
        else:
            path.append(Range(start, middle))
            start = middle
    # Where the old tree is itself a complete subtree on the left edge, the verifier knows its hash.
    return [*([] if start == 0 else [Range(start, end)]), *reversed(path)]


def verifies_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root_hash: bytes) -> bool:
    """Whether `proof` shows that `leaf` is at `index` in the tree of this size and root. RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    first, last = index, size - 1
    found = leaf
    for hashed in proof:
        if last == 0:
            return False
        if first & 1 or first == last:
            found = node_hash(hashed, found)
            while not first & 1 and first:
                first >>= 1
                last >>= 1
        else:
            found = node_hash(found, hashed)
        first >>= 1
        last >>= 1
    return last == 0 and found == root_hash


def verifies_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the old tree is the beginning of the new one. RFC 9162, section 2.1.4.2."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first >>= 1
        last >>= 1
    found_old = found_new = path[0]
    for hashed in path[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            found_old = node_hash(hashed, found_old)
            found_new = node_hash(hashed, found_new)
            while not first & 1 and first:
                first >>= 1
                last >>= 1
        else:
            found_new = node_hash(found_new, hashed)
        first >>= 1
        last >>= 1
    return last == 0 and found_old == old_root and found_new == new_root


def _split(size: int) -> int:
    """The largest power of two smaller than `size`, which is at least two."""
    return 1 << ((size - 1).bit_length() - 1)
