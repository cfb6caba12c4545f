"""Read models of both dialects, filled by a test."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from tests.services.given import GivenPostgresql
from tests.services.postgresql import Postgresql
from tests.unit.query_api.postgresql_rows import PostgresqlRows, database_with_tables
from tests.unit.query_api.sqlite_rows import SqliteRows

MakeRows = Callable[[], SqliteRows]


@pytest.fixture(scope="session")
def postgresql_tables(postgresql_service: Postgresql | GivenPostgresql) -> Iterator[str]:
    """The URL of a database with the tables of a read model, shared by the tests one after the other."""
    with database_with_tables(postgresql_service) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
async def make_rows(request: pytest.FixtureRequest) -> AsyncIterator[MakeRows]:
    """Gives a read model without rows; what an earlier one held is not asked for any more."""
    made: list[SqliteRows] = []

    def make() -> SqliteRows:
        if request.param == "sqlite":
            made.append(SqliteRows())
        elif made:
            made[0].clear()
            return made[0]
        else:
            made.append(PostgresqlRows(request.getfixturevalue("postgresql_tables")))
        return made[-1]

    yield make
    for rows in made:
        await rows.close()


@pytest.fixture
def rows(make_rows: MakeRows) -> SqliteRows:
    """A read model with one experiment."""
    rows = make_rows()
    rows.experiment(1)
    return rows
