"""From two states of a thing to the events between them."""

from dataclasses import replace
from typing import Any, Final

import pytest

from schemas.events import (
    AnyEvent,
    DatasetInput,
    ExperimentDeleted,
    ExperimentRenamed,
    ExperimentRestored,
    ExperimentTagDeleted,
    ExperimentTagSet,
    LoggedModelDeleted,
    LoggedModelFinalized,
    LoggedModelParamsLogged,
    LoggedModelRestored,
    LoggedModelTagDeleted,
    LoggedModelTagsSet,
    ModelMetric,
    ModelOutput,
    ModelVersionDeleted,
    ModelVersionTagDeleted,
    ModelVersionTagSet,
    ModelVersionTransitioned,
    ModelVersionUpdated,
    Param,
    RegisteredModelAliasDeleted,
    RegisteredModelAliasSet,
    RegisteredModelTagDeleted,
    RegisteredModelTagSet,
    RegisteredModelUpdated,
    RunDataLogged,
    RunDeleted,
    RunInputsLogged,
    RunOutputsLogged,
    RunRestored,
    RunTagDeleted,
    RunUpdated,
    Tag,
)
from tracklog.moving.records import ExperimentRecord, LoggedModelRecord, RegisteredRecord, RunRecord, VersionRecord
from tracklog.shadowing import changes

EXPERIMENT: Final = ExperimentRecord(
    where="", key="7", experiment_id="7", name="train", artifact_location="l", last_update_time_ms=1,
    tags=[Tag("a", "1"), Tag("b", "2")],
)  # fmt: skip
RUN: Final = RunRecord(
    where="", run_id="r", experiment_key="7", name="first", user_id="u", status="RUNNING", start_time_ms=1,
    end_time_ms=5, artifact_uri="l", params=[Param("p", "1")], tags=[Tag("t", "v"), Tag("mlflow.runName", "first")],
)  # fmt: skip
MODEL: Final = LoggedModelRecord(
    where="", model_id="m-1", experiment_key="7", name="m", artifact_location="l", model_type="", source_run_id="",
    status=1, creation_time_ms=1, last_update_time_ms=1, params=[Param("p", "1")], tags=[Tag("t", "v")],
)  # fmt: skip
VERSION: Final = VersionRecord(
    where="", version=1, source="s", storage_location="s", run_id="", run_link="", model_id="", description="",
    stage="None", creation_time_ms=1, last_update_time_ms=1, tags=[Tag("t", "v")],
)  # fmt: skip
REGISTERED: Final = RegisteredRecord(
    where="", name="m", description="", creation_time_ms=1, last_update_time_ms=1, tags=[Tag("t", "v")],
    aliases=[("best", 1)], versions=[VERSION, replace(VERSION, version=2)],
)  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "events", "end"),
    [
        ({}, [], []),
        ({"name": "tuned"}, [ExperimentRenamed(experiment_id=3, name="tuned")], []),
        # It was deleted and restored in between: what says so is the time alone.
        ({"last_update_time_ms": 2}, [ExperimentRenamed(experiment_id=3, name="train")], []),
        ({"deleted": True, "last_update_time_ms": 2}, [], [ExperimentDeleted(experiment_id=3)]),
        (
            {"tags": [Tag("a", "other"), Tag("c", "3")]},
            [
                ExperimentTagSet(experiment_id=3, key="a", value="other"),
                ExperimentTagSet(experiment_id=3, key="c", value="3"),
                ExperimentTagDeleted(experiment_id=3, key="b"),
            ],
            [],
        ),
    ],
)
def test_what_changed_in_an_experiment(changed: dict[str, Any], events: list[AnyEvent], end: list[AnyEvent]) -> None:
    new = replace(EXPERIMENT, **changed)
    assert list(changes.of_experiment(3, EXPERIMENT, new)) == events
    assert list(changes.end_of_experiment(3, EXPERIMENT, new)) == end


