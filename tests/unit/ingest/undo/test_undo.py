"""Undoing what happened, on a log in memory and an SQLite read model."""

import sqlite3
import uuid
from contextlib import closing
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from ingest.undo.commands import NOTHING_FOUND, NOTHING_SINCE
from schemas.errors import InvalidParameterValue, ResourceConflict
from schemas.events import (
    ExperimentRenamed,
    ExperimentTagSet,
    ModelVersionRestored,
    RegisteredModelRestored,
    RunDataLogged,
    RunTagDeleted,
    RunUpdated,
    Tag,
    Undo,
    WebhookCreated,
    WebhookDeleted,
    WebhookUpdated,
)
from schemas.messages.experiments import (
    CreateExperiment,
    DeleteExperiment,
    RestoreExperiment,
    SetExperimentTag,
    UpdateExperiment,
)
from schemas.messages.logged_models import (
    CreateLoggedModel,
    DeleteLoggedModel,
    FinalizeLoggedModel,
    LogLoggedModelParams,
    SetLoggedModelTags,
)
from schemas.messages.message import KeyValue
from schemas.messages.model_versions import (
    CreateModelVersion,
    DeleteModelVersion,
    SetModelVersionTag,
    TransitionModelVersionStage,
)
from schemas.messages.registered_models import (
    CreateRegisteredModel,
    DeleteRegisteredModel,
    RegistryTag,
    RenameRegisteredModel,
    SetRegisteredModelAlias,
    SetRegisteredModelTag,
    UpdateRegisteredModel,
)
from schemas.messages.run_data import DeleteTag, LogInputs, LogOutputs, ModelOutput, SetTag
from schemas.messages.runs import CreateRun, DeleteRun, RestoreRun, UpdateRun
from tests.unit.ingest.doubles import ANN
from tests.unit.ingest.undo.session import Session


@pytest.fixture
async def session() -> Session:
    session = Session()
    await session.ingest.ensure_default_experiment()
    return session


async def created_run(session: Session) -> str:
    answer = await session.do(session.ingest.runs.create(CreateRun(experiment_id="0", run_name="n"), ANN, "create"))
    return str(answer["run"]["info"]["run_id"])


async def set_tag(session: Session, run_id: str, value: str, request_id: str, key: str = "t") -> None:
    await session.do(session.ingest.run_data.set_tag(SetTag(run_id=run_id, key=key, value=value), ANN, request_id))


def fields(plan: Any) -> list[tuple[str, Any, Any]]:
    return [(one["field"], one["from"], one["to"]) for one in plan["changes"]]


def reasons(plan: Any) -> list[str]:
    return [one["reason"] for one in plan["left_out"]]


async def test_a_tag_that_was_set_is_deleted_and_one_that_was_set_again_gets_the_value_before(session: Session) -> None:
    run_id = await created_run(session)
    await set_tag(session, run_id, "1", "first")
    assert fields(await session.plan(request_id="first")) == [("tags.t", "1", None)]
    await set_tag(session, run_id, "2", "second")
    assert fields(await session.plan(request_id="second")) == [("tags.t", "2", "1")]
    answer = await session.undo("u", request_id="second")
    assert [one["type"] for one in answer["undone"]] == ["run.data-logged"]
    *_, event = await session.deployment.events()
    assert isinstance(event, RunDataLogged)
    assert event.tags == [Tag("t", "1")]
    assert event.undo is not None
    assert event.undo.found == {"tags.t": "2"}
    assert (await session.deployment.log.read(0, 0, limit=100))[-1].request_id == "u"


async def test_undoing_an_older_event_leaves_a_later_value_unless_asked(session: Session) -> None:
    run_id = await created_run(session)
    await set_tag(session, run_id, "1", "first")
    await set_tag(session, run_id, "2", "second")
    plan = await session.plan(request_id="first")
    assert plan["changes"] == []
    assert reasons(plan)[0].startswith("It was changed again later, by event ")
    assert fields(await session.plan(request_id="first", over_later=True)) == [("tags.t", "2", None)]


