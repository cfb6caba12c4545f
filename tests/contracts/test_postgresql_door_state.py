"""The door's look-ups in PostgreSQL keep their contract."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from ingest.admission.postgresql_lookups import PostgresqlDoorState
from read_model.postgresql_connections import PostgresqlReadModelConnections
from schemas.errors import TemporarilyUnavailable
from tests.contracts.door_state_contract import ROWS, DoorStateContract
from tests.live_read_model import make_live


async def look_ups(dsn: str) -> AsyncIterator[PostgresqlDoorState]:
    """Look-ups in the read model of the database `dsn`."""
    connections = PostgresqlReadModelConnections(dsn, size=2)
    yield PostgresqlDoorState(connections)
    await connections.close()


@pytest.fixture
async def state(postgresql_database: str) -> AsyncIterator[PostgresqlDoorState]:
    await make_live(postgresql_database, ROWS)
    async for state in look_ups(postgresql_database):
        yield state


@pytest.fixture
async def empty_state(postgresql_database: str) -> AsyncIterator[PostgresqlDoorState]:
    await make_live(postgresql_database)
    async for state in look_ups(postgresql_database):
        yield state


class TestContract(DoorStateContract):
    pass


async def test_without_a_read_model_the_client_is_asked_to_come_back(
    postgresql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("read_model.postgresql_connections.AWAY_S", 0.0)
    async for state in look_ups(postgresql_database):
        with pytest.raises(TemporarilyUnavailable, match="no read model of this version yet"):
            await state.run("r1")
        await make_live(postgresql_database, ROWS)
        assert await state.run("r1") is not None


async def test_a_whole_logged_model_is_one_question(
    postgresql_database: str, state: PostgresqlDoorState, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    fetch = asyncpg.Connection.fetch

    async def counting(self: Any, *arguments: Any, **options: Any) -> Any:
        asked.append(arguments[0])
        return await fetch(self, *arguments, **options)

    await state.run("r1")  # connects
    monkeypatch.setattr(asyncpg.Connection, "fetch", counting)
    assert await state.logged_model_json("m-1") is not None
    assert len(asked) == 1
