"""Proving a shared log: who follows it, and what is told of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from tracklog.background import in_background
from tracklog.distributed.own_stores import opened_proofs
from tracklog.distributed.shared_log import open_shared_reader
from tracklog.proving.key_file import KeySource, keys_of
from tracklog.proving.places import proof_database_of, proofs_in_database
from tracklog.proving.proof_store import ProofStore
from tracklog.proving.seen_proofs import SeenProofs
from tracklog.settings.proof import ProofSettings
from tracklog.settings.store_uris import SharedStores

if TYPE_CHECKING:
    from event_log.port import EventLogReader
    from tracklog.proving.prover import Prover


@asynccontextmanager
async def proving_on(
    stores: SharedStores, proof: ProofSettings, partitions: Callable[[], Collection[int]]
) -> AsyncIterator[None]:
    """Have partitions of the shared log followed and signed while the context lasts, where there is a key."""
    keys = keys_of(proof)
    if keys is None:
        yield
        return
    # Only now: it brings the library of the signatures along, which takes 7 MB.
    from tracklog.proving.prover import keep_proving

    async with in_background(keep_proving(lambda: _opened(stores, keys, proof.destination, partitions))):
        yield


@asynccontextmanager
async def _opened(
    stores: SharedStores, keys: KeySource, destination: str | None, partitions: Callable[[], Collection[int]]
) -> "AsyncIterator[Prover]":
    from tracklog.proving.prover import Prover
    from tracklog.proving.published_checkpoints import publishing

    # A reader of its own, because one of Kafka reads a partition at one place at a time.
    reader = await open_shared_reader(stores.event_log)
    try:
        log_id = await reader.identity()
        store = await opened_proofs(proof_database_of(stores), log_id)
        try:
            async with publishing(destination, log_id) as published:
                yield Prover(reader, log_id, store, keys, partitions, published=published)
        finally:
            await store.close()
    finally:
        await reader.close()


def proofs_on(stores: SharedStores, log: "EventLogReader", stack: AsyncExitStack) -> SeenProofs:
    """What there is of the proof of the log; it is opened once there is some, and closed when `stack` is left."""
    store: ProofStore | None = None
    opening = asyncio.Lock()

    async def opened() -> ProofStore | None:
        nonlocal store
        async with opening:
            if store is None:
                store = await proofs_in_database(proof_database_of(stores), await log.identity())
                if store is not None:
                    stack.push_async_callback(store.close)
            return store

    return SeenProofs(opened)