async def test_undoing_what_was_undone_is_the_same_act(session: Session) -> None:
    run_id = await created_run(session)
    await set_tag(session, run_id, "1", "first")
    await session.undo("u1", request_id="first")
    assert isinstance((await session.deployment.events())[-1], RunTagDeleted)
    assert fields(await session.plan(request_id="u1")) == [("tags.t", None, "1")]
    await session.undo("u2", request_id="u1")
    assert reasons(await session.plan(request_id="u1")) == ["Everything is already as it was before."]


async def test_a_plan_that_is_not_the_same_any_more_is_not_carried_out(session: Session) -> None:
    run_id = await created_run(session)
    await set_tag(session, run_id, "1", "first")
    digest = (await session.plan(request_id="first"))["digest"]
    await set_tag(session, run_id, "2", "second")
    count = await session.deployment.count()
    with pytest.raises(ResourceConflict):
        await session.undo(digest=digest, request_id="first")
    assert await session.deployment.count() == count


async def test_a_write_between_plan_and_append_is_not_overwritten(session: Session) -> None:
    run_id = await created_run(session)
    await set_tag(session, run_id, "1", "first")
    (change,) = (await session.plan(request_id="first"))["changes"]
    await set_tag(session, run_id, "2", "second")
    undo = Undo(change["undoes"], {change["field"]: change["from"]})
    event = RunTagDeleted(run_id=run_id, key="t", undo=undo)
    before = await session.rows()
    with pytest.raises(ResourceConflict, match=r"'tags\.t' was changed meanwhile"):
        await session.ingest.undo._writer.append_and_wait(event, ANN, "q")
    assert await session.rows() == before


async def test_status_end_and_name_of_a_run_are_as_before(session: Session) -> None:
    run_id = await created_run(session)
    before = await session.rows()
    update = UpdateRun(run_id=run_id, status="FINISHED", end_time=7, run_name="other")
    await session.do(session.ingest.runs.update(update, ANN, "end"))
    plan = await session.plan(request_id="end")
    assert fields(plan) == [
        ("end_time_ms", 7, None),
        ("name", "other", "n"),
        ("status", "FINISHED", "RUNNING"),
        ("tags.mlflow.runName", "other", "n"),
    ]
    await session.undo(request_id="end")
    assert await session.rows() == before
    *_, event = await session.deployment.events()
    assert event == RunUpdated(run_id=run_id, status="RUNNING", name="n", clears_end_time=True, undo=event.undo)
    shown = await session.do(session.ingest.runs.update(UpdateRun(run_id=run_id, status="RUNNING"), ANN, "q"))
    assert shown["run_info"]["run_name"] == "n"


async def test_a_deleted_run_is_restored_and_takes_writes_at_once(session: Session) -> None:
    run_id = await created_run(session)
    await session.do(session.ingest.runs.delete(DeleteRun(run_id=run_id), ANN, "delete"))
    await session.undo(request_id="delete")
    assert await session.do(session.ingest.run_data.set_tag(SetTag(run_id=run_id, key="a"), ANN, "q")) == {}
    await session.undo("again", request_id="undo")
    assert await session.do(session.ingest.run_data.set_tag(SetTag(run_id=run_id, key="a"), ANN, "q")) is None


async def test_a_deleted_run_is_not_changed_unless_it_is_restored_with_it(session: Session) -> None:
    run_id = await created_run(session)
    await set_tag(session, run_id, "1", "both")
    await session.do(session.ingest.runs.delete(DeleteRun(run_id=run_id), ANN, "delete"))
    assert reasons(await session.plan(request_id="both"))[0].startswith("The run is deleted")
    at_first = (await session.deployment.log.read(0, 0, limit=100))[2].time_us // 1000
    plan = await session.plan(stream=f"run/{run_id}", to=str(at_first))
    assert ("lifecycle_stage", "deleted", "active") in fields(plan)
    assert ("tags.t", "1", None) in fields(plan)


