"""The delivery store in an SQLite file keeps the contract."""

import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contracts.delivery_store_contract import (
    LEASES,
    NOW_US,
    TTL_US,
    DeliveryStoreContract,
    add,
    delivery,
    waiting,
)
from tracklog.webhooks.delivery_store import DeliveryStore, SqliteDeliveryStore


class TestSqliteDeliveryStore(DeliveryStoreContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[DeliveryStore]:
        store = SqliteDeliveryStore(tmp_path / "deliveries")
        yield store
        await store.close()

    async def test_what_is_not_renewed_is_taken_by_another_when_its_time_is_over(self, store: DeliveryStore) -> None:
        assert await store.balance("a", [LEASES], TTL_US, NOW_US) == (set(LEASES), set())
        late_us = NOW_US + TTL_US - 1
        assert await store.balance("b", [LEASES], TTL_US, late_us) == (set(), set())
        assert await store.balance("b", [LEASES], TTL_US, late_us + 1) == (set(LEASES), set())
        assert await store.balance("a", [LEASES], TTL_US, late_us + 1) == (set(), set())

    async def test_it_is_there_after_a_restart_and_for_its_owner_alone(self, tmp_path: Path) -> None:
        file = tmp_path / "deliveries"
        before = SqliteDeliveryStore(file)
        await add(before, delivery(1))
        await before.close()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        after = SqliteDeliveryStore(file)
        assert await waiting(after) == [1]
        await after.close()
