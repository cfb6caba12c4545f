"""From records to events: ids and names that are taken, times, and what cannot be said."""

from dataclasses import replace
from typing import Final

from event_log.memory_event_log import MemoryEventLog
from schemas.envelope import PARTITION, SYSTEM, Actor, EventClock
from schemas.events import (
    AnyEvent,
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentRenamed,
    ExperimentTagSet,
    MetricSeries,
    ModelOutput,
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionTransitioned,
    Param,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RunCreated,
    RunDataLogged,
    RunDeleted,
    RunOutputsLogged,
    RunTagDeleted,
    RunUpdated,
    Tag,
)
from tests.unit.tracklog.moving.imports import RecordsStore, counts, events_in, imported
from tracklog.moving.records import (
    ExperimentRecord,
    PointsRecord,
    RegisteredRecord,
    RunRecord,
    SizeRecord,
    VersionRecord,
)

EXPERIMENT: Final = ExperimentRecord(
    where="experiments, 3",
    key="3",
    experiment_id="3",
    name="iris",
    artifact_location="s3://bucket/3",
    creation_time_ms=1000,
    last_update_time_ms=1000,
)
RUN: Final = RunRecord(
    where="runs, a",
    run_id="a",
    experiment_key="3",
    name="",
    user_id="ann",
    status="FINISHED",
    start_time_ms=2000,
    end_time_ms=3000,
    artifact_uri="s3://bucket/3/a/artifacts",
    params=[Param("k", "1")],
    tags=[Tag("mlflow.runName", "first")],
)
POINTS: Final = PointsRecord("a", [MetricSeries("loss", [0.5, 0.5], [2500, 2400], [1, 0])])
VERSION: Final = VersionRecord(
    where="version 3",
    version=3,
    source="s3://there",
    storage_location="",
    run_id="a",
    run_link="",
    model_id="",
    description="",
    stage="Production",
    creation_time_ms=5000,
    last_update_time_ms=5000,
)
MODEL: Final = RegisteredRecord(
    where="registered_models, iris",
    name="iris",
    description="",
    creation_time_ms=4000,
    last_update_time_ms=4000,
    aliases=[("best", 3), ("lost", 2)],
    versions=[VERSION],
)
CREATED_ALREADY: Final = ExperimentCreated(experiment_id=0, name="Default", artifact_location="mlflow-artifacts:/0")


async def log_of(*events: AnyEvent) -> MemoryEventLog:
    """A log that users wrote."""
    log, clock = MemoryEventLog(), EventClock()
    for event in events:
        await log.append([clock.stamp(event, Actor("ann"), "request")])
    return log


async def test_a_run_is_told_as_it_went_with_the_times_of_the_store() -> None:
    log = await log_of(CREATED_ALREADY)
    await imported(RecordsStore(EXPERIMENT, RUN, POINTS), log)
    recorded = await log.read(PARTITION, 1, limit=100)
    assert [event.time_us for event in recorded] == [1_000_000, 2_000_000, 2_000_000, 2_500_000, 3_000_000]
    assert (await events_in(log))[1:] == [
        ExperimentCreated(experiment_id=3, name="iris", artifact_location="s3://bucket/3"),
        RunCreated(
            run_id="a",
            experiment_id=3,
            name="first",
            user_id="ann",
            start_time_ms=2000,
            artifact_uri="s3://bucket/3/a/artifacts",
            experiment_revision=0,
        ),
        RunDataLogged(run_id="a", params=[Param("k", "1")]),
        RunDataLogged(run_id="a", metrics=list(POINTS.metrics)),
        RunUpdated(run_id="a", status="FINISHED", end_time_ms=3000),
    ]
    assert {event.actor for event in recorded} == {Actor(SYSTEM.user, "records", "tracklog-import")}
    assert len({event.id for event in recorded}) == len(recorded)
    assert all(event.id[6] >> 4 == 7 for event in recorded), "as UUIDs of version 7 are"


