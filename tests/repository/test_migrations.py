"""The steps of each history of migrations are one line of numbers: what is made in two places at once meets here."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
HISTORIES: Final = sorted(
    {
        step.parent
        for package in ROOT.iterdir()
        if (package / "__init__.py").exists() and package.name != "tests"
        for step in package.rglob("v[0-9]*_*.py")
    }
)


def test_every_history_is_looked_at() -> None:
    assert {history.name for history in HISTORIES} >= {"control", "migrations", "key_migrations"}


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: str(history.relative_to(ROOT)))
def test_each_step_follows_the_one_before_it(history: Path) -> None:
    before: str | None = None
    for number, step in enumerate(sorted(history.glob("v[0-9]*_*.py")), 1):
        [(revision, down_revision)] = re.findall(
            r'^revision = "(\w+)"\ndown_revision = "?(\w+)"?$', step.read_text(), re.MULTILINE
        )
        assert (step.name[1:5], revision[-4:]) == (f"{number:04}", f"{number:04}"), step.name
        assert down_revision == str(before), step.name
        before = revision
