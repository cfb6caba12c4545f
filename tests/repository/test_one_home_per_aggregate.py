"""An aggregate has a home in each stage, and what talks to SQLite, PostgreSQL or Kafka names none."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from read_model.tables import bookkeeping, metadata
from schemas.events import STREAM_KINDS

REPOSITORY: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("event_log", "ingest", "projector", "query_api", "read_model", "schemas", "tracklog")

ADAPTER: Final = re.compile(r"(^|/)(sqlite|postgresql|kafka)(_\w+)?(/|\.py$)")

OWN_SEARCH: Final = "query_api/runs/search/"
"""Runs are searched by statements written by hand for each database, in the aggregate's own folder: see ADR 11."""

OTHER_MEANINGS: Final = {"event_log/kafka/topic_metadata.py": {"tags"}}
"""Kafka calls the optional fields of its protocol so."""

OF_EVERY_EVENT: Final = {"user", "access"}
"""Aggregates, and what every event says of its actor; databases and brokers have users and access to them too."""


def adapters() -> list[str]:
    files = (file for package in PACKAGES for file in (REPOSITORY / package).rglob("*.py"))
    paths = sorted(file.relative_to(REPOSITORY).as_posix() for file in files)
    return [path for path in paths if ADAPTER.search(path) and not path.startswith(OWN_SEARCH)]


def names() -> set[str]:
    """What tells of an aggregate: its tables, its kind, its id. `run` alone is also a verb."""
    kept_for_the_fold = {table.name for table in vars(bookkeeping).values() if table in metadata.tables.values()}
    kinds = {kind.replace("-", "_") for kind in STREAM_KINDS}
    return (
        metadata.tables.keys() - kept_for_the_fold | kinds - {"run"} - OF_EVERY_EVENT | {f"{kind}_id" for kind in kinds}
    )


NAME: Final = re.compile(rf"(?<![a-z])({'|'.join(sorted(names(), key=len, reverse=True))})(?![a-z])", re.IGNORECASE)


def words_of(source: str) -> Iterator[str]:
    """The names and the texts of a module, docstrings left out."""
    tree = ast.parse(source)
    documentation = {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and node not in documentation:
                yield node.value
        else:
            yield from (value for _, value in ast.iter_fields(node) if isinstance(value, str))


def named_in(source: str) -> set[str]:
    return {found[0].lower() for word in words_of(source) for found in NAME.finditer(word)}


@pytest.mark.parametrize("path", adapters())
def test_an_adapter_names_no_aggregate(path: str) -> None:
    assert named_in((REPOSITORY / path).read_text()) - OTHER_MEANINGS.get(path, set()) == set()


def test_there_are_adapters_in_every_stage() -> None:
    """Or the test above would look at nothing of it."""
    stages = {path.partition("/")[0] for path in adapters()}
    assert stages >= {"event_log", "ingest", "projector", "query_api", "read_model", "schemas"}


@pytest.mark.parametrize(
    "line",
    [
        'SQL = "SELECT name FROM experiments WHERE x = 1"',
        "from schemas.events.logged_models import LoggedModelCreated",
        "def load(run_id): pass",
        "state.latest_metrics.clear()",
        'f"INSERT INTO {schema}.params VALUES (1)"',
    ],
)
def test_a_name_would_be_found(line: str) -> None:
    assert named_in(line)


def test_documentation_may_give_examples() -> None:
    assert not named_in('"""As for experiments."""\n\nBOUND = 1\n"""Of a run_id."""\n')
