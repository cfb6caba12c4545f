"""Which names and ids are taken in a log that something is imported into, and what an import makes of those."""

from dataclasses import replace
from typing import Final

from event_log.memory_event_log import MemoryEventLog
from schemas.envelope import Actor, EventClock, importer_from
from schemas.events import (
    AnyEvent,
    EvaluationDatasetCreated,
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentRenamed,
    ExperimentRestored,
    LoggedModelCreated,
    ModelMetric,
    Param,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelRenamed,
    RegisteredModelRestored,
    RoleCreated,
    RoleDeleted,
    RoleUpdated,
    RunCreated,
    RunDataLogged,
    RunUpdated,
    ScorerRegistered,
    Tag,
    TraceStarted,
    UserCreated,
    UserDeleted,
)
from tests.unit.tracklog.moving.imports import RecordsStore, counts, events_in, imported
from tests.unit.tracklog.moving.test_reviews import ISSUE
from tests.unit.tracklog.moving.test_translation import EXPERIMENT, POINTS, RUN
from tracklog.moving.records import ExperimentRecord, LoggedModelRecord, RegisteredRecord, SizeRecord, VersionRecord
from tracklog.moving.target import SHADOW, look_at

LOCATION: Final = "s3://b"


def model(name: str, model_id: str = "i") -> RegisteredModelCreated:
    return RegisteredModelCreated(name=name, registered_model_id=model_id)


async def log_of(*payloads: AnyEvent) -> MemoryEventLog:
    log, clock = MemoryEventLog(), EventClock(lambda: 10**15)
    if payloads:
        await log.append([clock.stamp(payload, Actor("ada", "", ""), "q") for payload in payloads])
    return log


def experiment(number: int, name: str) -> ExperimentCreated:
    return ExperimentCreated(experiment_id=number, name=name, artifact_location=LOCATION)


async def test_an_empty_log_has_taken_nothing() -> None:
    target = await look_at(await log_of())
    assert (target.is_empty, target.experiments, target.partitions) == (True, {}, 1)


async def test_the_first_experiment_of_a_name_or_an_id_keeps_both_and_a_renamed_one_frees_its_name() -> None:
    target = await look_at(
        await log_of(
            experiment(1, "a"),
            experiment(1, "b"),
            experiment(2, "a"),
            experiment(3, "c"),
            ExperimentRenamed(experiment_id=3, name="a"),  # which was refused: the name is taken
            ExperimentRenamed(experiment_id=3, name="d"),
            ExperimentRenamed(experiment_id=9, name="e"),
            ExperimentDeleted(experiment_id=3),
            ExperimentRestored(experiment_id=3),
            ExperimentDeleted(experiment_id=9),
        )
    )
    assert target.names == {"a": 1, "d": 3}
    assert {known.experiment_id: (known.name, known.revision) for known in target.experiments.values()} == {
        1: ("a", 0),
        3: ("d", 2),
    }
    assert not target.is_empty


async def test_names_of_models_roles_and_users_are_those_that_are_there_now() -> None:
    target = await look_at(
        await log_of(
            model("a"),
            model("b"),
            model("c"),
            RegisteredModelDeleted(name="a"),
            RegisteredModelRenamed(name="b", new_name="d"),
            RegisteredModelDeleted(name="c"),
            RegisteredModelRestored(name="c", registered_model_id="i", creation_time_ms=1, last_version=0),
            UserCreated(username="ines"),
            UserCreated(username="ada"),
            UserDeleted(username="ines"),
            RoleCreated(role_key="r", name="readers"),
            RoleUpdated(role_key="r", name="writers"),
            RoleUpdated(role_key="r", description="d"),
            RoleCreated(role_key="s", name="gone"),
            RoleDeleted(role_key="s"),
        )
    )
    assert (target.registered, target.users, target.role_names) == ({"c", "d"}, {"ada"}, {"r": "writers"})


async def test_ids_are_taken_for_ever() -> None:
    scorer = ScorerRegistered(experiment_id=1, name="s", scorer_id="s", version_id="v", serialized_scorer="{}")
    target = await look_at(
        await log_of(
            RunCreated(run_id="a", experiment_id=1, name="n", user_id="u", start_time_ms=1, artifact_uri=LOCATION),
            RunUpdated(run_id="b", status="FAILED"),
            LoggedModelCreated(model_id="m-1", experiment_id=1, name="m", artifact_location=LOCATION),
            TraceStarted(trace_id="tr-1", experiment_id=1, request_time_ms=1),
            EvaluationDatasetCreated(dataset_id="d", name="d", experiment_ids=[1]),
            scorer,
        )
    )
    assert (target.runs, target.used, target.logged_models) == ({"a"}, {1}, {"m-1"})
    assert (target.traces, target.evaluated, target.scorers) == ({"tr-1"}, {"d"}, {(1, "s")})