def test_a_restored_experiment_is_restored_before_anything_else_of_it() -> None:
    deleted = replace(EXPERIMENT, deleted=True)
    new = replace(EXPERIMENT, name="tuned", last_update_time_ms=2)
    restored, renamed = changes.of_experiment(3, deleted, new)
    assert (restored, renamed) == (
        ExperimentRestored(experiment_id=3),
        ExperimentRenamed(experiment_id=3, name="tuned"),
    )
    assert list(changes.end_of_experiment(3, deleted, deleted)) == []


DATASET: Final = DatasetInput(name="d", digest="1", source_type="s3", source="s3://x")
OUTPUT: Final = ModelOutput("m-1", 0)


@pytest.mark.parametrize(
    ("changed", "events"),
    [
        ({}, []),
        ({"status": "FINISHED", "end_time_ms": 9}, [RunUpdated(run_id="r", status="FINISHED", end_time_ms=9)]),
        ({"end_time_ms": None}, [RunUpdated(run_id="r", clears_end_time=True)]),
        # The name is that of the tag, which is no tag of its own here.
        (
            {"tags": [Tag("t", "v"), Tag("mlflow.runName", "second")]},
            [RunUpdated(run_id="r", name="second")],
        ),
        (
            {"params": [Param("p", "1"), Param("q", "2")], "tags": [Tag("mlflow.runName", "first"), Tag("u", "w")]},
            [
                RunDataLogged(run_id="r", params=[Param("q", "2")], tags=[Tag("u", "w")]),
                RunTagDeleted(run_id="r", key="t"),
            ],
        ),
        ({"datasets": [DATASET]}, [RunInputsLogged(run_id="r", datasets=[DATASET])]),
        ({"model_inputs": ["m-1"]}, [RunInputsLogged(run_id="r", model_ids=["m-1"])]),
        ({"outputs": [OUTPUT]}, [RunOutputsLogged(run_id="r", models=[OUTPUT])]),
        (
            {"status": "FAILED", "deleted": True},
            [RunUpdated(run_id="r", status="FAILED"), RunDeleted(run_id="r")],
        ),
    ],
)
def test_what_changed_in_a_run(changed: dict[str, Any], events: list[AnyEvent]) -> None:
    assert list(changes.of_run(RUN, replace(RUN, **changed))) == events


def test_a_restored_run_is_restored_before_anything_else_of_it() -> None:
    events = changes.of_run(replace(RUN, deleted=True), replace(RUN, status="FAILED"))
    assert list(events) == [RunRestored(run_id="r"), RunUpdated(run_id="r", status="FAILED")]


def test_inputs_and_outputs_that_were_there_are_not_told_of_again() -> None:
    old = replace(RUN, datasets=[DATASET], model_inputs=["m-1"], outputs=[OUTPUT])
    new = replace(old, model_inputs=["m-1", "m-2"])
    assert list(changes.of_run(old, new)) == [RunInputsLogged(run_id="r", model_ids=["m-2"])]


@pytest.mark.parametrize(
    ("changed", "events"),
    [
        ({}, []),
        ({"status": 2, "last_update_time_ms": 2}, [LoggedModelFinalized(model_id="m-1", status=2)]),
        ({"last_update_time_ms": 2}, [LoggedModelFinalized(model_id="m-1", status=1)]),
        (
            {"params": [Param("q", "2")], "tags": [Tag("u", "w")]},
            [
                LoggedModelParamsLogged(model_id="m-1", params=[Param("q", "2")]),
                LoggedModelTagsSet(model_id="m-1", tags=[Tag("u", "w")]),
                LoggedModelTagDeleted(model_id="m-1", key="t"),
            ],
        ),
        ({"deleted": True}, [LoggedModelDeleted(model_id="m-1")]),
    ],
)
def test_what_changed_in_a_logged_model(changed: dict[str, Any], events: list[AnyEvent]) -> None:
    assert list(changes.of_logged_model(MODEL, replace(MODEL, **changed))) == events


def test_a_logged_model_may_be_restored() -> None:
    assert list(changes.of_logged_model(replace(MODEL, deleted=True), MODEL)) == [LoggedModelRestored(model_id="m-1")]


