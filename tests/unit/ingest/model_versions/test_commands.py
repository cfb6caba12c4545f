"""Commands about versions of registered models, on a log in memory."""

import asyncio
from typing import Any

import orjson
import pytest

from event_log.port import LogUnavailable
from ingest.model_versions.lookups import MODEL_VERSION_INFO
from read_model.progress import EventInLog
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist, TemporarilyUnavailable
from schemas.events import (
    LoggedModelCreated,
    LoggedModelDeleted,
    LoggedModelVersionRegistered,
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionTagDeleted,
    ModelVersionTagSet,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelRenamed,
    RunCreated,
    Tag,
)
from schemas.messages.model_versions import (
    CreateModelVersion,
    DeleteModelVersion,
    DeleteModelVersionTag,
    SetModelVersionTag,
    TransitionModelVersionStage,
    UpdateModelVersion,
)
from schemas.messages.registered_models import RegistryTag
from schemas.mlflow import IS_PROMPT_TAG
from tests.unit.ingest.doubles import ANN, Deployment

RUN_ARTIFACTS = "mlflow-artifacts:/0/r1/artifacts"
MODEL_ARTIFACTS = "mlflow-artifacts:/0/models/m-1/artifacts"


@pytest.fixture
async def deployment() -> Deployment:
    """A deployment with the models `a` and `b`, a run and a logged model."""
    deployment = Deployment()
    await deployment.ingest.ensure_default_experiment()
    for name in ("a", "b"):
        await deployment.append(RegisteredModelCreated(name=name, registered_model_id=f"id-{name}"))
    await deployment.append(
        RunCreated(run_id="r1", experiment_id=0, name="run", user_id="", start_time_ms=1, artifact_uri=RUN_ARTIFACTS)
    )
    await deployment.append(
        LoggedModelCreated(
            model_id="m-1", experiment_id=0, name="n", artifact_location=MODEL_ARTIFACTS, source_run_id="r1"
        )
    )
    return deployment


async def create(deployment: Deployment, name: str = "a", source: str = "s3://b/p", **rest: Any) -> dict[str, Any]:
    command = CreateModelVersion(name=name, source=source, **rest)
    return dict(orjson.loads(await deployment.ingest.model_versions.create(command, ANN, "q"))["model_version"])


async def last_event(deployment: Deployment) -> Any:
    return (await deployment.events())[-1]


async def last_created(deployment: Deployment) -> ModelVersionCreated:
    return [event for event in await deployment.events() if isinstance(event, ModelVersionCreated)][-1]


async def test_a_new_version_is_answered_as_mlflow_answers_it(deployment: Deployment) -> None:
    answer = await create(
        deployment,
        run_id="r",
        run_link="l",
        description="d",
        tags=[RegistryTag(key="t", value="v"), RegistryTag(key="s", value="w")],
    )
    created_ms = answer["creation_timestamp"]
    assert list(answer.items()) == [
        ("name", "a"),
        ("version", "1"),
        ("creation_timestamp", created_ms),
        ("last_updated_timestamp", created_ms),
        ("current_stage", "None"),
        ("description", "d"),
        ("source", "s3://b/p"),
        ("run_id", "r"),
        ("status", "READY"),
        ("tags", [{"key": "s", "value": "w"}, {"key": "t", "value": "v"}]),
        ("run_link", "l"),
    ]


async def test_a_bare_version_has_empty_texts_and_no_lists(deployment: Deployment) -> None:
    answer = await create(deployment)
    assert [answer[key] for key in ("description", "run_id", "run_link")] == ["", "", ""]
    assert answer.keys().isdisjoint({"tags", "aliases"})


async def test_versions_of_a_model_are_numbered_in_the_order_of_the_log(deployment: Deployment) -> None:
    answers = await asyncio.gather(*(create(deployment, name) for name in "aabab"))
    assert sorted((answer["name"], answer["version"]) for answer in answers) == [
        ("a", "1"),
        ("a", "2"),
        ("a", "3"),
        ("b", "1"),
        ("b", "2"),
    ]


