"""What every test of ingest has."""

from collections.abc import Iterator

import pytest

from tests.unit.ingest.doubles import close_what_is_open


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    """In the thread of the test: a connection to SQLite cannot be closed in another, where garbage may be collected."""
    yield
    close_what_is_open()
