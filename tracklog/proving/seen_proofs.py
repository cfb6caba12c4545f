"""What a process that serves sees of the proofs of its log, in the store in which another writes them."""

from collections.abc import Awaitable, Callable, Sequence

from prometheus_client.core import Metric

from event_log.proof.leaf import HASH_BYTES
from query_api.proof.port import Inclusion, Proofs, SignedCheckpoint
from schemas.errors import Retryable, TemporarilyUnavailable
from tracklog.proving.metrics import proof_metrics
from tracklog.proving.proof_store import ProofStore
from tracklog.proving.stored_tree import consistency, inclusion


class NotProven(Exception):
    """Something is not what was signed; the message says what, to people."""


class SeenProofs(Proofs):
    """`opened` gives the store, None where there is none yet."""

    def __init__(self, opened: Callable[[], Awaitable[ProofStore | None]]) -> None:
        self._opened = opened

    async def newest(self, partition: int) -> SignedCheckpoint | None:
        store = await self._opened()
        found = None if store is None else (await store.newest()).get(partition)
        return None if found is None else SignedCheckpoint(size=found.size, note=found.note)

    async def keys(self) -> str:
        store = await self._opened()
        return "" if store is None else "\n".join(await store.keys())

    async def inclusion(self, partition: int, offset: int, size: int) -> Inclusion:
        try:
            leaf, hashes = await inclusion(await self._there(), partition, offset, size)
        except (KeyError, ValueError) as error:
            raise TemporarilyUnavailable(f"The tree of partition {partition} is not whole: {error}.") from error
        assert len(leaf) == HASH_BYTES
        return Inclusion(leaf=leaf, hashes=hashes)

    async def consistency(self, partition: int, old_size: int, size: int) -> Sequence[bytes]:
        try:
            return await consistency(await self._there(), partition, old_size, size)
        except (KeyError, ValueError) as error:
            raise TemporarilyUnavailable(f"The tree of partition {partition} is not whole: {error}.") from error

    async def check(self) -> None:
        """Raise NotProven, with why, where something is not what was signed."""
        store = await self._opened()
        if store is not None:
            faults = [fault for _, fault in (await store.partitions()).values() if fault is not None]
            if faults:
                raise NotProven(" ".join(faults))

    async def measured(self) -> list[Metric]:
        """For /metrics; nothing while the store is away."""
        try:
            store = await self._opened()
            if store is None:
                return []
            newest, partitions = await store.newest(), await store.partitions()
        except Retryable:
            return []
        signed = {partition: newest[partition].size if partition in newest else 0 for partition in partitions}
        return proof_metrics(signed, sum(fault is not None for _, fault in partitions.values()))

    async def _there(self) -> ProofStore:
        store = await self._opened()
        if store is None:
            raise TemporarilyUnavailable("There are no proofs of the log.")
        return store
