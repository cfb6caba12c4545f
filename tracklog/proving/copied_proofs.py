"""The proofs of a log beside a copy of it: as much of them as is about the events that the copy has."""

from event_log.proof.tiles import TILE_WIDTH, GrowingTree, edge_of
from schemas.envelope import PARTITION
from tracklog.proving.proof_store import ProofStore


async def copy_proofs(source: ProofStore, target: ProofStore, end: int) -> None:
    """Bring the proofs of a log of one partition up to date, for a copy of its first `end` events.

    Leaves that `target` has already are left as they are. The keys come last: without one it was broken off. Raises
    TemporarilyUnavailable.
    """
    await _copy_tree(source, target, min(end, await source.size(PARTITION)))
    kept = {(one.hour, one.size) for one in await target.checkpoints(PARTITION)}
    for one in await source.checkpoints(PARTITION):
        if one.size <= end and (one.hour, one.size) not in kept:
            await target.keep_checkpoint(one)
    for key in (await source.keys())[len(await target.keys()) :]:
        await target.add_key(key)


async def _copy_tree(source: ProofStore, target: ProofStore, end: int) -> None:
    before = await target.size(PARTITION)
    tree = GrowingTree(before, await target.tiles(PARTITION, edge_of(before)))
    while tree.size < end:
        number, passed = divmod(tree.size, TILE_WIDTH)
        tiles = await source.leaf_tiles(PARTITION, number)
        leaves = [leaf for tile in tiles for leaf in tile.leaves()][passed : passed + end - tree.size]
        if not leaves:
            return  # it is no longer as large as it said: what was copied holds all the same
        for leaf in leaves:
            tree.add(leaf)
        await target.grow(PARTITION, before, tree.size, tree.changed(), None)
        before = tree.size