async def test_what_cannot_be_undone_is_named_with_a_reason(session: Session) -> None:
    await created_run(session)
    plan = await session.plan(request_id="create")
    assert plan["changes"] == []
    assert reasons(plan) == ["A run that was created is not undone, but may be deleted."]


async def test_of_what_there_is_not_the_plan_says_so(session: Session) -> None:
    run_id = await created_run(session)
    for wanted in ({"event": "0:99"}, {"event": "7:1"}, {"request_id": "nobody's"}, {"actor": "eve", "since": "0"}):
        plan = await session.plan(**wanted)
        assert (plan["changes"], plan["left_out"]) == ([], [{"reason": NOTHING_FOUND, "events": [], "count": 0}])
    plan = await session.plan(stream=f"run/{run_id}", to="2100-01-01T00:00Z")
    assert reasons(plan) == [NOTHING_SINCE]


async def test_inputs_and_outputs_are_taken_back_and_are_there_again(session: Session) -> None:
    data = session.ingest.run_data
    run_id, other = await created_run(session), await created_run(session)

    async def log_inputs(of: str, digest: str, request_id: str) -> None:
        dataset = {"dataset": {"name": "d", "digest": digest, "schema": "s"}, "tags": [{"key": "k", "value": "v"}]}
        given = {"run_id": of, "datasets": [dataset], "models": [{"model_id": f"m-{digest}"}]}
        await session.do(data.log_inputs(msgspec.convert(given, LogInputs), ANN, request_id))

    async def log_output(model_id: str, step: int, request_id: str) -> None:
        outputs = LogOutputs(run_id=run_id, models=[ModelOutput(model_id=model_id, step=step)])
        await session.do(data.log_outputs(outputs, ANN, request_id))

    await log_inputs(run_id, "1", "kept")
    await log_output("m-1", 1, "kept")
    await log_inputs(other, "2", "kept")
    before = await session.rows()
    for digest in ("1", "2", "3"):
        await log_inputs(run_id, digest, "slip")
    await log_output("m-2", 2, "slip")
    slipped = await session.rows()
    plan = await session.plan(request_id="slip")
    changed = ["input_datasets.d@2", "input_datasets.d@3", "input_models.m-2", "input_models.m-3", "output_models.m-2"]
    assert [field for field, _, _ in fields(plan)] == changed
    answer = await session.undo("u", request_id="slip")
    assert [one["type"] for one in answer["undone"]] == ["run.inputs-removed", "run.outputs-removed"]
    assert await session.rows() == before, "another run reads d@2 and none d@3"
    await log_inputs(run_id, "4", "later")
    await session.undo("back", request_id="u")
    after = await session.rows()
    assert {name: after[name] - slipped[name] for name in ("datasets", "model inputs", "model outputs")} == {
        "datasets": {(0, "d", "4", "", "", "s", None)},
        "model inputs": {(1, "m-4")},
        "model outputs": set(),
    }
    assert slipped["dataset inputs"] < after["dataset inputs"]


async def test_inputs_and_outputs_that_changed_in_the_moment_of_an_undo_stay(session: Session) -> None:
    """Whatever the order of the log: what was found is not there, or is there again."""
    run_id = await created_run(session)
    given = {"run_id": run_id, "datasets": [{"dataset": {"name": "d", "digest": "1"}}], "models": [{"model_id": "m"}]}
    await session.do(session.ingest.run_data.log_inputs(msgspec.convert(given, LogInputs), ANN, "slip"))
    outputs = LogOutputs(run_id=run_id, models=[ModelOutput(model_id="m", step=1)])
    await session.do(session.ingest.run_data.log_outputs(outputs, ANN, "slip"))
    await session.undo("u", request_id="slip")
    gone = await session.rows()
    removed = [one for one in await session.deployment.events() if one.undo is not None]
    for event in removed:
        await session.deployment.append(event)
    assert await session.rows() == gone
    await session.undo("back", request_id="u")
    there = await session.rows()
    for event in [one for one in await session.deployment.events() if one.undo is not None][-2:]:
        await session.deployment.append(event)
    assert await session.rows() == there != gone


