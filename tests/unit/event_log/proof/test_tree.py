"""The tree, in tiles: its root is that of RFC 9162, and its proofs verify, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_log.proof.tiles import GrowingTree, TileId, edge_of, subtree_hash, tiles_of
from event_log.proof.tree import (
    consistency_ranges,
    inclusion_ranges,
    root,
    verifies_consistency,
    verifies_inclusion,
)
from tests.unit.event_log.proof.trees import defined_root, grown, leaves, proof

LEAVES = leaves(66_000)  # more than a tile of tiles
TREE, TILES = grown(LEAVES)
SIZES = st.one_of(st.integers(1, 600), st.sampled_from([65_535, 65_536, 65_537, 65_792, 66_000]))


def root_of(size: int) -> bytes:
    return root(size, lambda subtree: subtree_hash(TILES, subtree))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, 1000])
def test_the_root_is_that_of_the_definition(size: int) -> None:
    tree, _ = grown(LEAVES[:size])
    assert tree.root() == defined_root([leaf.hash for leaf in LEAVES[:size]])
    assert root_of(size) == tree.root()


@given(st.integers(0, 1100), st.integers(0, 1100))
def test_a_tree_that_goes_on_from_its_edge_is_the_same(first: int, more: int) -> None:
    begun, tiles = grown(LEAVES[:first])
    kept = {one: tiles[one] for one in edge_of(first)}
    going_on = GrowingTree(first, kept)
    for leaf in LEAVES[first : first + more]:
        going_on.add(leaf)
    at_once, all_tiles = grown(LEAVES[: first + more])
    assert going_on.root() == at_once.root()
    changed = going_on.changed()
    assert {**tiles, **changed} == all_tiles
    assert all(changed[one] != tiles.get(one) for one in changed if one not in kept)
    assert begun.size == first


@given(SIZES, st.data())
def test_a_leaf_is_proven_where_it_is_and_nowhere_else(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = proof(TILES, inclusion_ranges(index, size))
    leaf = LEAVES[index].hash
    assert verifies_inclusion(leaf, index, size, path, root_of(size))
    assert not verifies_inclusion(
        LEAVES[index + 1].hash if size < 66_000 else bytes(32), index, size, path, root_of(size)
    )
    other = data.draw(st.integers(0, size - 1))
    assert other == index or not verifies_inclusion(leaf, other, size, path, root_of(size))
    assert not verifies_inclusion(leaf, index, size, [*path, bytes(32)], root_of(size))
    assert not path or not verifies_inclusion(leaf, index, size, path[:-1], root_of(size))


@given(SIZES, st.data())
def test_an_old_tree_is_proven_to_be_the_beginning_of_a_new_one(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    path = proof(TILES, consistency_ranges(old, new))
    assert verifies_consistency(old, new, root_of(old), root_of(new), path)
    assert not verifies_consistency(old, new, bytes(32), root_of(new), path)
    assert not verifies_consistency(old, new, root_of(old), bytes(32), path)
    assert not verifies_consistency(old, new, root_of(old), root_of(new), [*path, bytes(32)])


def test_a_proof_is_read_from_few_tiles() -> None:
    assert len(tiles_of(inclusion_ranges(300, 66_000))) <= 5
    assert edge_of(66_000) == [TileId(0, 257), TileId(1, 1), TileId(2, 0)]


def test_there_is_no_proof_of_what_is_not_there() -> None:
    with pytest.raises(ValueError, match="no leaf 5"):
        inclusion_ranges(5, 5)
    with pytest.raises(ValueError, match="no beginning"):
        consistency_ranges(6, 5)
    assert not verifies_inclusion(LEAVES[0].hash, 5, 5, [], root_of(5))
    assert not verifies_consistency(6, 5, root_of(6), root_of(5), [])
