"""The store of secrets in PostgreSQL keeps its contract."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from schemas.errors import TemporarilyUnavailable
from schemas.migrations import check
from tests.contracts.secret_store_contract import SecretStoreContract
from tracklog.secret_store.migrations import HISTORY
from tracklog.secret_store.store import POSTGRESQL_SCHEMA, PostgresqlSecretStore, SecretStore, metadata


@pytest.fixture
async def store(postgresql_database: str) -> AsyncIterator[SecretStore]:
    store = await PostgresqlSecretStore.open(postgresql_database)
    yield store
    await store.close()


class TestContract(SecretStoreContract):
    pass


async def test_the_migrations_make_the_declared_table(postgresql_database: str, store: SecretStore) -> None:
    await check(postgresql_database, schema=POSTGRESQL_SCHEMA, history=HISTORY, metadata=metadata)


async def test_two_that_put_the_same_id_at_once_both_succeed(postgresql_database: str, store: SecretStore) -> None:
    other = await PostgresqlSecretStore.open(postgresql_database)
    await asyncio.gather(*(one.put("a", bytes([number])) for number in range(20) for one in (store, other)))
    assert await store.get("a") is not None
    await other.close()


async def test_a_connection_that_was_ended_is_made_anew(postgresql_database: str, store: SecretStore) -> None:
    await store.put("a", b"1")
    connection = await asyncpg.connect(postgresql_database)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()
    assert await store.get("a") == b"1"


async def test_a_database_that_is_away_is_said_to_be_so(postgresql_database: str) -> None:
    store = PostgresqlSecretStore("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(TemporarilyUnavailable):
        await store.get("a")
    await store.close()
