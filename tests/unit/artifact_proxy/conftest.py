"""A server over a folder with canaries beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.artifact_proxy.serving import Served, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """A server whose destination is `tmp_path/root`, and which may read runs in `tmp_path/local`."""
    with serving(tmp_path / "root", tmp_path / "local") as served:
        yield served
