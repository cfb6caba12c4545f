"""What every lookup must find, and every adapter of `Lookups` do, whatever the read model is made of.

A test module subclasses `LookupsContract` and gives it the fixtures `lookups`, in a read model that holds ROWS, and
`empty_lookups`, in one that holds nothing.
"""

from typing import Any

import orjson

from ingest.admission.lookups import Lookups
from ingest.erasures.carrying_out import PENDING, TO_CARRY_OUT
from ingest.erasures.lookups import (
    BELONGINGS,
    DELETED_EXPERIMENTS,
    DELETED_MODELS,
    DELETED_RUNS,
    EXPERIMENT_WITH_ID,
    MODEL_NAMED,
    REFUSED_BELONGINGS,
    REFUSED_FOR_NAMES,
    REGISTERED,
    RUN_NAMED,
    RUNS_OF_EXPERIMENT,
)
from ingest.evaluation_datasets.lookups import (
    EVALUATION_DATASET,
    EXPERIMENTS_OF_DATASET,
    RECORDS_BETWEEN,
    RECORDS_NAMED,
    DatasetInfo,
)
from ingest.experiments.lookups import (
    EXPERIMENT_NAMED,
    EXPERIMENT_TAG,
    EXPERIMENT_TAG_KEYS,
    EXPERIMENTS,
    LAST_EXPERIMENT_ID,
)
from ingest.experiments.state import KnownExperiment
from ingest.imports.lookups import IMPORTED_EVENTS, NUMBERS, FoldedImport
from ingest.issues.commands import ISSUE
from ingest.label_schemas.commands import LABEL_SCHEMA, LABEL_SCHEMA_NAMED
from ingest.logged_models.answers import logged_model
from ingest.logged_models.lookups import LOGGED_MODEL_INFO, LOGGED_MODEL_PARAM_KEYS, LOGGED_MODEL_TAG, LOGGED_MODELS
from ingest.logged_models.state import KnownLoggedModel
from ingest.model_versions.answers import ModelVersionInfo
from ingest.model_versions.lookups import (
    LATEST_VERSION,
    LATEST_VERSION_IN_STAGE,
    LOGGED_MODEL_FILES,
    MODEL_VERSION_INFO,
    RUN_ARTIFACTS,
    VERSION,
    VERSION_OF_ALIAS,
)
from ingest.model_versions.state import KnownVersion, LoggedModelFiles
from ingest.registered_models.answers import HeldAlias
from ingest.registered_models.lookups import NAME_HOLDER, REGISTERED_MODEL_INFO, REGISTERED_MODELS
from ingest.registered_models.state import KnownRegisteredModel, NameHolder
from ingest.review_queues.commands import ITEMS, LABEL_SCHEMA_IDS, REVIEW_QUEUE, REVIEW_QUEUE_NAMED
from ingest.rights.lookups import (
    ASSIGNMENT_ID,
    GRANT,
    HOLDER,
    LEVEL,
    MODEL_ID,
    ROLE,
    ROLE_NAMED,
    SHOWN_GRANT_OF,
    SHOWN_GRANTS_OF_ROLE,
    SHOWN_ROLE,
)
from ingest.rights.state import Holder, KnownGrant, KnownRole, Resource
from ingest.run_data.lookups import MODEL_OUTPUTS, PARAM, PARAMS, RUN_TAG
from ingest.runs.lookups import RUN_INFO, RUNS
from ingest.runs.state import KnownRun, RunInfo
from ingest.scorers.lookups import SCORER_ID, SCORER_VERSION
from ingest.scorers.lookups import KnownVersion as KnownVersionOfScorer
from schemas.documents.label_schemas import LabelSchemaFields
from schemas.documents.roles import ShownRole
from schemas.envelope import Position
from schemas.events import Tag
from schemas.levels import Level

