"""Proving the log of an embedded server: who follows it, and what is told of it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from event_log.port import EventLogReader
from event_log.sqlite.event_log import SqliteEventLogReader
from schemas.envelope import PARTITION
from tracklog.background import in_background
from tracklog.proving.hashed_reads import HashedReads
from tracklog.proving.key_file import KeySource, keys_of
from tracklog.proving.places import proof_file_of, proof_key_file_of
from tracklog.proving.proof_store import ProofStore
from tracklog.proving.seen_proofs import SeenProofs
from tracklog.proving.sqlite_proof_store import SqliteProofStore
from tracklog.settings.proof import ProofSettings

if TYPE_CHECKING:
    from tracklog.proving.prover import Prover


@asynccontextmanager
async def proving_beside(log: Path, reader: EventLogReader, proof: ProofSettings) -> AsyncIterator[EventLogReader]:
    """Have the log in a file followed and signed while the context lasts, where it is to be.

    What reads the log is to be done through the reader that this yields: it is then hashed once, and not read twice.
    """
    keys = keys_of(proof, proof_key_file_of(log))
    if keys is None:
        yield reader
        return
    # Only now: it brings the library of the signatures along, which takes 7 MB.
    from tracklog.proving.prover import keep_proving

    hashed = HashedReads(reader)
    async with in_background(keep_proving(lambda: _opened(log, keys, proof.destination, hashed))):
        yield hashed


def proofs_beside(log: Path, log_id: Callable[[], Awaitable[str]], stack: AsyncExitStack) -> SeenProofs:
    """What there is of the proof of a log; its file is opened once there is one, and closed when `stack` is left."""
    store: SqliteProofStore | None = None

    async def opened() -> ProofStore | None:
        nonlocal store
        file = proof_file_of(log)
        if store is None and file.exists():
            store = SqliteProofStore(file, await log_id())
            stack.push_async_callback(store.close)
        return store

    return SeenProofs(opened)


@asynccontextmanager
async def _opened(log: Path, keys: KeySource, destination: str | None, hashed: HashedReads) -> "AsyncIterator[Prover]":
    from tracklog.proving.prover import Prover
    from tracklog.proving.published_checkpoints import publishing

    reader = SqliteEventLogReader(log)
    try:
        log_id = await reader.identity()
        store = SqliteProofStore(proof_file_of(log), log_id)
        try:
            async with publishing(destination, log_id) as published:
                yield Prover(reader, log_id, store, keys, lambda: {PARTITION}, hashed, published)
        finally:
            await store.close()
    finally:
        await reader.close()