async def test_a_version_of_no_model_is_refused_and_leaves_no_event(deployment: Deployment) -> None:
    before = await deployment.count()
    with pytest.raises(ResourceDoesNotExist, match="Registered Model with name=x not found"):
        await create(deployment, "x")
    with pytest.raises(InvalidParameterValue, match="Invalid model version source"):
        await create(deployment, "x", "/x")
    with pytest.raises(InvalidParameterValue, match="'name'"):
        await create(deployment, "x/y")
    assert await deployment.count() == before


async def test_a_model_that_is_deleted_meanwhile_has_no_new_version(deployment: Deployment) -> None:
    await create(deployment)
    await deployment.append(RegisteredModelDeleted(name="a"))
    with pytest.raises(ResourceDoesNotExist, match="Registered Model with name=a not found"):
        await create(deployment)


async def test_a_version_from_a_run_keeps_where_the_run_has_its_files(deployment: Deployment) -> None:
    answer = await create(deployment, source="runs:/r1/model", run_id="r1")
    assert (answer["source"], answer["run_id"]) == ("runs:/r1/model", "r1")
    assert (await last_created(deployment)).storage_location == f"{RUN_ARTIFACTS}/model"
    await create(deployment, source=f"{RUN_ARTIFACTS}/model", run_id="r1")
    assert (await last_created(deployment)).storage_location == f"{RUN_ARTIFACTS}/model"
    for source, run_id in (("mlflow-artifacts:/0/r2/artifacts", "r1"), (f"{RUN_ARTIFACTS}/model", "r2")):
        with pytest.raises(InvalidParameterValue, match="'run_id'"):
            await create(deployment, source=source, run_id=run_id)
    with pytest.raises(ResourceDoesNotExist, match="Run with id=r2 not found"):
        await create(deployment, source="runs:/r2/model", run_id="r2")


async def test_a_version_from_a_logged_model_has_its_files_and_its_run(deployment: Deployment) -> None:
    answer = await create(deployment, source="models:/m-1", model_id="m-1")
    assert (answer["source"], answer["run_id"]) == ("models:/m-1", "r1")
    event = await last_created(deployment)
    assert (event.storage_location, event.logged_model_id) == (MODEL_ARTIFACTS, "m-1")


async def test_a_version_is_listed_by_its_logged_model_before_it_is_answered(deployment: Deployment) -> None:
    await create(deployment, source="models:/m-1", model_id="m-1")
    assert await last_event(deployment) == LoggedModelVersionRegistered(model_id="m-1", name="a", version=1)
    await create(deployment, "b", source="s3://b/p", model_id="m-1")
    assert await last_event(deployment) == LoggedModelVersionRegistered(model_id="m-1", name="b", version=1)
    await create(deployment, "b", source="models:/a/1")
    assert isinstance(await last_event(deployment), ModelVersionCreated)