async def test_an_experiment_gets_its_name_back_unless_it_is_taken(session: Session) -> None:
    commands = session.ingest.experiments
    created = await session.do(commands.create(CreateExperiment(name="a"), ANN, "q"))
    rename = UpdateExperiment(experiment_id=created["experiment_id"], new_name="b")
    await session.do(commands.rename(rename, ANN, "rename"))
    assert fields(await session.plan(request_id="rename")) == [("name", "b", "a")]
    await session.do(commands.create(CreateExperiment(name="a"), ANN, "q"))
    assert reasons(await session.plan(request_id="rename")) == ["The name is that of experiment 2 now."]


async def test_what_a_refused_event_said_is_not_what_was_before(session: Session) -> None:
    commands = session.ingest.experiments
    created = await session.do(commands.create(CreateExperiment(name="a"), ANN, "q"))
    experiment_id = created["experiment_id"]
    await session.deployment.append(ExperimentTagSet(experiment_id=9, key="t", value="of none"))
    for name, request_id in (("Default", "refused"), ("b", "rename")):
        update = UpdateExperiment(experiment_id=experiment_id, new_name=name)
        if name == "Default":
            await session.deployment.append(ExperimentRenamed(experiment_id=int(experiment_id), name=name))
        else:
            await session.do(commands.rename(update, ANN, request_id))
    assert fields(await session.plan(request_id="rename")) == [("name", "b", "a")]


async def test_an_experiment_is_restored_with_its_tags(session: Session) -> None:
    commands = session.ingest.experiments
    before = await session.rows()
    await session.do(commands.set_tag(SetExperimentTag(experiment_id="0", key="t", value="v"), ANN, "both"))
    await session.do(commands.delete(DeleteExperiment(experiment_id="0"), ANN, "both"))
    await session.undo(request_id="both")
    assert await session.rows() == before
    await session.undo("again", request_id="undo")
    restore = RestoreExperiment(experiment_id="0")
    assert await session.do(commands.restore(restore, ANN, "q")) == {}


async def version(session: Session, name: str) -> None:
    command = CreateModelVersion(name=name, source="s3://b/x")
    await session.do(session.ingest.model_versions.create(command, ANN, "make"))


async def test_a_model_is_as_before_also_when_it_was_renamed_meanwhile(session: Session) -> None:
    models, versions = session.ingest.registered_models, session.ingest.model_versions
    await session.do(models.create(CreateRegisteredModel(name="m", description="d"), ANN, "make"))
    await version(session, "m")
    await version(session, "m")
    to_production = TransitionModelVersionStage(name="m", version="1", stage="Production")
    await session.do(versions.transition(to_production, ANN, "make"))
    before = await session.rows()
    await session.do(models.set_tag(SetRegisteredModelTag(name="m", key="t", value="v"), ANN, "bad"))
    await session.do(models.update(UpdateRegisteredModel(name="m", description="e"), ANN, "bad"))
    await session.do(models.set_alias(SetRegisteredModelAlias(name="m", alias="a", version="1"), ANN, "bad"))
    archiving = TransitionModelVersionStage(name="m", version="2", stage="Production", archive_existing_versions=True)
    await session.do(versions.transition(archiving, ANN, "bad"))
    await session.do(models.rename(RenameRegisteredModel(name="m", new_name="n"), ANN, "rename"))
    plan = await session.plan(request_id="bad")
    assert fields(plan) == [
        ("aliases.a", 1, None),
        ("description", "e", "d"),
        ("tags.t", "v", None),
        ("versions.1.stage", "Archived", "Production"),
        ("versions.2.stage", "Production", "None"),
    ]
    assert {one["stream"] for one in plan["changes"]} == {"registered-model/n"}
    both = await session.rows()
    await session.undo("u", request_id="bad")
    await session.undo("v", request_id="rename")
    assert await session.rows() == before
    await session.undo("w", request_id="v")
    await session.undo("x", request_id="u")
    assert await session.rows() == both


