"""What every test may ask for."""

import gc
import tracemalloc  # noqa: F401  # pytest imports it to tell of what was left open, which fails in a finalizer
from collections.abc import Iterator

import pytest
from hypothesis import settings

pytest_plugins = ["tests.services.fixtures"]

# No test is timed: machines are busy.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="module", autouse=True)
def garbage_of_its_own() -> Iterator[None]:
    """What a module leaves open is found while the module is still named, not somewhere later."""
    yield
    gc.collect()