async def test_a_version_is_listed_also_when_nobody_waits_any_more(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = deployment.projection.verdict
    is_asked, is_left = asyncio.Event(), asyncio.Event()

    async def late(position: Any, timeout_s: float) -> Any:
        is_asked.set()
        await is_left.wait()
        return await verdict(position, timeout_s)

    monkeypatch.setattr(deployment.projection, "verdict", late)
    answer = asyncio.create_task(create(deployment, source="models:/m-1", model_id="m-1"))
    await is_asked.wait()
    answer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answer
    assert isinstance(await last_event(deployment), ModelVersionCreated)
    is_left.set()
    async with asyncio.timeout(30):
        while isinstance(await last_event(deployment), ModelVersionCreated):
            await asyncio.sleep(0)
    assert await last_event(deployment) == LoggedModelVersionRegistered(model_id="m-1", name="a", version=1)


async def test_a_version_that_could_not_be_listed_is_told_to_be_in_the_log(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = deployment.log.append

    async def away(events: Any) -> Any:
        if events[0].payload.event_type == LoggedModelVersionRegistered.event_type:
            raise LogUnavailable("the log is away")
        return await append(events)

    monkeypatch.setattr(deployment.log, "append", away)
    with pytest.raises(EventInLog):
        await create(deployment, source="models:/m-1", model_id="m-1")
    assert isinstance(await last_event(deployment), ModelVersionCreated)


async def test_nothing_is_made_from_a_deleted_logged_model(deployment: Deployment) -> None:
    """Not even right after: its deletion is answered before it is projected."""
    await create(deployment, source="models:/m-1", model_id="m-1")
    await deployment.append(LoggedModelDeleted(model_id="m-1"))
    for source in ("models:/m-1", "s3://b/p"):
        with pytest.raises(ResourceDoesNotExist, match="Logged model with ID 'm-1' not found"):
            await create(deployment, source=source, model_id="m-1")


@pytest.mark.parametrize("source", ["models:/a/2", "models:/a@x", "models:/a/latest", "models:/a/staging"])
async def test_a_copy_keeps_the_number_and_the_files_of_its_version(deployment: Deployment, source: str) -> None:
    await create(deployment)
    await create(deployment, source="models:/m-1", model_id="m-1")
    await deployment.append(RegisteredModelAliasSet(name="a", alias="x", version=2))
    await deployment.ingest.model_versions.transition(
        TransitionModelVersionStage(name="a", version="2", stage="Staging"), ANN, "q"
    )
    answer = await create(deployment, "b", source)
    assert (answer["name"], answer["version"]) == ("b", "1")
    assert (answer["source"], answer["run_id"]) == ("models:/a/2", "r1")
    assert (await last_created(deployment)).storage_location == MODEL_ARTIFACTS
    # A copy of the copy has the same files, whatever became of the model between.
    await deployment.append(RegisteredModelDeleted(name="a"))
    await create(deployment, "b", "models:/b/1")
    assert (await last_created(deployment)).storage_location == MODEL_ARTIFACTS


async def test_a_copy_of_what_is_not_there_is_refused(deployment: Deployment) -> None:
    prompt = [Tag(IS_PROMPT_TAG, "true")]
    await deployment.append(RegisteredModelCreated(name="p", registered_model_id="id-p", tags=prompt))
    before = await deployment.count()
    for source in ("models:/x/1", "models:/x@y", "models:/m-1/sub", "models:/a/9", "models:/a/latest"):
        with pytest.raises(ResourceDoesNotExist):
            await create(deployment, "b", source)
    for source in ("models:/a@y", "models:/a/Foo", "models:/p/1", "models:/p@y"):
        with pytest.raises(InvalidParameterValue):
            await create(deployment, "b", source)
    assert await deployment.count() == before


async def test_an_update_is_answered_with_the_whole_version(deployment: Deployment) -> None:
    created = await create(deployment, description="d", tags=[RegistryTag(key="t", value="v")])
    for alias in ("y", "x"):
        await deployment.append(RegisteredModelAliasSet(name="a", alias=alias, version=1))
    for description, shown in (("e", {"description": "e"}), ("", {"description": ""}), (None, {})):
        command = UpdateModelVersion(name="a", version=" 01 ", description=description)
        answer = orjson.loads(await deployment.ingest.model_versions.update(command, ANN, "q"))["model_version"]
        assert {key: answer[key] for key in answer if key == "description"} == shown
        assert answer["tags"] == [{"key": "t", "value": "v"}]
        assert answer["aliases"] == ["x", "y"]
        assert answer["last_updated_timestamp"] >= created["last_updated_timestamp"]
        assert answer["creation_timestamp"] == created["creation_timestamp"]


async def test_a_transition_archives_what_was_in_the_stage(deployment: Deployment) -> None:
    for _ in range(3):
        await create(deployment)
    for number in "123":
        command = TransitionModelVersionStage(
            name="a", version=number, stage="production", archive_existing_versions=number == "3"
        )
        answer = orjson.loads(await deployment.ingest.model_versions.transition(command, ANN, "q"))["model_version"]
        assert answer["current_stage"] == "Production"
    stages = []
    for number in "123":
        update = UpdateModelVersion(name="a", version=number)
        answer = orjson.loads(await deployment.ingest.model_versions.update(update, ANN, "q"))["model_version"]
        stages.append(answer["current_stage"])
    assert stages == ["Archived", "Archived", "Production"]


async def test_a_deleted_version_is_gone_and_its_number_with_it(deployment: Deployment) -> None:
    await create(deployment)
    command = DeleteModelVersion(name="a", version="1")
    assert await deployment.ingest.model_versions.delete(command, ANN, "q") == b"{}"
    assert await last_event(deployment) == ModelVersionDeleted(name="a", version=1)
    with pytest.raises(ResourceDoesNotExist, match=r"Model Version \(name=a, version=1\) not found"):
        await deployment.ingest.model_versions.delete(command, ANN, "q")
    assert (await create(deployment))["version"] == "2"


async def test_tags_are_set_and_deleted(deployment: Deployment) -> None:
    await create(deployment)
    set_tag = SetModelVersionTag(name="a", version="1", key="k", value="v")
    assert await deployment.ingest.model_versions.set_tag(set_tag, ANN, "q") == b"{}"
    assert await last_event(deployment) == ModelVersionTagSet(name="a", version=1, key="k", value="v")
    delete_tag = DeleteModelVersionTag(name="a", version="1", key="k")
    for _ in range(2):  # it need not be set
        assert await deployment.ingest.model_versions.delete_tag(delete_tag, ANN, "q") == b"{}"
        assert await last_event(deployment) == ModelVersionTagDeleted(name="a", version=1, key="k")


async def test_what_is_about_no_version_is_refused_and_leaves_no_event(deployment: Deployment) -> None:
    await create(deployment)
    before = await deployment.count()
    versions = deployment.ingest.model_versions
    for name, number in (("a", "2"), ("a", "-1"), ("a", "9" * 40), ("x", "1")):
        for refused in (
            versions.update(UpdateModelVersion(name=name, version=number), ANN, "q"),
            versions.transition(TransitionModelVersionStage(name=name, version=number, stage="None"), ANN, "q"),
            versions.delete(DeleteModelVersion(name=name, version=number), ANN, "q"),
            versions.set_tag(SetModelVersionTag(name=name, version=number, key="k"), ANN, "q"),
            versions.delete_tag(DeleteModelVersionTag(name=name, version=number, key="k"), ANN, "q"),
        ):
            with pytest.raises(ResourceDoesNotExist, match=rf"Model Version \(name={name}, version={number}\)"):
                await refused
    assert await deployment.count() == before


async def test_a_version_that_another_process_took_away_is_not_there(deployment: Deployment) -> None:
    await create(deployment)
    await deployment.append(RegisteredModelRenamed(name="a", new_name="c"))
    with pytest.raises(ResourceDoesNotExist):
        await deployment.ingest.model_versions.update(UpdateModelVersion(name="a", version="1"), ANN, "q")
    answer = await deployment.ingest.model_versions.update(UpdateModelVersion(name="c", version="1"), ANN, "q")
    assert orjson.loads(answer)["model_version"]["name"] == "c"


async def test_what_is_written_and_cannot_be_shown_is_told_so(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create(deployment)
    one = deployment.projection.one

    async def away(lookup: Any, *parameters: Any) -> Any:
        if lookup is MODEL_VERSION_INFO:
            raise TemporarilyUnavailable("the read model is away")
        return await one(lookup, *parameters)

    monkeypatch.setattr(deployment.projection, "one", away)
    before = await deployment.count()
    with pytest.raises(EventInLog):
        await create(deployment)
    with pytest.raises(EventInLog):
        await deployment.ingest.model_versions.update(UpdateModelVersion(name="a", version="1"), ANN, "q")
    assert await deployment.count() == before + 2
