"""What every adapter of the door's look-ups must do, whatever the read model is made of.

A test module subclasses `DoorStateContract` and gives it the fixtures `state`, look-ups in a read model that holds
ROWS, and `empty_state`, in one that holds nothing.
"""

import orjson

from ingest.admission.lookups import DoorState, ExperimentAtDoor, LoggedModelAtDoor, RunAtDoor, RunInfo

ROWS = """
INSERT INTO experiments VALUES (0, 'Default', 'loc0', 'active', 10, 1, 1, 0, NULL),
  (7, 'seven', 'loc7', 'deleted', 50, 1, 2, 3, 'c');
INSERT INTO experiment_tags VALUES (7, 'a.b', 'x'), (7, 'a%b', 'y'), (0, 'a.c', 'z');
INSERT INTO runs VALUES
  (1, 'r1', 0, 'one', 'u', 'RUNNING', 5, NULL, 'uri1', 'active', 20, 0),
  (2, 'r2', 7, 'two', '', 'FINISHED', 5, 9, 'uri2', 'active', 20, NULL),
  (3, 'r3', 7, 'three', '', 'FINISHED', 5, 9, 'uri3', 'active', 60, NULL),
  (4, 'r4', 7, 'four', '', 'FINISHED', 5, 9, 'uri4', 'active', 60, 2),
  (5, 'r5', 7, 'five', '', 'FINISHED', 5, 9, 'uri5', 'active', 20, 3);
INSERT INTO params VALUES (1, 'p', '1', 0), (1, 'q', '', 0), (2, 'p', '2', 7);
INSERT INTO tags VALUES (1, 't', 'x', 0);
INSERT INTO model_outputs VALUES (1, 'm-1', 0), (1, 'm-2', 0), (2, 'm-3', 0);
INSERT INTO logged_models VALUES ('m-1', 7, 'n', 'agent', 'r1', 2, 'loc', 100, 200, 'deleted'),
  ('m-2', 7, 'bare', '', '', 1, 'loc', 100, 100, 'active');
INSERT INTO logged_model_params VALUES ('m-1', 'b', '2'), ('m-1', 'a', '1');
INSERT INTO logged_model_tags VALUES ('m-1', 't', 'v');
INSERT INTO logged_model_metrics VALUES ('m-1', 'k', 3, 4, 'r1', 0.1, '0.1', 7, 'd', NULL);
"""


class DoorStateContract:
    """The rules."""

    async def test_experiments_are_found_by_id_and_by_name(self, state: DoorState) -> None:
        seven = ExperimentAtDoor(
            7,
            "seven",
            "loc7",
            active=False,
            lifecycle_us=50,
            lifecycle_revision=3,
            creation_time_ms=1,
            claim="c",
        )
        assert await state.experiment(7) == seven
        assert await state.experiment_named("seven") == seven
        assert await state.experiment(8) is None
        assert await state.experiment(-1) is None
        assert await state.experiment_named("Seven") is None

    async def test_the_last_experiment_id_is_the_greatest(self, state: DoorState) -> None:
        assert await state.last_experiment_id() == 7

    async def test_there_is_no_last_experiment_id_before_the_first(self, empty_state: DoorState) -> None:
        assert await empty_state.last_experiment_id() is None

    async def test_experiment_tags_are_found_by_key_and_by_prefix(self, state: DoorState) -> None:
        assert await state.has_experiment_tag(7, "a.b")
        assert not await state.has_experiment_tag(0, "a.b")
        assert sorted(await state.experiment_tag_keys(7, "a.")) == ["a.b"]
        assert sorted(await state.experiment_tag_keys(7, "a")) == ["a%b", "a.b"]

    async def test_a_run_is_found_with_its_own_lifecycle(self, state: DoorState) -> None:
        assert await state.run("r2") == RunAtDoor("r2", 7, active=True, lifecycle_us=20, experiment_revision=None)
        assert await state.run("r4") == RunAtDoor("r4", 7, active=True, lifecycle_us=60, experiment_revision=2)
        assert await state.run("r9") is None

    async def test_the_info_of_a_run_has_its_effective_lifecycle(self, state: DoorState) -> None:
        assert await state.run_info("r1") == RunInfo("r1", 0, "one", "u", "RUNNING", 5, None, "uri1", active=True)
        for run_id, active in (("r2", False), ("r3", True), ("r4", False), ("r5", True)):
            info = await state.run_info(run_id)
            assert info is not None
            assert info.active == active
        assert await state.run_info("r9") is None

    async def test_params_are_those_asked_for_that_are_there(self, state: DoorState) -> None:
        assert await state.params("r1", ["p"]) == {"p": "1"}
        assert await state.params("r1", ["p", "q", "x", "'"]) == {"p": "1", "q": ""}
        assert await state.params("r9", ["p"]) == {}

    async def test_tags_and_outputs_are_looked_up_in_one_run(self, state: DoorState) -> None:
        assert await state.has_run_tag("r1", "t")
        assert not await state.has_run_tag("r2", "t")
        assert await state.logged_models_output("r1", ["m-1", "m-3"]) == {"m-1"}
        assert await state.logged_models_output("r9", ["m-1"]) == set()

    async def test_a_tag_of_a_logged_model_is_found_by_key(self, state: DoorState) -> None:
        assert await state.logged_model_params("m-1", ["a", "b", "c", "a\0"]) == {"a", "b"}
        assert await state.logged_model_params("m-2", ["a"]) == set()
        assert await state.has_logged_model_tag("m-1", "t")
        assert not await state.has_logged_model_tag("m-2", "t")
        assert not await state.has_logged_model_tag("m-1", "t\0")

    async def test_a_logged_model_is_shown_whole_also_when_it_is_deleted(self, state: DoorState) -> None:
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

    async def test_a_bare_logged_model_is_shown_without_empty_lists(self, state: DoorState) -> None:
        answer = orjson.loads(await state.logged_model_json("m-2") or b"")
        assert answer["model"]["data"] == {}
        assert "tags" not in answer["model"]["info"]
        assert await state.logged_model_json("m-9") is None
        assert await state.logged_model("m-9") is None

    async def test_text_that_no_database_holds_is_not_found(self, state: DoorState) -> None:
        assert await state.experiment_named("Def\0ault") is None
        assert await state.run("r1\0") is None
        assert not await state.has_run_tag("r1", "t\0")
        assert await state.experiment_tag_keys(7, "a\0") == []
        assert await state.params("r1", ["p\0"]) == {}
        assert await state.params("r1", ["p", "p\0"]) == {"p": "1"}
        assert await state.logged_models_output("r1", ["m-1", "m\0"]) == {"m-1"}

    async def test_large_ids_are_not_found(self, state: DoorState) -> None:
        assert await state.experiment(2**63 - 1) is None