async def test_a_new_model_of_a_name_is_not_touched_by_undoing_what_happened_to_the_one_before(
    session: Session,
) -> None:
    models = session.ingest.registered_models
    await session.do(models.create(CreateRegisteredModel(name="m"), ANN, "make"))
    await session.do(models.update(UpdateRegisteredModel(name="m", description="old"), ANN, "old"))
    await session.do(models.delete(DeleteRegisteredModel(name="m"), ANN, "delete"))
    await session.do(models.create(CreateRegisteredModel(name="m", description="new"), ANN, "make"))
    plan = await session.plan(request_id="old", over_later=True)
    assert plan["changes"] == []
    assert set(reasons(await session.plan(request_id="delete"))) == {
        "The name is that of another registered model now."
    }


async def registry(session: Session) -> dict[str, Any]:
    """What there is of registered models, with when they were created and how many versions they had."""
    rows = dict(await session.rows())
    with closing(sqlite3.connect(session.deployment.projection.file)) as connection:
        for table, columns in {
            "registered_models": "registered_model_id, creation_timestamp_ms, last_version",
            "model_versions": "version_id, creation_timestamp_ms, source, storage_location, run_id, logged_model_id",
        }.items():
            rows[f"more of {table}"] = set(connection.execute(f"SELECT {columns} FROM {table}"))
    return rows


async def model_with_versions(session: Session) -> None:
    """A model `m` with versions 1, in Production with a tag and the alias `a`, and 3; 2 is deleted."""
    models, versions = session.ingest.registered_models, session.ingest.model_versions
    tags = [RegistryTag(key="t", value="v")]
    await session.do(models.create(CreateRegisteredModel(name="m", description="d", tags=tags), ANN, "make"))
    for _ in range(3):
        await version(session, "m")
    to_production = TransitionModelVersionStage(name="m", version="1", stage="Production")
    await session.do(versions.transition(to_production, ANN, "make"))
    await session.do(versions.set_tag(SetModelVersionTag(name="m", version="1", key="t", value="v"), ANN, "make"))
    await session.do(models.set_alias(SetRegisteredModelAlias(name="m", alias="a", version="1"), ANN, "make"))
    await session.do(versions.delete(DeleteModelVersion(name="m", version="2"), ANN, "make"))


async def test_a_model_that_was_deleted_is_restored_and_its_next_version_has_a_number_of_its_own(
    session: Session,
) -> None:
    models = session.ingest.registered_models
    await model_with_versions(session)
    before = await registry(session)
    await session.do(models.delete(DeleteRegisteredModel(name="m"), ANN, "delete"))
    gone = await registry(session)
    answer = await session.undo("u", request_id="delete")
    assert [one["type"] for one in answer["undone"]] == [
        "registered-model.restored",
        "model-version.restored",
        "model-version.restored",
        "registered-model.alias-set",
    ]
    assert await registry(session) == before
    await session.undo("back", request_id="u")
    assert await registry(session) == gone
    await session.undo("again", request_id="back")
    assert await registry(session) == before
    await version(session, "m")
    assert {row[2] for row in (await session.rows())["versions"]} == {1, 3, 4}
    # What is made of it since keeps its restore from being undone, and older events are undone as ever.
    plan = await session.plan(request_id="again")
    assert plan["changes"] == []
    assert "It was changed since it was restored, and undoing would delete that too." in reasons(plan)
    await session.do(models.update(UpdateRegisteredModel(name="m", description="e"), ANN, "slip"))
    assert fields(await session.plan(request_id="slip")) == [("description", "e", "d")]


