"""Lookups in PostgreSQL keep their contract."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from ingest.admission.postgresql_lookups import PostgresqlLookups
from ingest.logged_models.lookups import LOGGED_MODEL_INFO
from ingest.runs.lookups import RUNS
from read_model.postgresql_connections import PostgresqlReadModelConnections
from schemas.errors import TemporarilyUnavailable
from tests.contracts.lookups_contract import ROWS, LookupsContract
from tests.live_read_model import make_live


async def lookups_in(dsn: str) -> AsyncIterator[PostgresqlLookups]:
    """Lookups in the read model of the database `dsn`."""
    connections = PostgresqlReadModelConnections(dsn, size=2)
    yield PostgresqlLookups(connections)
    await connections.close()


@pytest.fixture
async def lookups(postgresql_database: str) -> AsyncIterator[PostgresqlLookups]:
    await make_live(postgresql_database, ROWS)
    async for lookups in lookups_in(postgresql_database):
        yield lookups


@pytest.fixture
async def empty_lookups(postgresql_database: str) -> AsyncIterator[PostgresqlLookups]:
    await make_live(postgresql_database)
    async for lookups in lookups_in(postgresql_database):
        yield lookups


class TestContract(LookupsContract):
    pass


async def test_without_a_read_model_the_client_is_asked_to_come_back(
    postgresql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("read_model.postgresql_connections.AWAY_S", 0.0)
    async for lookups in lookups_in(postgresql_database):
        with pytest.raises(TemporarilyUnavailable, match="no read model of this version yet"):
            await lookups.one(RUNS.lookup, "r1")
        await make_live(postgresql_database, ROWS)
        assert await lookups.one(RUNS.lookup, "r1") is not None


async def test_a_whole_logged_model_is_one_question(
    postgresql_database: str, lookups: PostgresqlLookups, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    fetch = asyncpg.Connection.fetch

    async def counting(self: Any, *arguments: Any, **options: Any) -> Any:
        asked.append(arguments[0])
        return await fetch(self, *arguments, **options)

    await lookups.one(RUNS.lookup, "r1")  # connects
    monkeypatch.setattr(asyncpg.Connection, "fetch", counting)
    assert await lookups.one(LOGGED_MODEL_INFO, "m-1") is not None
    assert len(asked) == 1
