"""The README's five lines, run as written on a server as `make serve` starts it."""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.tracklog_server import REPOSITORY, TracklogServer

README: Final = (REPOSITORY / "README.md").read_text()
ADDRESS: Final = "http://127.0.0.1:5000"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TracklogServer]:
    with TracklogServer(tmp_path) as running:
        yield running


def five_lines() -> str:
    """The one Python example of the README."""
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    return str(example)


def test_the_readme_serves_with_one_command_that_make_knows() -> None:
    assert "\n    make serve\n" in README
    assert "\n    make test\n" in README


def test_the_five_lines_are_five() -> None:
    assert len([line for line in five_lines().splitlines() if line]) == 5
    assert ADDRESS in five_lines()


def test_the_five_lines_log_a_run(server: TracklogServer, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", five_lines().replace(ADDRESS, server.url)], cwd=tmp_path, check=True)
    search = urllib.request.Request(
        f"{server.url}/api/2.0/mlflow/runs/search",
        data=json.dumps({"experiment_ids": ["0"]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(search) as answer:
        (run,) = json.load(answer)["runs"]
    assert run["info"]["status"] == "FINISHED"
    assert run["data"]["params"] == [{"key": "rate", "value": "0.1"}]
    (metric,) = run["data"]["metrics"]
    assert (metric["key"], metric["value"], metric["step"]) == ("loss", 0.5, 1)
