"""The worker that follows a log: it lets a tree grow over each partition, and signs checkpoints.

An append costs nothing by it, and is not in a checkpoint before the next round, a second later or so. What a checkpoint
says is never contradicted by a later one: where the log is not what was signed, nothing more is signed of that
partition. That is said in the store of proofs, from which `GET /ready` and the metrics have it, and in a log line.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from event_log.port import EventLogReader
from event_log.proof.checkpoint import SignedSize
from event_log.proof.leaf import HASH_BYTES, Leaf, leaf_of
from event_log.proof.note import BadKey, BadNote, PrivateKey, PublicKey, verified
from event_log.proof.rotation import trusted_from
from event_log.proof.tiles import TILE_WIDTH, GrowingTree, TileId, edge_of
from schemas.errors import Retryable
from tracklog.proving.hashed_reads import HashedReads
from tracklog.proving.key_file import KeyRefused, KeySource
from tracklog.proving.proof_store import Outrun, ProofStore
from tracklog.proving.stored_tree import root_at, rows_over

if TYPE_CHECKING:
    from tracklog.proving.published_checkpoints import PublishedCheckpoints

logger = logging.getLogger(__name__)

ROUND_S: Final = 1.0
"""At most one checkpoint of a partition in as long."""

READ_EVENTS: Final = 200
"""Read and hashed at once: about a millisecond, in which this process does nothing else."""

KEPT_EVENTS: Final = 20_000
"""Of a long log that is followed from its beginning, so many are kept at once."""

GREATEST_REST_S: Final = 0.1


class NotWhatWasSigned(Exception):
    """The log, or what is kept of its proof, is not what a checkpoint says; the message says so to people."""


@dataclass(slots=True)
class _Followed:
    """A partition. `last` is the hash of the last leaf; `signed` how many events the newest checkpoint is over."""

    tree: GrowingTree
    last: bytes | None
    signed: int


class Prover:
    """Follows the partitions that `partitions` tells, which may change; two that follow the same one do no harm.

    `hashed` are the reads of others in this process; `published` keeps checkpoints elsewhere, too.
    """

    def __init__(
        self,
        log: EventLogReader,
        log_id: str,
        store: ProofStore,
        keys: KeySource,
        partitions: Callable[[], Collection[int]],
        hashed: HashedReads | None = None,
        published: "PublishedCheckpoints | None" = None,
    ) -> None:
        self._log = log
        self._hashed = hashed
        self._published = published
        self._log_id = log_id
        self._store = store
        self._keys = keys
        self._partitions = partitions
        self._followed: dict[int, _Followed] = {}
        self._faults: dict[int, str] = {}
        self._trouble: str | None = None
        self._signer: PublicKey | None = None

    async def run(self) -> None:
        """Follow the log until cancelled."""
        while True:
            await self.round()
            await asyncio.sleep(ROUND_S)

    async def round(self) -> None:
        """Bring the trees to the end of the log, and sign what they have grown to."""
        try:
            key = self._keys.key()
            if key.public != self._signer:
                self._followed.clear()  # whether the new one is to be trusted is asked when they are resumed
                self._signer = key.public
            end = await self._log.end()
            for partition in sorted(self._partitions()):
                await self._prove(partition, end[partition], key)
            if self._published is not None:
                await self._published.publish()
        except (KeyRefused, Retryable) as error:
            self._followed.clear()
            self._in_trouble(str(error))
        else:
            self._in_trouble(None)

    async def _prove(self, partition: int, end: int, key: PrivateKey) -> None:
        try:
            followed = self._followed.get(partition)
            if followed is None:
                followed = self._followed[partition] = await self._resumed(partition, key)
            await self._follow(partition, followed, end, key)
        except Outrun:
            return  # the next round goes on from where the other is
        except NotWhatWasSigned as fault:
            self._followed.pop(partition, None)
            await self._note(partition, str(fault))
        else:
            await self._note(partition, None)

    async def _follow(self, partition: int, followed: _Followed, end: int, key: PrivateKey) -> None:
        tree = followed.tree
        if end < tree.size:
            raise NotWhatWasSigned(
                f"The log is shorter than what was signed: partition {partition} had {tree.size} events, and has {end}."
            )
        while tree.size < end or followed.signed < end:
            before, until = tree.size, min(end, tree.size + KEPT_EVENTS)
            try:
                await self._grow(partition, followed, until)
                note = (
                    key.sign(SignedSize(self._log_id, partition, until, tree.root()).text()) if until == end else None
                )
                await self._store.grow(partition, before, until, tree.changed(), note)
            except BaseException:
                self._followed.pop(partition, None)  # it is ahead of what is kept
                raise
            if note is not None:
                followed.signed = until
                if self._published is not None:
                    self._published.add(partition, until, note)

    async def _grow(self, partition: int, followed: _Followed, until: int) -> None:
        """Let a tree grow to `until`. The last event that it has already is read again: it must be the same."""
        tree = followed.tree
        loop = asyncio.get_running_loop()
        if tree.size:
            (last,) = await self._read(partition, tree.size - 1, 1)
            if last.hash != followed.last:
                raise NotWhatWasSigned(
                    f"Event {tree.size - 1} of partition {partition} is another than the one that was signed."
                )
        while tree.size < until:
            began_s = loop.time()
            limit = min(READ_EVENTS, until - tree.size)
            leaves = [] if self._hashed is None else self._hashed.leaves(partition, tree.size, limit)
            for leaf in leaves or await self._read(partition, tree.size, limit):
                tree.add(leaf)
                followed.last = leaf.hash
            # Others have at least half of this process, however long the log is.
            await asyncio.sleep(min(loop.time() - began_s, GREATEST_REST_S))

    async def _read(self, partition: int, offset: int, limit: int) -> list[Leaf]:
        """The leaves from `offset` on, one or more of them. Raises NotWhatWasSigned where there are none."""
        events = await self._log.read(partition, offset, limit=limit)
        if not events or [event.offset for event in events] != list(range(offset, offset + len(events))):
            raise NotWhatWasSigned(f"Events of partition {partition} are missing from offset {offset} on.")
        return [leaf_of(event) for event in events]

    async def _resumed(self, partition: int, key: PrivateKey) -> _Followed:
        """What is kept of a partition, once it is known to be what was signed. Raises NotWhatWasSigned."""
        trusted = await self._trusted(key)
        size = await self._store.size(partition)
        edge = await self._store.tiles(partition, edge_of(size))
        last = await self._store.tiles(partition, [TileId(0, (size - 1) // TILE_WIDTH)]) if size else {}
        newest = (await self._store.newest()).get(partition)
        try:
            tree = GrowingTree(size, edge)
            signed = None if newest is None else SignedSize.parse(verified(newest.note, trusted))
            if signed is not None:
                if (signed.log_id, signed.partition) != (self._log_id, partition):
                    raise NotWhatWasSigned(f"The newest checkpoint of partition {partition} is that of another log.")
                if signed.size > size or await root_at(self._store, partition, signed.size) != signed.root:
                    raise NotWhatWasSigned(
                        f"The tree of partition {partition} is not the one that was signed at {signed.size} events."
                    )
        except BadNote as error:
            raise NotWhatWasSigned(f"The newest checkpoint of partition {partition} is not ours: {error}.") from error
        except (KeyError, ValueError) as error:
            raise NotWhatWasSigned(f"The tree of partition {partition} is not whole: {error}.") from error
        row = rows_over(last)
        return _Followed(tree, row[-HASH_BYTES:] if size else None, 0 if signed is None else signed.size)

    async def _trusted(self, key: PrivateKey) -> frozenset[PublicKey]:
        """The keys that signed until now. The first key of a log is written down."""
        known = await self._store.keys()
        if not known:
            await self._store.add_key(str(key.public))
            return frozenset({key.public})
        try:
            trusted = trusted_from(PublicKey.parse(known[0]), known[1:])
        except BadKey as error:
            raise NotWhatWasSigned(f"The first key of the log is none: {error}.") from error
        if key.public not in trusted:
            raise NotWhatWasSigned(
                f"The key {key.public} is not one that the key of this log, {known[0]}, leads to: bring that one back."
            )
        return trusted

    async def _note(self, partition: int, fault: str | None) -> None:
        """Have a fault written down when it is a new one."""
        if partition in self._faults and self._faults[partition] == (fault or ""):
            return
        if fault is not None:
            logger.error("the log cannot be proven: %s Nothing more of it is signed.", fault)
        await self._store.note_fault(partition, fault)
        self._faults[partition] = fault or ""

    def _in_trouble(self, why: str | None) -> None:
        if why is not None and self._trouble is None:
            logger.error("no checkpoint is signed now: %s", why)
        self._trouble = why


async def keep_proving(opened: Callable[[], AbstractAsyncContextManager[Prover]]) -> None:
    """Have a worker follow a log until cancelled; what cannot be opened now is tried again."""
    was_told = False
    while True:
        try:
            async with opened() as prover:
                await prover.run()
        except Retryable as error:
            if not was_told:
                logger.error("no checkpoint is signed now: %s", error)
            was_told = True
            await asyncio.sleep(ROUND_S)
        except Exception:
            # What the process does beside it goes on.
            logger.exception("the log is not followed any more: no checkpoint is signed until a restart")
            raise