ROWS = """
INSERT INTO imported_events VALUES ('0a', NULL, NULL, 'run/a'), ('0b', 'INVALID_PARAMETER_VALUE', 'no', 'run/a');
INSERT INTO erased VALUES ('run/x', 0, 9, 12), ('run/y', 0, NULL, 13), ('run/z', 1, 3, 3);
INSERT INTO refusals VALUES (0, 4, 'RESOURCE_ALREADY_EXISTS', 'm', 'experiment/9'),
  (0, 5, 'RESOURCE_ALREADY_EXISTS', 'm', 'run/9'), (0, 6, 'BAD_REQUEST', 'm', 'experiment/9'),
  (0, 7, 'RESOURCE_ALREADY_EXISTS', 'm', 'label-schema/ls-2'),
  (0, 8, 'RESOURCE_ALREADY_EXISTS', 'm', 'label-schema/ls-1'),
  (0, 9, 'RESOURCE_ALREADY_EXISTS', 'm', 'label-schema/ls-0'),
  (1, 2, 'RESOURCE_ALREADY_EXISTS', 'm', 'review-queue/rq-9');
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
INSERT INTO registered_models VALUES ('g', 'a', 1, 1, '', 0, 3, 0), ('h', 'ab', 1, 1, '', 0, 1, 0);
INSERT INTO model_versions VALUES
  ('v1', 'g', 'a', 1, 'a/1', 0, 10, 20, 'None', 'd', 's3://b/1', 's3://b/1', 'r1', 'l', ''),
  ('v2', 'g', 'a', 2, 'a/2', 0, 30, 40, 'Staging', NULL, 'models:/m-2', 'loc', '', '', 'm-2'),
  ('v3', 'g', 'a', 3, 'a/3', 0, 50, 60, 'None', '', 's3://b/3', 's3://b/3', '', '', ''),
  ('v4', 'h', 'ab', 1, 'ab/1', 0, 10, 20, 'Staging', '', 's3://b/4', 's3://b/4', '', '', '');
INSERT INTO model_version_tags VALUES ('v1', 'b', '2'), ('v1', 'B', '1'), ('v2', 'c', '4'), ('v2', 'C', '3'),
  ('v4', 'x', 'y');
INSERT INTO registered_model_tags VALUES ('g', 'k', 'v'), ('g', 'K', 'w');
INSERT INTO registered_model_aliases VALUES ('g', 'y', 'v1', 1, 'a@y'), ('g', 'X', 'v1', 1, 'a@X'),
  ('g', 'z', 'v2', 2, 'a@z'), ('h', 'z', 'v4', 1, 'ab@z');
INSERT INTO deleted_streams VALUES ('evaluation-dataset/d-2', 8), ('label-schema/ls-0', 8),
  ('evaluation-dataset/d-3', 8), ('evaluation-dataset/d-3', 7), ('evaluation-dataset/d-1', 8),
  ('evaluation-dataset/d-4', 7);
INSERT INTO scorers VALUES ('s1', '7/a%20b', 7, 'a b', 2);
INSERT INTO scorer_versions VALUES ('s1', 2, 'v-2', '{}', 1);
INSERT INTO evaluation_datasets VALUES ('d-1', 'd', '{}', NULL, NULL, 2, 'g', 1, 2, NULL, 'ann');
INSERT INTO evaluation_dataset_experiments VALUES ('d-1', 7), ('d-1', 0);
INSERT INTO evaluation_dataset_records VALUES
  ('d-1', 'dr-a1', 'h1', '{}', NULL, NULL, '{}', NULL, NULL, NULL, 1, 1, NULL, NULL),
  ('d-1', 'dr-b1', 'h2', '{}', NULL, NULL, '{}', NULL, NULL, NULL, 1, 1, NULL, NULL);
INSERT INTO issues VALUES ('i-1', 7, 'n', 'd', 'pending', NULL, -1, '["c"]', NULL, 'r1', NULL, 1, 2);
INSERT INTO label_schemas VALUES ('ls-1', 7, 'n', '7/n', 'FEEDBACK', NULL, 1, '{"text":{}}', 1, 2);
INSERT INTO review_queues VALUES ('rq-1', 7, 'N', '7/n', 'CUSTOM', '["ann"]', '[]', NULL, 1, 1, 2);
INSERT INTO review_queue_items VALUES ('rq-1', 'tr-1', 'COMPLETE', 'ann', 3, 1, 3);
INSERT INTO users VALUES ('ada', 20, 0, 'p', 1, NULL, NULL);
INSERT INTO roles VALUES (30, 'k', 'readers', 'd', 1), (31, 'l', 'others', '', 1);
INSERT INTO grants VALUES (40, 30, 'experiment', '7', 2), (41, 30, 'registered_model', 'g', 5),
  (42, 30, 'registered_model', 'gone', 5), (43, 30, 'registered_model', '*', 0), (44, 20, 'prompt', 'h', 4);
INSERT INTO role_assignments VALUES (20, 20, 20), (50, 30, 20);
"""


