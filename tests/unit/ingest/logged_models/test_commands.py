"""Commands about logged models, on a log in memory."""

import re
from typing import TypeVar

import orjson
import pytest

from ingest.admission.lookups import Lookup, Parameter
from ingest.logged_models.lookups import LOGGED_MODEL_INFO
from read_model.progress import EventInLog
from schemas.errors import BadRequest, InvalidParameterValue, ResourceDoesNotExist, TemporarilyUnavailable
from schemas.events import LoggedModelDeleted, LoggedModelFinalized, LoggedModelTagsSet, Tag
from schemas.messages.logged_models import (
    CreateLoggedModel,
    DeleteLoggedModel,
    DeleteLoggedModelTag,
    FinalizeLoggedModel,
    LogLoggedModelParams,
    SetLoggedModelTags,
)
from schemas.messages.message import KeyValue
from tests.unit.ingest.doubles import ANN, Deployment

T = TypeVar("T")


@pytest.fixture
async def deployment() -> Deployment:
    """A deployment with the default experiment."""
    deployment = Deployment()
    await deployment.ingest.ensure_default_experiment()
    return deployment


async def test_a_new_model_is_answered_as_mlflow_answers_it(deployment: Deployment) -> None:
    command = CreateLoggedModel(
        experiment_id="0",
        name="n",
        model_type="agent",
        source_run_id="r",
        params=[KeyValue(key="p", value="1")],
        tags=[KeyValue(key="t", value="v")],
    )
    answer = orjson.loads(await deployment.ingest.logged_models.create(command, ANN, "q"))
    created_ms = (await deployment.log.read(0, 1, limit=1))[0].time_us // 1000
    model_id = answer["model"]["info"]["model_id"]
    assert re.fullmatch(r"m-[0-9a-f]{32}", model_id)
    assert answer["model"] == {
        "info": {
            "model_id": model_id,
            "experiment_id": "0",
            "name": "n",
            "creation_timestamp_ms": created_ms,
            "last_updated_timestamp_ms": created_ms,
            "artifact_uri": f"mlflow-artifacts:/0/models/{model_id}/artifacts",
            "status": "LOGGED_MODEL_PENDING",
            "model_type": "agent",
            "source_run_id": "r",
            "tags": [{"key": "t", "value": "v"}],
        },
        "data": {"params": [{"key": "p", "value": "1"}]},
    }


async def test_a_bare_model_has_a_name_and_no_lists(deployment: Deployment) -> None:
    answer = orjson.loads(await deployment.ingest.logged_models.create(CreateLoggedModel(experiment_id="0"), ANN, "q"))
    info = answer["model"]["info"]
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{3}", info["name"])
    assert "tags" not in info
    assert answer["model"]["data"] == {}


async def test_finalizing_may_be_repeated_with_any_status(deployment: Deployment) -> None:
    answer = orjson.loads(await deployment.ingest.logged_models.create(CreateLoggedModel(experiment_id="0"), ANN, "q"))
    model_id = answer["model"]["info"]["model_id"]
    for status in (2, "LOGGED_MODEL_UPLOAD_FAILED", "LOGGED_MODEL_READY"):
        command = FinalizeLoggedModel(model_id=model_id, status=status)
        finalized = orjson.loads(await deployment.ingest.logged_models.finalize(command, ANN, "q"))
        assert finalized["model"]["info"]["model_id"] == model_id
    assert (await deployment.events())[2:] == [
        LoggedModelFinalized(model_id=model_id, status=status) for status in (2, 3, 2)
    ]


async def test_an_unknown_model_or_status_is_refused_and_leaves_no_event(deployment: Deployment) -> None:
    models = deployment.ingest.logged_models
    with pytest.raises(ResourceDoesNotExist):
        await models.finalize(FinalizeLoggedModel(model_id="m-x", status=2), ANN, "q")
    with pytest.raises(InvalidParameterValue):
        await models.finalize(FinalizeLoggedModel(model_id="m-x", status="BOGUS"), ANN, "q")
    with pytest.raises(ResourceDoesNotExist):
        await models.create(CreateLoggedModel(experiment_id="9"), ANN, "q")
    with pytest.raises(InvalidParameterValue):
        await models.create(CreateLoggedModel(experiment_id="0", name="a/b"), ANN, "q")
    assert await deployment.count() == 1


