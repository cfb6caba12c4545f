"""What every test of a rule has."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def seldom_look_for_garbage() -> Iterator[None]:
    """What a module leaves is collected at its end. Elsewhere memory is measured."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 20, 20)
    yield
    gc.set_threshold(*before)