async def test_of_two_restores_that_were_planned_at_once_none_sets_back_how_versions_are_numbered(
    session: Session,
) -> None:
    """Between them the model got another version and was deleted again; asked for expressly, it is so, too."""
    models = session.ingest.registered_models
    await model_with_versions(session)
    await session.do(models.delete(DeleteRegisteredModel(name="m"), ANN, "delete"))
    await session.undo("u", request_id="delete")
    [restored] = [one for one in await session.deployment.events() if isinstance(one, RegisteredModelRestored)]
    await version(session, "m")
    await session.do(models.delete(DeleteRegisteredModel(name="m"), ANN, "again"))
    await session.deployment.append(restored)
    await version(session, "m")
    assert {row[2] for row in (await session.rows())["versions"]} == {5}
    await session.do(models.delete(DeleteRegisteredModel(name="m"), ANN, "last"))
    await session.undo("v", request_id="delete", over_later=True)
    await version(session, "m")
    assert {row[2] for row in (await session.rows())["versions"]} == {1, 3, 6}


async def test_a_version_that_was_deleted_has_its_number_and_its_alias_again(session: Session) -> None:
    versions = session.ingest.model_versions
    await model_with_versions(session)
    before = await registry(session)
    await session.do(versions.delete(DeleteModelVersion(name="m", version="1"), ANN, "delete"))
    gone = await registry(session)
    await session.undo("u", request_id="delete")
    assert await registry(session) == before
    await session.undo("back", request_id="u")
    assert await registry(session) == gone
    await session.undo("again", request_id="back")
    await session.do(versions.set_tag(SetModelVersionTag(name="m", version="1", key="k", value="v"), ANN, "later"))
    assert fields(await session.plan(request_id="again")) == [("aliases.a", 1, None)]


async def test_a_model_that_was_renamed_and_deleted_is_restored_under_the_name_that_it_had(session: Session) -> None:
    models = session.ingest.registered_models
    await model_with_versions(session)
    before = await registry(session)
    await session.do(models.rename(RenameRegisteredModel(name="m", new_name="n"), ANN, "slip"))
    await session.do(models.delete(DeleteRegisteredModel(name="n"), ANN, "slip"))
    await session.undo("u", request_id="slip")
    assert await registry(session) == before
    await session.undo("back", request_id="u")
    assert (await session.rows())["models"] == set()


async def test_a_name_that_another_got_meanwhile_is_not_taken_from_it_by_the_fold(session: Session) -> None:
    models = session.ingest.registered_models
    await model_with_versions(session)
    await session.do(models.delete(DeleteRegisteredModel(name="m"), ANN, "delete"))
    await session.undo("u", request_id="delete")
    [restored] = [one for one in await session.deployment.events() if isinstance(one, RegisteredModelRestored)]
    [version_restored, _] = [one for one in await session.deployment.events() if isinstance(one, ModelVersionRestored)]
    before = await registry(session)
    await session.deployment.append(replace(restored, name="other"))  # it is there, whatever it is called
    await session.deployment.append(version_restored)
    assert await registry(session) == before
    await session.do(models.delete(DeleteRegisteredModel(name="m"), ANN, "delete"))
    await session.do(models.create(CreateRegisteredModel(name="m"), ANN, "new"))
    new = await registry(session)
    await session.deployment.append(restored)
    await session.deployment.append(version_restored)
    assert await registry(session) == new


async def test_a_deleted_logged_model_is_shown_again_with_its_status_and_tags(session: Session) -> None:
    models = session.ingest.logged_models
    created = await session.do(models.create(CreateLoggedModel(experiment_id="0", name="m"), ANN, "make"))
    model_id = created["model"]["info"]["model_id"]
    before = await session.rows()
    tags = SetLoggedModelTags(model_id=model_id, tags=[KeyValue(key="t", value="v")])
    await session.do(models.set_tags(tags, ANN, "bad"))
    await session.do(models.finalize(FinalizeLoggedModel(model_id=model_id, status=3), ANN, "bad"))
    await session.do(models.delete(DeleteLoggedModel(model_id=model_id), ANN, "bad"))
    plan = await session.plan(request_id="bad")
    assert fields(plan) == [("lifecycle_stage", "deleted", "active"), ("status", 3, 1), ("tags.t", "v", None)]
    await session.undo(request_id="bad")
    assert await session.rows() == before
    params = LogLoggedModelParams(model_id=model_id, params=[KeyValue(key="p", value="1")])
    await session.do(models.log_params(params, ANN, "params"))
    assert reasons(await session.plan(request_id="params"))[0].startswith("Params of a logged model")