async def test_a_deleted_run_without_a_name_and_without_an_end() -> None:
    log = await log_of(CREATED_ALREADY)
    run = replace(RUN, tags=(), params=(), status="RUNNING", end_time_ms=None, deleted=True, deleted_time_ms=9000)
    await imported(RecordsStore(EXPERIMENT, run), log)
    assert (await events_in(log))[3:] == [
        RunTagDeleted(run_id="a", key="mlflow.runName"),
        RunDeleted(run_id="a", experiment_revision=0),
    ]
    assert [event.time_us for event in await log.read(PARTITION, 4, limit=1)] == [9_000_000]


async def test_an_id_and_a_name_that_are_taken_become_others_that_are_told_of() -> None:
    log = await log_of(CREATED_ALREADY, ExperimentCreated(experiment_id=3, name="iris", artifact_location="here"))
    report = await imported(RecordsStore(EXPERIMENT, RUN), log)
    experiment, run, *_ = (await events_in(log))[2:]
    assert isinstance(experiment, ExperimentCreated)
    assert isinstance(run, RunCreated)
    assert run.experiment_id == experiment.experiment_id != 3
    assert experiment.name == f"iris-imported-{experiment.experiment_id}"
    assert {tag.key: tag.value for tag in experiment.tags} == {
        "tracklog.import.experiment_id": "3",
        "tracklog.import.name": "iris",
    }
    assert [kind for kind, _, _ in report.renamed] == ["experiment", "experiment"]
    end = await log.end()
    again = await imported(RecordsStore(EXPERIMENT, RUN), log)
    assert await log.end() == end
    assert again.renamed == report.renamed


async def test_of_two_with_one_id_in_a_store_the_active_one_keeps_it() -> None:
    deleted = replace(EXPERIMENT, key=".trash/3", artifact_location="elsewhere", deleted=True, last_update_time_ms=1500)
    log = await log_of(CREATED_ALREADY)
    await imported(RecordsStore(EXPERIMENT, deleted, replace(RUN, experiment_key=".trash/3")), log)
    kept, other, gone, run, *_ = (await events_in(log))[1:]
    assert isinstance(kept, ExperimentCreated)
    assert isinstance(other, ExperimentCreated)
    assert isinstance(run, RunCreated)
    assert (kept.experiment_id, kept.name) == (3, "iris")
    assert other.name == f"iris-deleted-{other.experiment_id}"
    assert gone == ExperimentDeleted(experiment_id=other.experiment_id)
    assert run.experiment_id == other.experiment_id


async def test_the_default_experiment_takes_the_place_of_one_that_nobody_used() -> None:
    default = replace(EXPERIMENT, key="0", experiment_id="0", name="first steps", tags=[Tag("a", "b")])
    log = await log_of(CREATED_ALREADY)
    run = replace(RUN, experiment_key="0")
    await imported(RecordsStore(default, run), log)
    merged, tag, renamed, created, *_ = (await events_in(log))[1:]
    assert merged == ExperimentTagSet(experiment_id=0, key="tracklog.import.source", value="records")
    assert tag == ExperimentTagSet(experiment_id=0, key="a", value="b")
    assert renamed == ExperimentRenamed(experiment_id=0, name="first steps")
    assert isinstance(created, RunCreated)
    assert created.experiment_id == 0
    end = await log.end()
    await imported(RecordsStore(default, run), log)
    assert await log.end() == end, "though it is used by now"


async def test_a_default_experiment_that_is_used_keeps_its_place() -> None:
    used = RunCreated(run_id="u", experiment_id=0, name="", user_id="", start_time_ms=0, artifact_uri="")
    default = replace(EXPERIMENT, key="0", experiment_id="0", name="Default")
    log = await log_of(CREATED_ALREADY, used)
    await imported(RecordsStore(default), log)
    [created] = (await events_in(log))[2:]
    assert isinstance(created, ExperimentCreated)
    assert created.experiment_id != 0


async def test_an_empty_log_gets_a_default_experiment_where_the_store_has_none() -> None:
    log = MemoryEventLog()
    await imported(RecordsStore(EXPERIMENT, RUN), log)
    made = [event for event in await events_in(log) if isinstance(event, ExperimentCreated)]
    assert [(event.experiment_id, event.name) for event in made] == [(3, "iris"), (0, "Default")]


