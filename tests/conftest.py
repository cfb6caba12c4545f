"""What every test may ask for."""

import gc
import tracemalloc  # noqa: F401  # pytest imports it to tell of what was left open, which fails in a finalizer
from collections.abc import Iterator

import pytest

pytest_plugins = ["tests.services.fixtures"]


@pytest.fixture(scope="module", autouse=True)
def garbage_of_its_own() -> Iterator[None]:
    """What a module leaves open is found while the module is still named, not somewhere later."""
    yield
    gc.collect()
