"""Where the proofs of a log are kept, by where the log is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from schemas.errors import TemporarilyUnavailable
from tracklog.proving.proof_store import SCHEMA, ProofStore
from tracklog.settings.store_uris import EventLogPlace, PostgresqlDatabase, SharedStores, SqliteFile, Stores


def proof_file_of(log: Path) -> Path:
    """The trees and checkpoints of a log in a file."""
    return log.with_name(f"{log.name}.proof")


def proof_key_file_of(log: Path) -> Path:
    """The key that signs them where the operator names none."""
    return log.with_name(f"{log.name}.proof-key")


def proof_database_of(stores: SharedStores) -> str:
    """The database of the proofs: that of the log, and of the read model where Kafka keeps the log."""
    log = stores.event_log
    return log.dsn if isinstance(log, PostgresqlDatabase) else stores.read_model.dsn


@asynccontextmanager
async def kept_proofs(place: EventLogPlace, stores: Stores | None, log_id: str) -> AsyncIterator[ProofStore | None]:
    """The proofs of a log where there are some, to read; None where there are none, or nobody says where.

    Raises TemporarilyUnavailable.
    """
    store = await _opened(place, stores, log_id)
    try:
        yield store
    finally:
        if store is not None:
            await store.close()


@asynccontextmanager
async def new_proofs(place: SqliteFile | PostgresqlDatabase, log_id: str) -> AsyncIterator[ProofStore]:
    """The proofs of a log, made where there are none. Raises TemporarilyUnavailable, and what asyncpg raises."""
    store: ProofStore
    if isinstance(place, SqliteFile):
        from tracklog.proving.sqlite_proof_store import SqliteProofStore

        store = SqliteProofStore(proof_file_of(place.path), log_id)
    else:
        from tracklog.proving.postgresql_proof_store import PostgresqlProofStore

        store = await PostgresqlProofStore.open(place.dsn, log_id)
    try:
        yield store
    finally:
        await store.close()


async def _opened(place: EventLogPlace, stores: Stores | None, log_id: str) -> ProofStore | None:
    if isinstance(place, SqliteFile):
        from tracklog.proving.sqlite_proof_store import SqliteProofStore

        file = proof_file_of(place.path)
        return SqliteProofStore(file, log_id) if file.exists() else None
    if isinstance(place, PostgresqlDatabase):
        return await proofs_in_database(place.dsn, log_id)
    return await proofs_in_database(stores.read_model.dsn, log_id) if isinstance(stores, SharedStores) else None


async def proofs_in_database(dsn: str, log_id: str) -> ProofStore | None:
    """Those of a log that are kept in a database; None where there are none. Raises TemporarilyUnavailable."""
    import asyncpg

    from schemas.postgresql_errors import CONNECT_ERRORS, PASSING_ERRORS, cannot_connect
    from tracklog.proving.postgresql_proof_store import PostgresqlProofStore

    try:
        connection = await asyncpg.connect(dsn, timeout=5)
        try:
            is_there = await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", f"{SCHEMA}.keys")
        finally:
            await connection.close()
    except (*CONNECT_ERRORS, *PASSING_ERRORS) as error:
        raise TemporarilyUnavailable(cannot_connect(dsn, error)) from error
    return PostgresqlProofStore(dsn, log_id) if is_there else None