async def made(deployment: Deployment) -> str:
    """The id of a new model with the param a and the tag t."""
    command = CreateLoggedModel(experiment_id="0", params=[KeyValue(key="a")], tags=[KeyValue(key="t")])
    return str(
        orjson.loads(await deployment.ingest.logged_models.create(command, ANN, "q"))["model"]["info"]["model_id"]
    )


async def test_a_param_that_is_there_refuses_the_request_by_the_verdict_of_the_fold(deployment: Deployment) -> None:
    models, model_id = deployment.ingest.logged_models, await made(deployment)
    await models.log_params(LogLoggedModelParams(model_id=model_id, params=[KeyValue(key="b")]), ANN, "q")
    with pytest.raises(BadRequest, match="exists already"):
        await models.log_params(LogLoggedModelParams(model_id=model_id, params=[KeyValue(key="b")]), ANN, "q")


async def test_tags_are_set_and_deleted_once(deployment: Deployment) -> None:
    models, model_id = deployment.ingest.logged_models, await made(deployment)
    await models.set_tags(SetLoggedModelTags(model_id=model_id, tags=[KeyValue(key="u", value="1")]), ANN, "q")
    assert (await deployment.events())[-1] == LoggedModelTagsSet(model_id=model_id, tags=[Tag("u", "1")])
    await models.delete_tag(DeleteLoggedModelTag(model_id=model_id, tag_key="u"), ANN, "q")
    with pytest.raises(ResourceDoesNotExist):
        await models.delete_tag(DeleteLoggedModelTag(model_id=model_id, tag_key="u"), ANN, "q")


async def test_a_deleted_model_takes_writes_and_is_deleted_again(deployment: Deployment) -> None:
    models, model_id = deployment.ingest.logged_models, await made(deployment)
    for _ in range(2):
        await models.delete(DeleteLoggedModel(model_id=model_id), ANN, "q")
        assert (await deployment.events())[-1] == LoggedModelDeleted(model_id=model_id)
    await models.set_tags(SetLoggedModelTags(model_id=model_id, tags=[KeyValue(key="u")]), ANN, "q")


async def test_what_is_about_an_unknown_model_leaves_no_event(deployment: Deployment) -> None:
    models, before = deployment.ingest.logged_models, await deployment.count()
    for write in (
        models.log_params(LogLoggedModelParams(model_id="m-x"), ANN, "q"),
        models.set_tags(SetLoggedModelTags(model_id="m-x"), ANN, "q"),
        models.delete_tag(DeleteLoggedModelTag(model_id="m-x", tag_key="k"), ANN, "q"),
        models.delete(DeleteLoggedModel(model_id="m-x"), ANN, "q"),
    ):
        with pytest.raises(ResourceDoesNotExist, match="Logged model with ID 'm-x' not found"):
            await write
    assert await deployment.count() == before


async def test_a_finalized_model_that_cannot_be_shown_is_in_the_log_all_the_same(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answered that nothing was done, a client would do it twice."""
    model_id = await made(deployment)

    ask = deployment.projection.one

    async def away(lookup: Lookup[T], *parameters: Parameter) -> T | None:
        if lookup is LOGGED_MODEL_INFO:
            raise TemporarilyUnavailable("the read model is away")
        return await ask(lookup, *parameters)

    monkeypatch.setattr(deployment.projection, "one", away)
    with pytest.raises(EventInLog, match="away"):
        await deployment.ingest.logged_models.finalize(FinalizeLoggedModel(model_id=model_id, status=2), ANN, "q")
    assert (await deployment.events())[-1] == LoggedModelFinalized(model_id=model_id, status=2)