TRAIN: Final = ExperimentRecord(
    where="", key="7", experiment_id="7", name="train", artifact_location=LOCATION, creation_time_ms=1
)


def logged_model(model_id: str, *, status: int = 2) -> LoggedModelRecord:
    point = ModelMetric(model_id=model_id, key="acc", value=0.5, timestamp_ms=1, step=0)
    return LoggedModelRecord(
        where=f"model {model_id}", model_id=model_id, experiment_key="7", name="m", artifact_location=LOCATION,
        model_type="", source_run_id="", status=status, creation_time_ms=1, last_update_time_ms=2,
        params=[Param("p", "1")], tags=[Tag("t", "v")], metrics=[("nobody", point)],
    )  # fmt: skip


async def test_a_logged_model_whose_id_is_taken_or_missing_is_left_with_all_that_is_its() -> None:
    log = await log_of(LoggedModelCreated(model_id="m-1", experiment_id=1, name="m", artifact_location=LOCATION))
    report = await imported(
        RecordsStore(TRAIN, logged_model("m-1"), logged_model(""), logged_model("m-2", status=77)), log
    )
    told = {(kind, where, what) for kind, where, what in report.oddities}
    assert ("logged models", "model m-1", "left: a logged model m-1 is there already") in told
    assert ("logged models", "model ", "left: it has no id") in told
    assert ("logged models", "model m-2", "its status 77 is none that is known; pending") in told
    assert [where for kind, where, what in report.oddities if "the run 'nobody'" in what] == ["model m-2"]
    assert (report.tally("logged models").left, report.tally("logged models").new) == (2, 1)
    assert report.tally("params of logged models").left == 2
    again = await imported(RecordsStore(TRAIN, logged_model("m-2", status=77)), log)
    assert (again.tally("logged models").imported, again.tally("logged models").new) == (1, 0)


def version(number: int) -> VersionRecord:
    return VersionRecord(
        where=f"version {number}", version=number, source="s", storage_location="s", run_id="", run_link="",
        model_id="", description="", stage="None", creation_time_ms=1, last_update_time_ms=1, tags=[Tag("t", "v")],
    )  # fmt: skip


async def test_a_model_whose_name_is_taken_gets_another_and_a_number_that_cannot_follow_is_left() -> None:
    log = await log_of(model("m"), model("m-imported"))
    versions = [version(2), version(2), version(10**9)]
    record = RegisteredRecord(
        where="", name="m", description="", creation_time_ms=1, last_update_time_ms=1, versions=versions
    )
    report = await imported(RecordsStore(record), log)
    assert report.renamed == [("registered model", "'m' ()", "'m-imported-imported'")]
    assert [(where, what) for kind, where, what in report.oddities if kind == "model versions"] == [
        ("version 2", "left: the number 2 cannot follow 2"),
        ("version 1000000000", "left: the number 1000000000 cannot follow 2"),
    ]
    assert report.tally("model versions").new == 1


async def test_into_a_log_that_a_shadow_follows_into_comes_only_what_no_shadow_brings() -> None:
    log, clock = await log_of(experiment(0, "Default"), experiment(3, "renamed")), EventClock(lambda: 10**15)
    brought = RunDataLogged(run_id="a", params=[Param("k", "1")])
    await log.append([clock.stamp(brought, importer_from("sqlite:///mlflow.db"), SHADOW)])
    [(_, there)] = (await log.end()).items()
    report = await imported(
        RecordsStore(
            SizeRecord("runs", 1),
            SizeRecord("metric points", 2),
            SizeRecord("issues", 1),
            replace(EXPERIMENT, last_update_time_ms=9000),
            RUN,
            POINTS,
            replace(ISSUE, experiment_key="3"),
        ),
        log,
    )
    new = (await events_in(log))[there:]
    assert [(event.event_type, getattr(event, "experiment_id", None)) for event in new] == [("issue.created", 3)]
    assert counts(report) == {"runs": (1, 0, 1), "metric points": (2, 0, 2), "issues": (1, 1, 0)}
    assert {what for _, _, what in report.oddities} == {"left: a shadow brings them"}


async def test_what_a_client_calls_its_request_makes_it_no_shadow() -> None:
    log, clock = MemoryEventLog(), EventClock(lambda: 10**15)
    await log.append([clock.stamp(experiment(0, "Default"), Actor("ada", "", ""), SHADOW)])
    assert (await look_at(log)).is_followed_into is False
