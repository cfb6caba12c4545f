"""Lookups in SQLite keep their contract, against a read model that the projector's own code makes."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.admission.lookups import Lookup
from ingest.admission.sqlite_lookups import SqliteLookups
from ingest.experiments.lookups import EXPERIMENT_NAMED
from ingest.runs.lookups import RUNS
from schemas.errors import TemporarilyUnavailable
from tests.contracts.lookups_contract import ROWS, LookupsContract
from tests.unit.projector.read_models import empty_read_model


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """A read model with a few rows, as a link to its first generation."""
    return make_generation(tmp_path / "log.db.read-model", 1, ROWS)


@pytest.fixture
def lookups(link: Path) -> Iterator[SqliteLookups]:
    """Lookups in that read model."""
    lookups = SqliteLookups(link)
    yield lookups
    lookups.close()


def make_generation(link: Path, number: int, rows: str) -> Path:
    """Make a generation and switch the link to it, as a rebuild does."""
    file = link.with_name(f"{link.name}.{number}")
    shutil.copy(empty_read_model(), file)
    connection = sqlite3.connect(file)
    connection.executescript(rows)
    connection.close()
    fresh = link.with_name("fresh-link")
    fresh.symlink_to(file.name)
    os.replace(fresh, link)
    return link


@pytest.fixture
def empty_lookups(tmp_path: Path) -> Iterator[SqliteLookups]:
    """Lookups in a read model without rows."""
    lookups = SqliteLookups(make_generation(tmp_path / "empty.read-model", 1, ""))
    yield lookups
    lookups.close()


class TestContract(LookupsContract):
    pass


async def test_a_rebuilt_read_model_is_read_as_soon_as_the_link_leads_to_it(lookups: SqliteLookups, link: Path) -> None:
    assert await lookups.one(RUNS.lookup, "r1") is not None
    make_generation(link, 2, "INSERT INTO experiments VALUES (0, 'new', 'loc', 'active', 1, 1, 1, 0, NULL)")
    assert await lookups.one(RUNS.lookup, "r1") is None
    assert await lookups.one(EXPERIMENT_NAMED, "new") is not None


async def test_without_a_read_model_the_client_is_asked_to_come_back(tmp_path: Path) -> None:
    lookups = SqliteLookups(tmp_path / "none.read-model")
    with pytest.raises(TemporarilyUnavailable):
        await lookups.one(RUNS.lookup, "r1")
    (tmp_path / "none.read-model").symlink_to("missing")
    with pytest.raises(TemporarilyUnavailable):
        await lookups.one(RUNS.lookup, "r1")
    make_generation(tmp_path / "none.read-model", 1, ROWS)
    assert await lookups.one(RUNS.lookup, "r1") is not None
    lookups.close()


async def test_the_read_model_cannot_be_changed_from_here(lookups: SqliteLookups) -> None:
    with pytest.raises(TemporarilyUnavailable, match="readonly"):
        await lookups.all(Lookup("DELETE FROM runs", tuple))