async def test_a_run_that_somebody_else_made_stays_as_it_is() -> None:
    other = RunCreated(run_id="a", experiment_id=0, name="", user_id="", start_time_ms=0, artifact_uri="")
    log = await log_of(CREATED_ALREADY, other)
    sizes = (SizeRecord("runs", 1), SizeRecord("params", 1), SizeRecord("tags", 1), SizeRecord("metric points", 2))
    report = await imported(RecordsStore(*sizes, EXPERIMENT, RUN, POINTS), log)
    assert [event for event in (await events_in(log))[2:] if not isinstance(event, ExperimentCreated)] == []
    assert counts(report) | {"experiments": (0, 0, 0)} == {
        "experiments": (0, 0, 0),
        "runs": (1, 0, 1),
        "params": (1, 0, 1),
        "tags": (1, 0, 1),
        "metric points": (2, 0, 2),
    }


async def test_what_changed_since_it_was_imported_is_told_of_and_stays() -> None:
    log = await log_of(CREATED_ALREADY)
    await imported(RecordsStore(EXPERIMENT, RUN, POINTS), log)
    end = await log.end()
    grown = PointsRecord("a", [MetricSeries("loss", [0.5, 0.5, 0.4], [2500, 2400, 2600], [1, 0, 2])])
    report = await imported(RecordsStore(SizeRecord("metric points", 3), EXPERIMENT, RUN, grown), log)
    assert await log.end() == end
    assert report.tallies["metric points"].left == 3
    assert any("is not what was imported before" in what for _, _, what in report.oddities)


async def test_numbers_of_versions_that_are_missing_count_as_given() -> None:
    log = await log_of(CREATED_ALREADY)
    report = await imported(RecordsStore(SizeRecord("aliases", 2), MODEL), log)
    model, *versions = (await events_in(log))[1:]
    assert isinstance(model, RegisteredModelCreated)
    kinds = [type(event) for event in versions]
    assert kinds == [
        *(ModelVersionCreated, ModelVersionDeleted) * 2,
        ModelVersionCreated,
        ModelVersionTransitioned,
        RegisteredModelAliasSet,
    ]
    assert counts(report)["aliases"] == (2, 1, 1)
    assert versions[-1] == RegisteredModelAliasSet(name="iris", alias="best", version=3)


async def test_an_experiment_that_nothing_is_known_of_is_made_for_its_runs() -> None:
    log = await log_of(CREATED_ALREADY)
    report = await imported(RecordsStore(replace(RUN, experiment_key="8")), log)
    created = (await events_in(log))[1]
    assert created == ExperimentCreated(experiment_id=8, name="recovered-8", artifact_location="")
    assert any("is not there: it is made" in what for _, _, what in report.oddities)


async def test_what_is_there_twice_and_may_be_there_once_is_left_the_second_time() -> None:
    log = await log_of(CREATED_ALREADY)
    run = replace(RUN, params=[Param("k", "1"), Param("k", "2")], outputs=[ModelOutput("m", 1), ModelOutput("m", 2)])
    report = await imported(RecordsStore(EXPERIMENT, run), log)
    assert [event for event in await events_in(log) if isinstance(event, RunDataLogged | RunOutputsLogged)] == [
        RunDataLogged(run_id="a", params=[Param("k", "1")]),
        RunOutputsLogged(run_id="a", models=[ModelOutput("m", 1)]),
    ]
    assert {kind: left for kind, (_, _, left) in counts(report).items() if left} == {"params": 1, "model outputs": 1}


async def test_runs_of_a_default_experiment_that_is_deleted_have_not_seen_that() -> None:
    default = replace(EXPERIMENT, key="0", experiment_id="0", deleted=True)
    log = await log_of(CREATED_ALREADY)
    for records in ((default,), (default, replace(RUN, experiment_key="0"))):
        await imported(RecordsStore(*records), log)
    [run] = [event for event in await events_in(log) if isinstance(event, RunCreated)]
    assert (run.experiment_id, run.experiment_revision) == (0, 0)
