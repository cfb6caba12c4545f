"""The door's look-ups, against a read model that the projector's own code makes."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from ingest.port import ExperimentAtDoor, LoggedModelAtDoor, RunAtDoor, RunInfo
from ingest.sqlite_door_state import SqliteDoorState
from projector import sqlite_generations
from schemas.errors import TemporarilyUnavailable

ROWS = """
INSERT INTO experiments VALUES (0, 'Default', 'loc0', 'active', 10, 1, 1), (7, 'seven', 'loc7', 'deleted', 50, 1, 1);
INSERT INTO experiment_tags VALUES (7, 'a.b', 'x'), (7, 'a%b', 'y'), (0, 'a.c', 'z');
INSERT INTO runs VALUES
  (1, 'r1', 0, 'one', 'u', 'RUNNING', 5, NULL, 'uri1', 'active', 20),
  (2, 'r2', 7, 'two', '', 'FINISHED', 5, 9, 'uri2', 'active', 20),
  (3, 'r3', 7, 'three', '', 'FINISHED', 5, 9, 'uri3', 'active', 60);
INSERT INTO params VALUES (1, 'p', '1', 0), (1, 'q', '', 0), (2, 'p', '2', 7);
INSERT INTO tags VALUES (1, 't', 'x', 0);
INSERT INTO model_outputs VALUES (1, 'm-1', 0), (1, 'm-2', 0), (2, 'm-3', 0);
INSERT INTO logged_models VALUES ('m-1', 7, 'n', 'agent', 'r1', 2, 'loc', 100, 200),
  ('m-2', 7, 'bare', '', '', 1, 'loc', 100, 100);
