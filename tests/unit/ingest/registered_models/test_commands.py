"""Commands about registered models, on a log in memory."""

import asyncio
from typing import Any

import orjson
import pytest

from ingest.registered_models.lookups import REGISTERED_MODEL_INFO
from read_model.progress import EventInLog
from schemas.errors import InvalidParameterValue, ResourceAlreadyExists, ResourceDoesNotExist, TemporarilyUnavailable
from schemas.events import (
    ModelVersionCreated,
    ModelVersionTransitioned,
    RegisteredModelAliasDeleted,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelRenamed,
    RegisteredModelTagDeleted,
    RegisteredModelTagSet,
    Tag,
)
from schemas.messages.registered_models import (
    CreateRegisteredModel,
    DeleteRegisteredModel,
    DeleteRegisteredModelAlias,
    DeleteRegisteredModelTag,
    RegistryTag,
    RenameRegisteredModel,
    SetRegisteredModelAlias,
    SetRegisteredModelTag,
    UpdateRegisteredModel,
)
from schemas.mlflow import IS_PROMPT_TAG
from tests.unit.ingest.doubles import ANN, Deployment


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


async def create(deployment: Deployment, name: str, **tags: str) -> dict[str, Any]:
    command = CreateRegisteredModel(name=name, tags=[RegistryTag(key=key, value=tags[key]) for key in tags])
    answer = await deployment.ingest.registered_models.create(command, ANN, "q")
    return dict(orjson.loads(answer)["registered_model"])


async def create_prompt(deployment: Deployment, name: str) -> None:
    command = CreateRegisteredModel(name=name, tags=[RegistryTag(key=IS_PROMPT_TAG, value="true")])
    await deployment.ingest.registered_models.create(command, ANN, "q")


async def create_version(deployment: Deployment, name: str, version_id: str, **tags: str) -> None:
    await deployment.append(
        ModelVersionCreated(
            name=name,
            version_id=version_id,
            source="s3://b/m",
            storage_location="s3://b/m",
            tags=[Tag(key, tags[key]) for key in tags],
        )
    )


async def time_ms(deployment: Deployment, offset: int) -> int:
    return (await deployment.log.read(0, offset, limit=1))[0].time_us // 1000


async def test_a_new_model_is_answered_as_mlflow_answers_it(deployment: Deployment) -> None:
    tags = [RegistryTag(key="b", value="1"), RegistryTag(key="a"), RegistryTag(key="b", value="2")]
    command = CreateRegisteredModel(name="m", description="d", tags=tags)
    answer = await deployment.ingest.registered_models.create(command, ANN, "q")
    created_ms = await time_ms(deployment, 0)
    assert answer == orjson.dumps(
        {
            "registered_model": {
                "name": "m",
                "creation_timestamp": created_ms,
                "last_updated_timestamp": created_ms,
                "description": "d",
                "tags": [{"key": "a", "value": ""}, {"key": "b", "value": "2"}],
            }
        }
    )
    info = await deployment.projection.one(REGISTERED_MODEL_INFO, "m")
    assert info is not None
    assert info.tags == [Tag("a", ""), Tag("b", "2")]


async def test_a_bare_model_has_a_name_and_two_times(deployment: Deployment) -> None:
    assert list(await create(deployment, "m")) == ["name", "creation_timestamp", "last_updated_timestamp"]


async def test_a_taken_name_is_refused_before_anything_is_appended(deployment: Deployment) -> None:
    await create(deployment, "m")
    with pytest.raises(ResourceAlreadyExists, match=r"^Registered Model \(name=m\) already exists\.$"):
        await create(deployment, "m")
    await create(deployment, "M")
    assert await deployment.count() == 2


async def test_models_and_prompts_share_their_names_and_the_refusal_says_so(deployment: Deployment) -> None:
    await create(deployment, "m")
    await create_prompt(deployment, "p")
    with pytest.raises(ResourceAlreadyExists, match=r"Registered Model \(name=m\) already exists\. .* a prompt cannot"):
        await create_prompt(deployment, "m")
    with pytest.raises(ResourceAlreadyExists, match=r"Prompt \(name=p\) already exists\. .* a registered model cannot"):
        await create(deployment, "p")
    with pytest.raises(ResourceAlreadyExists, match=r"^Prompt \(name=p\) already exists\.$"):
        await create_prompt(deployment, "p")


async def test_a_name_that_another_process_gave_up_is_free(deployment: Deployment) -> None:
    """The read model still shows its last holder when the command looks."""
    shared = Deployment(shared=True)
    await create(shared, "m")
    await create(shared, "n")
    await shared.append(RegisteredModelDeleted(name="m"))
    await create(shared, "m")
    await shared.append(RegisteredModelRenamed(name="n", new_name="o"))
    await shared.ingest.registered_models.rename(RenameRegisteredModel(name="m", new_name="n"), ANN, "q")


async def test_of_creates_that_race_one_wins(deployment: Deployment) -> None:
    results = await asyncio.gather(*(create(deployment, "m") for _ in range(6)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, BaseException)]
    assert len(refused) == 5
    assert all(isinstance(one, ResourceAlreadyExists) for one in refused)


