"""The read model in PostgreSQL keeps its contract."""

from collections.abc import AsyncIterator, Iterator

import pytest

from query_api.postgresql.read_model import PostgresqlReadModel
from tests.contracts.read_model_contract import RUN_IDS, AnswersContract, Asked, BoundsContract
from tests.services.given import GivenPostgresql
from tests.services.postgresql import Postgresql, execute
from tests.unit.query_api.postgresql_rows import SCHEMA, PooledConnections, PostgresqlRows, database_with_tables


@pytest.fixture(scope="module")
def database(postgresql_service: Postgresql | GivenPostgresql) -> Iterator[str]:
    with database_with_tables(postgresql_service) as url:
        yield url


@pytest.fixture
async def asked(database: str) -> AsyncIterator[Asked]:
    rows = PostgresqlRows(database)
    rows.experiment(1)
    for run_id in RUN_IDS:
        rows.run(run_id)
    rows.insert("facts", name="name", value="first")
    assert len(await rows.fetch("SELECT run_id FROM runs")) == len(RUN_IDS)
    connections = PooledConnections(database)
    yield Asked(
        PostgresqlReadModel(connections),
        lambda value: execute(database, f"UPDATE {SCHEMA}.facts SET value = '{value}'"),
        "convert_to(repeat('x', $1), 'UTF8')",
        "SELECT repeat(repeat('x', 1000000), 2000)",
    )
    await connections.close()
    await rows.close()


class TestPostgresqlReadModel(AnswersContract, BoundsContract):
    pass
