"""The writer of the read model in PostgreSQL keeps its contract."""

import pytest

from event_log.memory_event_log import MemoryEventLog
from projector import postgresql_generations as generations
from projector.port import ReadModelWriter
from tests.contracts.read_model_writer_contract import ReadModelWriterContract, WrittenReadModel
from tests.integration.postgresql_read_models import PostgresqlReadModel


class InPostgresql(WrittenReadModel):
    """A generation in a database of its own."""

    def __init__(self, generation: PostgresqlReadModel) -> None:
        self._generation = generation

    async def open(self) -> ReadModelWriter:
        return await self._generation.writer()

    async def supersede(self) -> None:
        async with generations.connected(self._generation.dsn) as connection:
            await generations.retire(connection, self._generation.generation)


@pytest.fixture
async def read_model(postgresql_database: str) -> InPostgresql:
    return InPostgresql(await PostgresqlReadModel.live(postgresql_database, MemoryEventLog(3)))


class TestPostgresqlReadModelWriter(ReadModelWriterContract):
    pass
