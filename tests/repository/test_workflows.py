"""What a forge runs can be run here: its steps are make targets, or .ci/run."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.tracklog_server import REPOSITORY

MAKEFILE: Final = (REPOSITORY / "Makefile").read_text()
WORKFLOWS: Final = sorted((REPOSITORY / ".github/workflows").glob("*.yml"))
PUBLISHED_BY: Final = "gh release create "
"""The one command that can only be run on the forge."""


def load(workflow: Path) -> Any:
    return yaml.safe_load(workflow.read_text())


def commands() -> Iterator[str]:
    for workflow in WORKFLOWS:
        for job in load(workflow)["jobs"].values():
            yield from (step["run"] for step in job["steps"] if "run" in step)


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_a_step_is_a_make_target_or_the_whole_of_ci(command: str) -> None:
    target = re.fullmatch(r"make ([a-z-]+)(?: [A-Z]+=[a-z]+)* PYTHON=python", command)
    if target is None:
        assert command == ".ci/run" or command.startswith(PUBLISHED_BY)
    else:
        assert re.search(rf"^{target[1]}:", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_and_jobs_end(workflow: Path) -> None:
    for line in re.findall(r"^.*uses: .*$", workflow.read_text(), re.MULTILINE):
        assert re.search(r"uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)
    for job in load(workflow)["jobs"].values():
        assert job["timeout-minutes"] <= 90


def test_units_are_tested_on_every_python_the_package_names() -> None:
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        classifiers = tomllib.load(file)["project"]["classifiers"]
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(classifiers))
    matrix = load(REPOSITORY / ".github/workflows/ci.yml")["jobs"]["unit"]["strategy"]["matrix"]
    assert matrix["python"] == named
    assert f"\n{' '.join(f'unit-{number}' for number in named)}: unit-%:\n" in MAKEFILE