async def test_a_model_that_another_process_created_just_now_is_known(deployment: Deployment) -> None:
    await deployment.append(RegisteredModelCreated(name="m", registered_model_id="i"))
    await create_version(deployment, "m", "v")
    alias = SetRegisteredModelAlias(name="m", alias="a", version="1")
    await deployment.ingest.registered_models.set_alias(alias, ANN, "q")
    await deployment.append(RegisteredModelCreated(name="n", registered_model_id="j"))
    await deployment.ingest.registered_models.set_tag(SetRegisteredModelTag(name="n", key="k"), ANN, "q")


async def test_updated_and_renamed_models_are_answered_whole(deployment: Deployment) -> None:
    models = deployment.ingest.registered_models
    await create(deployment, "m", k="v")
    for version_id, tag in (("z", "1"), ("y", "2"), ("x", "3")):
        await create_version(deployment, "m", version_id, k=tag)
    await deployment.append(ModelVersionTransitioned(name="m", version=1, stage="Production"))
    for alias, version in (("champion", "3"), ("Champion", "1")):
        await models.set_alias(SetRegisteredModelAlias(name="m", alias=alias, version=version), ANN, "q")
    answer = orjson.loads(await models.update(UpdateRegisteredModel(name="m", description="d"), ANN, "q"))
    created_ms, updated_ms = await time_ms(deployment, 0), await time_ms(deployment, 7)
    model = answer["registered_model"]
    latest = model.pop("latest_versions")
    assert model == {
        "name": "m",
        "creation_timestamp": created_ms,
        "last_updated_timestamp": updated_ms,
        "description": "d",
        "tags": [{"key": "k", "value": "v"}],
        "aliases": [{"alias": "Champion", "version": "1"}, {"alias": "champion", "version": "3"}],
    }
    assert [(one["version"], one["current_stage"]) for one in latest] == [("1", "Production"), ("3", "None")]
    assert list(latest[1].items()) == [
        ("name", "m"),
        ("version", "3"),
        ("creation_timestamp", await time_ms(deployment, 3)),
        ("last_updated_timestamp", await time_ms(deployment, 3)),
        ("current_stage", "None"),
        ("description", ""),
        ("source", "s3://b/m"),
        ("run_id", ""),
        ("status", "READY"),
        ("tags", [{"key": "k", "value": "3"}]),
        ("run_link", ""),
    ]
    renamed = orjson.loads(await models.rename(RenameRegisteredModel(name="m", new_name="n"), ANN, "q"))
    renamed_ms = await time_ms(deployment, 8)
    assert renamed["registered_model"]["name"] == "n"
    assert renamed["registered_model"]["last_updated_timestamp"] == renamed_ms
    assert {one["last_updated_timestamp"] for one in renamed["registered_model"]["latest_versions"]} == {renamed_ms}
    cleared = orjson.loads(await models.update(UpdateRegisteredModel(name="n"), ANN, "q"))
    assert "description" not in cleared["registered_model"]


async def test_a_model_may_be_renamed_to_its_own_name_but_not_to_that_of_another(deployment: Deployment) -> None:
    models = deployment.ingest.registered_models
    await create(deployment, "m")
    await create_prompt(deployment, "p")
    await models.rename(RenameRegisteredModel(name="m", new_name="m"), ANN, "q")
    with pytest.raises(ResourceAlreadyExists, match=r"^Prompt \(name=p\) already exists\.$"):
        await models.rename(RenameRegisteredModel(name="m", new_name="p"), ANN, "q")
    with pytest.raises(ResourceDoesNotExist):
        await models.rename(RenameRegisteredModel(name="x", new_name="p"), ANN, "q")
    assert await deployment.count() == 3


async def test_a_renamed_model_is_gone_from_its_old_name(deployment: Deployment) -> None:
    models = deployment.ingest.registered_models
    await create(deployment, "m")
    await models.rename(RenameRegisteredModel(name="m", new_name="n"), ANN, "q")
    with pytest.raises(ResourceDoesNotExist, match="Registered Model with name=m not found"):
        await models.update(UpdateRegisteredModel(name="m"), ANN, "q")
    await create(deployment, "m")


async def test_a_deleted_model_is_gone_and_its_name_is_free(deployment: Deployment) -> None:
    models = deployment.ingest.registered_models
    await create(deployment, "m", k="v")
    await create_version(deployment, "m", "v")
    await models.delete(DeleteRegisteredModel(name="m"), ANN, "q")
    with pytest.raises(ResourceDoesNotExist):
        await models.delete(DeleteRegisteredModel(name="m"), ANN, "q")
    assert await create(deployment, "m") == {
        "name": "m",
        "creation_timestamp": await time_ms(deployment, 3),
        "last_updated_timestamp": await time_ms(deployment, 3),
    }