async def shown(lookups: Lookups, model_id: str) -> Any:
    """A logged model as it is answered."""
    info = await lookups.one(LOGGED_MODEL_INFO, model_id)
    assert info is not None
    return orjson.loads(logged_model(info))


class LookupsContract:
    """The rules."""

    async def test_experiments_are_found_by_id_and_by_name(self, lookups: Lookups) -> None:
        seven = KnownExperiment(
            7,
            "seven",
            "loc7",
            active=False,
            lifecycle_us=50,
            lifecycle_revision=3,
            creation_time_ms=1,
            claim="c",
        )
        assert await lookups.one(EXPERIMENTS.lookup, 7) == seven
        assert await lookups.one(EXPERIMENT_NAMED, "seven") == seven
        assert await lookups.one(EXPERIMENTS.lookup, 8) is None
        assert await lookups.one(EXPERIMENTS.lookup, -1) is None
        assert await lookups.one(EXPERIMENT_NAMED, "Seven") is None

    async def test_the_last_experiment_id_is_the_greatest(self, lookups: Lookups) -> None:
        assert await lookups.one(LAST_EXPERIMENT_ID) == 7

    async def test_there_is_no_last_experiment_id_before_the_first(self, empty_lookups: Lookups) -> None:
        assert await empty_lookups.one(LAST_EXPERIMENT_ID) is None

    async def test_experiment_tags_are_found_by_key_and_by_prefix(self, lookups: Lookups) -> None:
        assert await lookups.one(EXPERIMENT_TAG, 7, "a.b") == "a.b"
        assert await lookups.one(EXPERIMENT_TAG, 0, "a.b") is None
        assert sorted(await lookups.all(EXPERIMENT_TAG_KEYS, 7, 2, "a.")) == ["a.b"]
        assert sorted(await lookups.all(EXPERIMENT_TAG_KEYS, 7, 1, "a")) == ["a%b", "a.b"]

    async def test_imported_events_are_found_by_their_ids_with_what_they_were_refused_with(
        self, lookups: Lookups
    ) -> None:
        found = await lookups.all(IMPORTED_EVENTS, ["0a", "0b", "0c"])
        refused = FoldedImport("0b", "INVALID_PARAMETER_VALUE", "no")
        assert sorted(found) == [FoldedImport("0a", None, None), refused]
        assert dict(await lookups.all(NUMBERS, ["v2", "v9"])) == {"v2": 2}

    async def test_what_is_deleted_is_found_with_when_it_was(self, lookups: Lookups) -> None:
        assert [(one.key, one.deleted_us) for one in await lookups.all(DELETED_RUNS, 100, [])] == [
            ("r2", 50),
            ("r4", 50),
        ]
        assert [one.key for one in await lookups.all(DELETED_RUNS, 100, ["r2", "r9"])] == ["r4"]
        assert await lookups.all(DELETED_RUNS, 49, []) == []
        in_seven = await lookups.all(RUNS_OF_EXPERIMENT, 7)
        assert {one.key: one.deleted_us for one in in_seven} == {"r2": 50, "r3": None, "r4": 50, "r5": None}
        assert [(one.key, one.deleted_us) for one in await lookups.all(DELETED_MODELS, 2**62, [])] == [
            ("m-1", 200_000),
            ("m-2", 50),
        ]
        assert [one.key for one in await lookups.all(DELETED_MODELS, 2**62, ["m-1"])] == ["m-2"]
        assert [one.key for one in await lookups.all(DELETED_EXPERIMENTS, 50, [])] == ["7"]
        assert await lookups.all(DELETED_EXPERIMENTS, 50, ["7"]) == []
        assert await lookups.all(BELONGINGS, 8) == ["evaluation-dataset/d-2", "label-schema/ls-0"]
        assert await lookups.all(BELONGINGS, 7) == [
            *("evaluation-dataset/d-3", "evaluation-dataset/d-4"),
            *("issue/i-1", "label-schema/ls-1", "review-queue/rq-1", "scorer/7/a%20b"),
        ]
        refused = await lookups.all(REFUSED_BELONGINGS, "RESOURCE_ALREADY_EXISTS")
        assert refused == [Position(0, 7), Position(1, 2)]
        for lookup, key in ((RUN_NAMED, "r2"), (MODEL_NAMED, "m-1"), (EXPERIMENT_WITH_ID, 7)):
            one = await lookups.one(lookup, key)
            assert one is not None
            assert one.deleted_us is not None
        registered = await lookups.all(REGISTERED, ["r1"], ["m-1"])
        assert all(one.run_id == "r1" or one.logged_model_id == "m-1" for one in registered)

    async def test_what_was_erased_is_found_until_it_is_carried_out(self, lookups: Lookups) -> None:
        assert [tuple(one) for one in await lookups.all(TO_CARRY_OUT, 0, 0)] == [("run/x", 9, 12), ("run/y", None, 13)]
        assert (await lookups.one(PENDING, 0, 13), await lookups.one(PENDING, 1, 4)) == (1, 0)
        refused = await lookups.all(REFUSED_FOR_NAMES, 0, "RESOURCE_ALREADY_EXISTS", "experiment/", "experiment0")
        assert refused == [4]

    async def test_a_run_is_found_with_its_own_lifecycle(self, lookups: Lookups) -> None:
        assert await lookups.one(RUNS.lookup, "r2") == KnownRun(
            "r2", 7, active=True, lifecycle_us=20, experiment_revision=None
        )
        assert await lookups.one(RUNS.lookup, "r4") == KnownRun(
            "r4", 7, active=True, lifecycle_us=60, experiment_revision=2
        )
        assert await lookups.one(RUNS.lookup, "r9") is None

    async def test_the_info_of_a_run_has_its_effective_lifecycle(self, lookups: Lookups) -> None:
        assert await lookups.one(RUN_INFO, "r1") == RunInfo(
            "r1", 0, "one", "u", "RUNNING", 5, None, "uri1", active=True
        )
        for run_id, active in (("r2", False), ("r3", True), ("r4", False), ("r5", True)):
            info = await lookups.one(RUN_INFO, run_id)
            assert info is not None
            assert info.active == active
        assert await lookups.one(RUN_INFO, "r9") is None

    async def test_params_are_those_asked_for_that_are_there(self, lookups: Lookups) -> None:
        assert dict(await lookups.all(PARAMS, "r1", ["p"])) == {"p": "1"}
        assert dict(await lookups.all(PARAMS, "r1", ["p", "q", "x", "'"])) == {"p": "1", "q": ""}
        assert dict(await lookups.all(PARAMS, "r9", ["p"])) == {}
        assert await lookups.one(PARAM, "r1", "p") == ("p", "1")
        assert await lookups.one(PARAM, "r1", "x") is None

    async def test_tags_and_outputs_are_looked_up_in_one_run(self, lookups: Lookups) -> None:
        assert await lookups.one(RUN_TAG, "r1", "t") == "t"
        assert await lookups.one(RUN_TAG, "r2", "t") is None
        assert set(await lookups.all(MODEL_OUTPUTS, "r1", ["m-1", "m-3"])) == {"m-1"}
        assert set(await lookups.all(MODEL_OUTPUTS, "r9", ["m-1"])) == set()

    async def test_what_evaluates_is_found_by_its_ids_and_names(self, lookups: Lookups) -> None:
        assert await lookups.one(SCORER_ID, "7/a%20b") == "s1"
        assert await lookups.one(SCORER_VERSION, "v-2") == KnownVersionOfScorer("s1", 2)
        dataset = await lookups.one(EVALUATION_DATASET, "d-1")
        assert dataset == DatasetInfo("d-1", "d", "{}", None, None, "g", 1, 2, None, "ann", [])
        assert await lookups.all(EXPERIMENTS_OF_DATASET, "d-1") == [0, 7]
        assert await lookups.one(RECORDS_BETWEEN, "d-1", "dr-a0", "dr-af") == 1
        assert await lookups.all(RECORDS_NAMED, "d-1", ["dr-b1", "dr-c1", "dr-a1"]) == ["dr-a1", "dr-b1"]
        issue = await lookups.one(ISSUE, "i-1")
        assert issue is not None
        assert (issue.root_causes, issue.source_run_id, issue.created_by) == ('["c"]', "r1", None)

    async def test_what_people_are_asked_is_found_by_its_ids_and_names(self, lookups: Lookups) -> None:
        schema = await lookups.one(LABEL_SCHEMA, "ls-1")
        assert schema == LabelSchemaFields("ls-1", 7, "n", "FEEDBACK", None, 1, '{"text":{}}', 1, 2)
        assert await lookups.one(LABEL_SCHEMA_NAMED, "7/n") == "ls-1"
        assert await lookups.all(LABEL_SCHEMA_IDS, 7, ["ls-1", "ls-2"]) == ["ls-1"]
        assert await lookups.all(LABEL_SCHEMA_IDS, 0, ["ls-1"]) == []
        queue = await lookups.one(REVIEW_QUEUE, "rq-1")
        assert queue == await lookups.one(REVIEW_QUEUE_NAMED, "7/n")
        assert queue is not None
        assert (queue.name, queue.users, queue.experiment_id) == ("N", '["ann"]', 7)
        [item] = await lookups.all(ITEMS, "rq-1", ["tr-1", "tr-2"])
        assert (item.status, item.completed_by, item.completed_time_ms) == ("COMPLETE", "ann", 3)

    async def test_a_tag_of_a_logged_model_is_found_by_key(self, lookups: Lookups) -> None:
        assert set(await lookups.all(LOGGED_MODEL_PARAM_KEYS, "m-1", ["a", "b", "c", "a\0"])) == {"a", "b"}
        assert set(await lookups.all(LOGGED_MODEL_PARAM_KEYS, "m-2", ["a"])) == set()
        assert await lookups.one(LOGGED_MODEL_TAG, "m-1", "t") == "t"
        assert await lookups.one(LOGGED_MODEL_TAG, "m-2", "t") is None
        assert await lookups.one(LOGGED_MODEL_TAG, "m-1", "t\0") is None

    async def test_a_logged_model_is_shown_whole_also_when_it_is_deleted(self, lookups: Lookups) -> None:
        assert await lookups.one(LOGGED_MODELS.lookup, "m-1") == KnownLoggedModel("m-1", 7)
        assert await shown(lookups, "m-1") == {
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

    async def test_a_bare_logged_model_is_shown_without_empty_lists(self, lookups: Lookups) -> None:
        answer = await shown(lookups, "m-2")
        assert answer["model"]["data"] == {}
        assert "tags" not in answer["model"]["info"]
        assert await lookups.one(LOGGED_MODEL_INFO, "m-9") is None
        assert await lookups.one(LOGGED_MODELS.lookup, "m-9") is None

    async def test_a_version_is_found_by_number_alias_stage_and_as_the_latest(self, lookups: Lookups) -> None:
        first = KnownVersion("v1", "a", 1, "r1", "s3://b/1", "")
        second = KnownVersion("v2", "a", 2, "", "loc", "m-2")
        third = KnownVersion("v3", "a", 3, "", "s3://b/3", "")
        assert await lookups.one(VERSION, "a/1") == first
        assert await lookups.one(VERSION, "a/4") is None
        assert await lookups.one(VERSION_OF_ALIAS, "a@y") == first
        assert await lookups.one(VERSION_OF_ALIAS, "a@z") == second
        assert await lookups.one(VERSION_OF_ALIAS, "a@Y") is None
        assert await lookups.one(LATEST_VERSION, "a") == third
        assert await lookups.one(LATEST_VERSION, "A") is None
        assert await lookups.one(LATEST_VERSION_IN_STAGE, "a", "None") == third
        assert await lookups.one(LATEST_VERSION_IN_STAGE, "a", "Staging") == second
        assert await lookups.one(LATEST_VERSION_IN_STAGE, "a", "Production") is None

    async def test_a_whole_version_has_its_tags_and_aliases_by_name(self, lookups: Lookups) -> None:
        assert await lookups.one(MODEL_VERSION_INFO, "v1") == ModelVersionInfo(
            name="a",
            version=1,
            creation_timestamp_ms=10,
            last_updated_timestamp_ms=20,
            current_stage="None",
            description="d",
            source="s3://b/1",
            run_id="r1",
            run_link="l",
            tags=[Tag("B", "1"), Tag("b", "2")],
            aliases=["X", "y"],
        )
        bare = await lookups.one(MODEL_VERSION_INFO, "v3")
        assert bare is not None
        assert (bare.tags, bare.aliases) == ([], [])
        without_description = await lookups.one(MODEL_VERSION_INFO, "v2")
        assert without_description is not None
        assert without_description.description is None
        assert await lookups.one(MODEL_VERSION_INFO, "v9") is None

    async def test_what_a_version_is_made_from_is_found_unless_it_is_a_deleted_model(self, lookups: Lookups) -> None:
        assert await lookups.one(RUN_ARTIFACTS, "r1") == "uri1"
        assert await lookups.one(RUN_ARTIFACTS, "r9") is None
        assert await lookups.one(LOGGED_MODEL_FILES, "m-2") == LoggedModelFiles("m-2", "", "loc")
        assert await lookups.one(LOGGED_MODEL_FILES, "m-1") is None

    async def test_a_registered_model_is_found_with_the_latest_version_of_each_stage(self, lookups: Lookups) -> None:
        assert await lookups.one(REGISTERED_MODELS.lookup, "a") == KnownRegisteredModel("a")
        assert await lookups.one(REGISTERED_MODELS.lookup, "A") is None
        assert await lookups.one(NAME_HOLDER, "a") == NameHolder("a", is_prompt=False)
        info = await lookups.one(REGISTERED_MODEL_INFO, "a")
        assert info is not None
        assert (info.name, info.tags) == ("a", [Tag("K", "w"), Tag("k", "v")])
        assert info.aliases == [HeldAlias("X", 1), HeldAlias("y", 1), HeldAlias("z", 2)]
        latest = {one.version: one for one in info.latest_versions}
        assert {number: (one.current_stage, one.description, one.source) for number, one in latest.items()} == {
            2: ("Staging", None, "models:/m-2"),
            3: ("None", "", "s3://b/3"),
        }
        assert (latest[2].tags, latest[3].tags) == ([Tag("C", "3"), Tag("c", "4")], ())
        bare = await lookups.one(REGISTERED_MODEL_INFO, "ab")
        assert bare is not None
        assert (bare.tags, [one.tags for one in bare.latest_versions]) == ([], [[Tag("x", "y")]])
        assert await lookups.one(REGISTERED_MODEL_INFO, "x") is None

    async def test_who_holds_grants_is_a_role_or_a_user(self, lookups: Lookups) -> None:
        assert await lookups.one(ROLE, 30) == await lookups.one(ROLE_NAMED, "readers") == KnownRole(30, "k", "readers")
        assert await lookups.one(ROLE, 20) is None
        assert await lookups.one(HOLDER, 30) == Holder(30, "k", "")
        assert await lookups.one(HOLDER, 20) == Holder(20, None, "ada")
        assert await lookups.one(GRANT, 40) == KnownGrant(Holder(30, "k", ""), Resource("experiment", "7"), Level.READ)
        assert await lookups.one(GRANT, 44) == KnownGrant(Holder(20, None, "ada"), Resource("prompt", "h"), Level.EDIT)
        assert await lookups.one(LEVEL, 30, "registered_model", "g") == Level.MANAGE
        assert await lookups.one(LEVEL, 31, "registered_model", "g") is None
        assert await lookups.one(ASSIGNMENT_ID, 20, 30) == 50
        assert await lookups.one(ASSIGNMENT_ID, 20, 31) is None

    async def test_a_role_is_shown_with_its_grants_on_what_is_there(self, lookups: Lookups) -> None:
        role = await lookups.one(SHOWN_ROLE, "k")
        assert role == ShownRole(30, "readers", "d")
        grants = await lookups.all(SHOWN_GRANTS_OF_ROLE, 30)
        assert [(grant.grant_id, grant.resource_pattern) for grant in grants] == [(40, "7"), (41, "a"), (43, "*")]
        assert await lookups.one(SHOWN_GRANT_OF, 30, "registered_model", "g") == grants[1]
        assert await lookups.one(SHOWN_GRANT_OF, 30, "registered_model", "gone") is None

    async def test_the_id_of_a_model_is_found_by_name_and_kind(self, lookups: Lookups) -> None:
        assert await lookups.one(MODEL_ID, "a", 0) == "g"
        assert await lookups.one(MODEL_ID, "a", 1) is None

    async def test_text_that_no_database_holds_is_not_found(self, lookups: Lookups) -> None:
        assert await lookups.one(EXPERIMENT_NAMED, "Def\0ault") is None
        assert await lookups.one(VERSION, "a\0/1") is None
        assert await lookups.one(RUNS.lookup, "r1\0") is None
        assert await lookups.one(RUN_TAG, "r1", "t\0") is None
        assert await lookups.all(EXPERIMENT_TAG_KEYS, 7, 2, "a\0") == []
        assert dict(await lookups.all(PARAMS, "r1", ["p\0"])) == {}
        assert dict(await lookups.all(PARAMS, "r1", ["p", "p\0"])) == {"p": "1"}
        assert set(await lookups.all(MODEL_OUTPUTS, "r1", ["m-1", "m\0"])) == {"m-1"}

    async def test_large_ids_are_not_found(self, lookups: Lookups) -> None:
        assert await lookups.one(EXPERIMENTS.lookup, 2**63 - 1) is None