INSERT INTO logged_model_params VALUES ('m-1', 'b', '2'), ('m-1', 'a', '1');
INSERT INTO logged_model_tags VALUES ('m-1', 't', 'v');
INSERT INTO logged_model_metrics VALUES ('m-1', 'k', 3, 4, 'r1', 0.1, '0.1', 7, 'd', NULL);
"""


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """A read model with a few rows, as a link to its first generation."""
    return make_generation(tmp_path / "log.db.read-model", 1, ROWS)


@pytest.fixture
def state(link: Path) -> Iterator[SqliteDoorState]:
    """Look-ups in that read model."""
    state = SqliteDoorState(link)
    yield state
    state.close()


def make_generation(link: Path, number: int, rows: str) -> Path:
    """Make a generation and switch the link to it, as a rebuild does."""
    file = link.with_name(f"{link.name}.{number}")
    sqlite_generations.create(file)
    connection = sqlite3.connect(file)
    connection.executescript(rows)
    connection.close()
    fresh = link.with_name("fresh-link")
    fresh.symlink_to(file.name)
    os.replace(fresh, link)
    return link


async def test_experiments_are_found_by_id_and_by_name(state: SqliteDoorState) -> None:
    seven = ExperimentAtDoor(7, "seven", "loc7", active=False, lifecycle_us=50)
    assert await state.experiment(7) == seven
    assert await state.experiment_named("seven") == seven
    assert await state.experiment(8) is None
    assert await state.experiment(-1) is None
    assert await state.experiment_named("Seven") is None


async def test_the_last_experiment_id_is_the_greatest(state: SqliteDoorState, tmp_path: Path) -> None:
    assert await state.last_experiment_id() == 7
    empty = SqliteDoorState(make_generation(tmp_path / "empty.read-model", 1, ""))
    assert await empty.last_experiment_id() is None
    empty.close()


async def test_experiment_tags_are_found_by_key_and_by_prefix(state: SqliteDoorState) -> None:
    assert await state.has_experiment_tag(7, "a.b")
    assert not await state.has_experiment_tag(0, "a.b")
    assert sorted(await state.experiment_tag_keys(7, "a.")) == ["a.b"]
    assert sorted(await state.experiment_tag_keys(7, "a")) == ["a%b", "a.b"]


async def test_a_run_is_found_with_its_own_lifecycle(state: SqliteDoorState) -> None:
    assert await state.run("r2") == RunAtDoor("r2", 7, active=True, lifecycle_us=20)
    assert await state.run("r9") is None


async def test_the_info_of_a_run_has_its_effective_lifecycle(state: SqliteDoorState) -> None:
    assert await state.run_info("r1") == RunInfo("r1", 0, "one", "u", "RUNNING", 5, None, "uri1", active=True)
    for run_id, active in (("r2", False), ("r3", True)):
        info = await state.run_info(run_id)
        assert info is not None
        assert info.active == active
    assert await state.run_info("r9") is None


async def test_params_are_those_asked_for_that_are_there(state: SqliteDoorState) -> None:
    assert await state.params("r1", ["p"]) == {"p": "1"}
    assert await state.params("r1", ["p", "q", "x", "'"]) == {"p": "1", "q": ""}
    assert await state.params("r9", ["p"]) == {}


async def test_tags_and_outputs_are_looked_up_in_one_run(state: SqliteDoorState) -> None:
    assert await state.has_run_tag("r1", "t")
    assert not await state.has_run_tag("r2", "t")
    assert await state.logged_models_output("r1", ["m-1", "m-3"]) == {"m-1"}
    assert await state.logged_models_output("r9", ["m-1"]) == set()


async def test_a_logged_model_is_shown_whole(state: SqliteDoorState) -> None:
    assert await state.logged_model("m-1") == LoggedModelAtDoor("m-1", 7)
    assert orjson.loads(await state.logged_model_json("m-1") or b"") == {
        "model": {
            "info": {
                "model_id": "m-1",
                "experiment_id": "7",
                "name": "n",
                "creation_timestamp_ms": 100,
                "last_updated_timestamp_ms": 200,
                "artifact_uri": "loc",
                "status": "LOGGED_MODEL_READY",
                "model_type": "agent",
                "source_run_id": "r1",
                "tags": [{"key": "t", "value": "v"}],
            },
            "data": {
                "params": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}],
                "metrics": [
                    {
                        "key": "k",
                        "value": 0.1,
                        "timestamp": 3,
                        "step": 4,
                        "dataset_name": "d",
                        "model_id": "m-1",
                        "run_id": "r1",
                    }
                ],
            },
        }
    }


async def test_a_bare_logged_model_is_shown_without_empty_lists(state: SqliteDoorState) -> None:
    answer = orjson.loads(await state.logged_model_json("m-2") or b"")
    assert answer["model"]["data"] == {}
    assert "tags" not in answer["model"]["info"]
    assert await state.logged_model_json("m-9") is None
    assert await state.logged_model("m-9") is None


async def test_a_rebuilt_read_model_is_read_as_soon_as_the_link_leads_to_it(state: SqliteDoorState, link: Path) -> None:
    assert await state.run("r1") is not None
    make_generation(link, 2, "INSERT INTO experiments VALUES (0, 'new', 'loc', 'active', 1, 1, 1)")
    assert await state.run("r1") is None
    assert await state.experiment_named("new") is not None


async def test_without_a_read_model_the_client_is_asked_to_come_back(tmp_path: Path) -> None:
    state = SqliteDoorState(tmp_path / "none.read-model")
    with pytest.raises(TemporarilyUnavailable):
        await state.run("r1")
    (tmp_path / "none.read-model").symlink_to("missing")
    with pytest.raises(TemporarilyUnavailable):
        await state.run("r1")
    make_generation(tmp_path / "none.read-model", 1, ROWS)
    assert await state.run("r1") is not None
    state.close()


async def test_the_read_model_cannot_be_changed_from_here(state: SqliteDoorState) -> None:
    with pytest.raises(TemporarilyUnavailable, match="readonly"):
        state._all("DELETE FROM runs", ())
