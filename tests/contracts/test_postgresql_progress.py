"""The progress of a read model in PostgreSQL keeps the contract."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from read_model.postgresql_connections import PostgresqlReadModelConnections
from read_model.postgresql_progress import PostgresqlProgress
from schemas.postgresql import FLUSH_CHANNEL, schema_of
from tests.contracts.progress_contract import FollowedModels, FollowedProgressContract, Refused
from tests.eventually import until
from tests.live_read_model import commit, make_live


class FollowedDatabase(FollowedModels):
    """A read model in PostgreSQL into which the test commits on a connection of its own."""

    progress: PostgresqlProgress

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connections = PostgresqlReadModelConnections(dsn, size=2)
        self.progress = PostgresqlProgress(dsn, self._connections)
        self._projector: Any = None
        self._generation = 0
        self._checkpoint = 0
        self._requests: list[str] = []

    async def start(self) -> None:
        self._generation = await make_live(self._dsn)
        self._projector = await asyncpg.connect(self._dsn)
        await self._projector.add_listener(FLUSH_CHANNEL, lambda *heard: self._requests.append(heard[3]))
        self.progress.start()
        await until(lambda: self.progress.missing is None)

    async def close(self) -> None:
        await self.progress.close()
        await self._connections.close()
        self._projector.terminate()

    async def commit(self, checkpoint: int, refused: Refused | None = None) -> None:
        self._checkpoint = checkpoint
        rows = {(0, offset): (error.error_code, error.message) for offset, error in (refused or {}).items()}
        await commit(self._projector, self._generation, {0: checkpoint}, rows)

    async def set_aside(self, count: int) -> None:
        await self._projector.execute(
            f"INSERT INTO {schema_of(self._generation)}.set_aside"
            f" SELECT 9, number, 'run/a', 'e', 'run.created', 'no' FROM generate_series(1, {count}) AS number"
        )
        await commit(self._projector, self._generation, {0: self._checkpoint}, set_aside=count)

    async def replace(self, checkpoint: int) -> None:
        self._generation = await make_live(self._dsn, f"INSERT INTO checkpoints VALUES (0, {checkpoint});")

    async def waiting(self, count: int) -> None:
        await until(lambda: self.progress._waiters._present >= count)

    async def flush_requests(self, at_least: int = 0) -> int:
        await until(lambda: len(self._requests) >= at_least)
        await self._projector.execute(f"NOTIFY {FLUSH_CHANNEL}, 'the last'")
        await until(lambda: "the last" in self._requests)
        self._requests.remove("the last")
        return len(self._requests)


class TestPostgresqlProgress(FollowedProgressContract):
    """The rules."""

    @pytest.fixture
    async def followed(self, postgresql_database: str) -> AsyncIterator[FollowedDatabase]:
        followed = FollowedDatabase(postgresql_database)
        await followed.start()
        yield followed
        await followed.close()