def test_new_points_of_a_logged_model_are_facts_of_the_runs_that_reported_them() -> None:
    def point(value: float) -> ModelMetric:
        return ModelMetric(model_id="m-1", key="acc", value=value, timestamp_ms=1, step=0)

    old = replace(MODEL, metrics=[("a", point(0.1))])
    new = replace(MODEL, metrics=[("a", point(0.1)), ("a", point(0.2)), ("b", point(0.1))])
    assert list(changes.points_of_logged_model(old, new)) == [
        RunDataLogged(run_id="a", model_metrics=[point(0.2)]),
        RunDataLogged(run_id="b", model_metrics=[point(0.1)]),
    ]
    assert list(changes.points_of_logged_model(None, old)) == [RunDataLogged(run_id="a", model_metrics=[point(0.1)])]


def versions(*numbers: int, **changed: Any) -> list[VersionRecord]:
    return [replace(VERSION, version=number, **changed) for number in numbers]


@pytest.mark.parametrize(
    ("changed", "events"),
    [
        ({}, []),
        ({"description": "d"}, [RegisteredModelUpdated(name="m", description="d")]),
        ({"last_update_time_ms": 2}, [RegisteredModelUpdated(name="m", description="")]),
        (
            {"tags": [Tag("u", "w")]},
            [RegisteredModelTagSet(name="m", key="u", value="w"), RegisteredModelTagDeleted(name="m", key="t")],
        ),
        ({"versions": versions(1)}, [ModelVersionDeleted(name="m", version=2)]),
        ({"versions": versions(1, 2, 3)}, []),  # a new one is told of elsewhere
        (
            {"versions": [*versions(1), *versions(2, stage="Production", last_update_time_ms=2)]},
            [
                ModelVersionTransitioned(name="m", version=2, stage="Production"),
                ModelVersionUpdated(name="m", version=2, description=""),
            ],
        ),
        (
            {"versions": [*versions(1), *versions(2, tags=[Tag("u", "w")], description="d")]},
            [
                ModelVersionTagSet(name="m", version=2, key="u", value="w"),
                ModelVersionTagDeleted(name="m", version=2, key="t"),
                ModelVersionUpdated(name="m", version=2, description="d"),
            ],
        ),
        (
            {"versions": [*versions(1), *versions(2, deleted=True, stage="Deleted_Internal")]},
            [ModelVersionDeleted(name="m", version=2)],
        ),
    ],
)
def test_what_changed_in_a_registered_model(changed: dict[str, Any], events: list[AnyEvent]) -> None:
    assert list(changes.of_registered_model(REGISTERED, replace(REGISTERED, **changed))) == events


def test_a_version_that_was_deleted_is_not_deleted_again() -> None:
    old = replace(REGISTERED, versions=[*versions(1), *versions(2, deleted=True)])
    assert list(changes.of_registered_model(old, old)) == []
    assert list(changes.of_registered_model(old, replace(old, versions=versions(1)))) == []


@pytest.mark.parametrize(
    ("aliases", "alive", "events"),
    [
        ([("best", 1)], (1, 2), []),
        ([("best", 2)], (1, 2), [RegisteredModelAliasSet(name="m", alias="best", version=2)]),
        ([], (1, 2), [RegisteredModelAliasDeleted(name="m", alias="best")]),
        ([], (2,), []),  # it went with its version
        ([("best", 1), ("odd", 9)], (1, 2), []),  # of a version that is not there
    ],
)
def test_what_changed_in_aliases(
    aliases: list[tuple[str, int]], alive: tuple[int, ...], events: list[AnyEvent]
) -> None:
    new = replace(REGISTERED, aliases=aliases, versions=versions(*alive))
    assert list(changes.aliases_of_registered_model(REGISTERED, new)) == events


def test_all_aliases_of_a_new_model_are_set() -> None:
    found = list(changes.aliases_of_registered_model(None, REGISTERED))
    assert found == [RegisteredModelAliasSet(name="m", alias="best", version=1)]
