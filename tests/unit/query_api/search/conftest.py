"""A read model in memory, with one experiment."""

from collections.abc import Iterator

import pytest

from tests.unit.query_api.sqlite_rows import SqliteRows


@pytest.fixture
def rows() -> Iterator[SqliteRows]:
    rows = SqliteRows()
    rows.experiment(1)
    yield rows
    rows.connection.close()
