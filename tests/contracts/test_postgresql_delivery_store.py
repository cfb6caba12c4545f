"""The delivery store in PostgreSQL keeps the contract."""

from collections.abc import AsyncIterator

import pytest

from schemas import migrations
from tests.contracts.delivery_store_contract import LEASES, DeliveryStoreContract
from tests.services.postgresql import execute
from tracklog.webhooks.delivery_store import POSTGRESQL_SCHEMA, DeliveryStore, PostgresqlDeliveryStore
from tracklog.webhooks.migrations import HISTORY
from tracklog.webhooks.tables import metadata


class TestPostgresqlDeliveryStore(DeliveryStoreContract):
    @pytest.fixture
    async def store(self, postgresql_database: str) -> AsyncIterator[DeliveryStore]:
        store = await PostgresqlDeliveryStore.open(postgresql_database)
        yield store
        await store.close()

    async def test_the_clock_of_the_database_says_whose_time_is_over(
        self, store: DeliveryStore, postgresql_database: str
    ) -> None:
        """Whatever the clocks of senders say."""
        assert await store.balance("a", [LEASES], 3_600_000_000, 0) == (set(LEASES), set())
        assert await store.balance("b", [LEASES], 3_600_000_000, 2**60) == (set(), set())
        execute(postgresql_database, f"UPDATE {POSTGRESQL_SCHEMA}.leases SET until_us = 1")
        execute(postgresql_database, f"UPDATE {POSTGRESQL_SCHEMA}.senders SET until_us = 1 WHERE owner = 'a'")
        assert await store.balance("b", [LEASES], 3_600_000_000, 0) == (set(LEASES), set())


async def test_the_tables_made_by_migrations_are_those_that_the_code_uses(postgresql_database: str) -> None:
    store = await PostgresqlDeliveryStore.open(postgresql_database)
    await store.close()
    await migrations.check(postgresql_database, schema=POSTGRESQL_SCHEMA, history=HISTORY, metadata=metadata)