async def test_a_webhook_gets_back_all_but_its_secret(session: Session) -> None:
    append = session.deployment.append
    await append(WebhookCreated(webhook_id="w", name="n", url="https://a", events=["run.created"], since=[0]))
    before = await session.rows()
    stamped = await append(
        WebhookUpdated(webhook_id="w", url="https://b", events=[], status="DISABLED", until=[1], secret_id="s")
    )
    selected = {"event": str(uuid.UUID(bytes=stamped.id))}
    plan = await session.plan(**selected)
    assert [one["field"] for one in plan["changes"]] == ["events", "status", "url"]
    assert reasons(plan) == ["Its secret stays: what it was before is not in the log."]
    await session.undo(**selected)
    assert await session.rows() == before
    (*_, event) = await session.deployment.events()
    assert event == WebhookUpdated(
        webhook_id="w", url="https://a", events=["run.created"], status="ACTIVE", since=[3], undo=event.undo
    )
    await append(WebhookDeleted(webhook_id="w"))
    assert reasons(await session.plan(**selected, over_later=True))[-1] == "The webhook is deleted."


@pytest.mark.parametrize(
    "selected",
    [
        {},
        {"event": "x"},
        {"event": "0:1", "request_id": "q"},
        {"actor": "ann"},
        {"stream": "run/a"},
        {"stream": "nothing", "to": "5"},
        {"stream": "artifact/a", "to": "5"},
        {"actor": "ann", "since": "yesterday"},
        {"actor": "ann", "since": "2026-01-01T00:00"},
    ],
)
async def test_a_selection_is_said_in_one_way(session: Session, selected: dict[str, str]) -> None:
    with pytest.raises(InvalidParameterValue):
        await session.plan(**selected)


async def test_an_event_is_found_by_its_place_by_its_id_and_by_who_made_it_when(session: Session) -> None:
    run_id = await created_run(session)
    await set_tag(session, run_id, "1", "first")
    recorded = (await session.deployment.log.read(0, 0, limit=100))[-1]
    expected = [("tags.t", "1", None)]
    assert fields(await session.plan(event=f"0:{recorded.offset}")) == expected
    assert fields(await session.plan(event=str(uuid.UUID(bytes=recorded.id)))) == expected
    assert fields(await session.plan(actor="ann", since=str(recorded.time_us // 1000))) == expected
    assert fields(await session.plan(actor="ann", since="0", until="5")) == []
    assert fields(await session.plan(event="0:99")) == []
    assert fields(await session.plan(event="7:0")) == []


async def test_a_tag_that_was_deleted_is_set_again(session: Session) -> None:
    run_id = await created_run(session)
    await set_tag(session, run_id, "1", "first")
    await session.do(session.ingest.run_data.delete_tag(DeleteTag(run_id=run_id, key="t"), ANN, "gone"))
    assert fields(await session.plan(request_id="gone")) == [("tags.t", None, "1")]


async def test_a_run_goes_back_to_a_moment(session: Session) -> None:
    run_id = await created_run(session)
    before = await session.rows()
    moment = (await session.deployment.log.read(0, 0, limit=100))[-1].time_us // 1000 + 1
    session.deployment.clock._last_us = (moment + 1) * 1000
    await set_tag(session, run_id, "1", "first")
    await session.do(session.ingest.runs.delete(DeleteRun(run_id=run_id), ANN, "q"))
    await session.do(session.ingest.runs.restore(RestoreRun(run_id=run_id), ANN, "q"))
    await session.do(session.ingest.runs.delete(DeleteRun(run_id=run_id), ANN, "q"))
    await session.undo(stream=f"run/{run_id}", to=str(moment))
    assert await session.rows() == before