async def test_tags_are_set_and_deleted_however_often(deployment: Deployment) -> None:
    models = deployment.ingest.registered_models
    await create(deployment, "m")
    assert await models.set_tag(SetRegisteredModelTag(name="m", key="k", value="v"), ANN, "q") == b"{}"
    for _ in range(2):
        assert await models.delete_tag(DeleteRegisteredModelTag(name="m", key="k"), ANN, "q") == b"{}"
    deleted = RegisteredModelTagDeleted(name="m", key="k")
    assert (await deployment.events())[1:] == [RegisteredModelTagSet(name="m", key="k", value="v"), deleted, deleted]


async def test_aliases_are_set_moved_and_deleted_however_often(deployment: Deployment) -> None:
    models = deployment.ingest.registered_models
    await create(deployment, "m")
    await create_version(deployment, "m", "v")
    await create_version(deployment, "m", "w")
    for version in ("1", " 02 ", "2"):
        answer = await models.set_alias(SetRegisteredModelAlias(name="m", alias="a", version=version), ANN, "q")
        assert answer == b"{}"
    for alias in ("a", "a", "latest"):
        assert await models.delete_alias(DeleteRegisteredModelAlias(name="m", alias=alias), ANN, "q") == b"{}"
    assert (await deployment.events())[3:] == [
        *(RegisteredModelAliasSet(name="m", alias="a", version=version) for version in (1, 2, 2)),
        *(RegisteredModelAliasDeleted(name="m", alias=alias) for alias in ("a", "a", "latest")),
    ]


async def test_what_is_about_nothing_leaves_no_event(deployment: Deployment) -> None:
    models = deployment.ingest.registered_models
    await create(deployment, "m")
    for write in (
        models.update(UpdateRegisteredModel(name="x"), ANN, "q"),
        models.rename(RenameRegisteredModel(name="x", new_name="y"), ANN, "q"),
        models.delete(DeleteRegisteredModel(name="x"), ANN, "q"),
        models.set_tag(SetRegisteredModelTag(name="x", key="k"), ANN, "q"),
        models.delete_tag(DeleteRegisteredModelTag(name="x", key="k"), ANN, "q"),
        models.delete_alias(DeleteRegisteredModelAlias(name="x", alias="a"), ANN, "q"),
    ):
        with pytest.raises(ResourceDoesNotExist, match="Registered Model with name=x not found"):
            await write
    for name, version in (("x", "1"), ("m", "1"), ("m", "-1"), ("m", "9" * 30)):
        with pytest.raises(ResourceDoesNotExist, match=f"Model Version \\(name={name}, version="):
            await models.set_alias(SetRegisteredModelAlias(name=name, alias="a", version=version), ANN, "q")
    assert await deployment.count() == 1


async def test_what_is_gone_meanwhile_is_refused_by_the_fold() -> None:
    """The process knows the model from a moment ago."""
    shared = Deployment(shared=True)
    models = shared.ingest.registered_models
    await create(shared, "m")
    await models.set_tag(SetRegisteredModelTag(name="m", key="k"), ANN, "q")
    await shared.append(RegisteredModelDeleted(name="m"))
    with pytest.raises(ResourceDoesNotExist, match="Registered Model with name=m not found"):
        await models.set_tag(SetRegisteredModelTag(name="m", key="k"), ANN, "q")
    assert await shared.count() == 4


async def test_a_change_that_cannot_be_shown_is_in_the_log_all_the_same(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create(deployment, "m")
    ask = deployment.projection.one

    async def away(lookup: Any, *parameters: Any) -> Any:
        if lookup is REGISTERED_MODEL_INFO:
            raise TemporarilyUnavailable("the read model is away")
        return await ask(lookup, *parameters)

    monkeypatch.setattr(deployment.projection, "one", away)
    with pytest.raises(EventInLog, match="away"):
        await deployment.ingest.registered_models.update(UpdateRegisteredModel(name="m"), ANN, "q")
    assert await deployment.count() == 2


async def test_a_changed_model_that_the_next_change_took_away_is_not_found(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create(deployment, "m")
    ask = deployment.projection.one

    async def gone(lookup: Any, *parameters: Any) -> Any:
        return None if lookup is REGISTERED_MODEL_INFO else await ask(lookup, *parameters)

    monkeypatch.setattr(deployment.projection, "one", gone)
    with pytest.raises(ResourceDoesNotExist, match="Registered Model with name=m not found"):
        await deployment.ingest.registered_models.update(UpdateRegisteredModel(name="m"), ANN, "q")


async def test_what_is_wrong_in_itself_is_refused_without_a_look(deployment: Deployment) -> None:
    models = deployment.ingest.registered_models
    deployment.projection.is_away = True
    for write in (
        create(deployment, "a/b"),
        models.rename(RenameRegisteredModel(name="m", new_name=" "), ANN, "q"),
        models.set_tag(SetRegisteredModelTag(name="m", key="@"), ANN, "q"),
        models.set_alias(SetRegisteredModelAlias(name="m", alias="latest", version="1"), ANN, "q"),
    ):
        with pytest.raises(InvalidParameterValue):
            await write
    assert (deployment.projection.asked, await deployment.count()) == (0, 0)
