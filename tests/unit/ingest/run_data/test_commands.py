"""Commands about the data of a run, on a log in memory."""

import asyncio

import orjson
import pytest

from read_model.progress import EventInLog
from schemas.errors import BadRequest, InvalidParameterValue, ResourceDoesNotExist
from schemas.events import MetricSeries, ModelMetric, Param, RunDataLogged, RunTagDeleted, Tag
from schemas.messages.logged_models import CreateLoggedModel
from schemas.messages.message import KeyValue
from schemas.messages.run_data import DeleteTag, LogBatch, LogMetric, LogOutputs, LogParam, Metric, ModelOutput, SetTag
from schemas.messages.runs import CreateRun, DeleteRun
from tests.unit.ingest.doubles import ANN, Deployment


@pytest.fixture
async def deployment() -> Deployment:
    """A deployment with the default experiment."""
    deployment = Deployment()
    await deployment.ingest.ensure_default_experiment()
    return deployment


@pytest.fixture
async def run_id(deployment: Deployment) -> str:
    """A new run."""
    answer = await deployment.ingest.runs.create(CreateRun(experiment_id="0"), ANN, "q")
    return str(orjson.loads(answer)["run"]["info"]["run_id"])


async def news(deployment: Deployment) -> list[object]:
    """What was logged after the experiment and the run."""
    return list((await deployment.events())[2:])


async def test_a_param_again_with_its_value_is_accepted_without_an_event(deployment: Deployment, run_id: str) -> None:
    for _ in range(2):
        assert (
            await deployment.ingest.run_data.log_param(LogParam(run_id=run_id, key="p", value="1"), ANN, "q") == b"{}"
        )
    assert await news(deployment) == [RunDataLogged(run_id=run_id, params=[Param("p", "1")])]


async def test_a_param_again_with_another_value_is_refused_before_the_append(
    deployment: Deployment, run_id: str
) -> None:
    await deployment.ingest.run_data.log_param(LogParam(run_id=run_id, key="p", value="1"), ANN, "q")
    with pytest.raises(InvalidParameterValue):
        await deployment.ingest.run_data.log_param(LogParam(run_id=run_id, key="p", value="2"), ANN, "q")
    assert len(await news(deployment)) == 1


async def test_params_are_compared_after_the_cut(deployment: Deployment, run_id: str) -> None:
    for end in ("a", "b"):
        await deployment.ingest.run_data.log_param(LogParam(run_id=run_id, key="p", value="x" * 6000 + end), ANN, "q")
    assert len(await news(deployment)) == 1


async def test_of_racing_values_of_a_param_one_wins(deployment: Deployment, run_id: str) -> None:
    answers = await asyncio.gather(
        *(
            deployment.ingest.run_data.log_param(LogParam(run_id=run_id, key="p", value=str(number)), ANN, "q")
            for number in range(5)
        ),
        return_exceptions=True,
    )
    assert answers.count(b"{}") == 1
    assert sum(isinstance(answer, InvalidParameterValue) for answer in answers) == 4


async def test_a_param_whose_verdict_is_late_is_not_answered_as_stored(deployment: Deployment, run_id: str) -> None:
    deployment.projection.is_stuck = True
    with pytest.raises(EventInLog):
        await deployment.ingest.run_data.log_param(LogParam(run_id=run_id, key="p", value="1"), ANN, "q")


async def test_a_batch_with_a_changed_param_stores_nothing(deployment: Deployment, run_id: str) -> None:
    await deployment.ingest.run_data.log_param(LogParam(run_id=run_id, key="p", value="1"), ANN, "q")
    batch = LogBatch(
        run_id=run_id,
        metrics=[Metric(key="m", value=1.0, timestamp=1)],
        params=[KeyValue(key="p", value="2")],
    )
    with pytest.raises(InvalidParameterValue):
        await deployment.ingest.run_data.log_batch(batch, ANN, "q")
    assert len(await news(deployment)) == 1


async def test_what_a_batch_repeats_is_left_out_of_its_event(deployment: Deployment, run_id: str) -> None:
    await deployment.ingest.run_data.log_param(LogParam(run_id=run_id, key="p", value="1"), ANN, "q")
    batch = LogBatch(
        run_id=run_id,
        params=[KeyValue(key="p", value="1"), KeyValue(key="q", value="2")],
        tags=[KeyValue(key="t", value="x")],
    )
    await deployment.ingest.run_data.log_batch(batch, ANN, "q")
    assert (await news(deployment))[1:] == [
        RunDataLogged(run_id=run_id, params=[Param("q", "2")], tags=[Tag("t", "x")])
    ]


async def test_a_batch_without_params_does_not_wait_for_the_projection(deployment: Deployment, run_id: str) -> None:
    deployment.projection.is_stuck = True
    batch = LogBatch(run_id=run_id, metrics=[Metric(key="m", value=1.0, timestamp=1)])
    await deployment.ingest.run_data.log_batch(batch, ANN, "q")
    assert await news(deployment) == [RunDataLogged(run_id=run_id, metrics=[MetricSeries("m", [1.0], [1], [0])])]


async def test_an_empty_batch_is_accepted_without_an_event(deployment: Deployment, run_id: str) -> None:
    assert await deployment.ingest.run_data.log_batch(LogBatch(run_id=run_id), ANN, "q") == b"{}"
    assert await news(deployment) == []


async def test_bad_fields_are_refused_before_the_run_is_looked_for(deployment: Deployment) -> None:
    with pytest.raises(InvalidParameterValue):
        await deployment.ingest.run_data.log_metric(LogMetric(run_id="none", key="?", value=1.0, timestamp=1), ANN, "q")
    with pytest.raises(ResourceDoesNotExist):
        await deployment.ingest.run_data.log_metric(LogMetric(run_id="none", key="m", value=1.0, timestamp=1), ANN, "q")


async def test_a_tag_is_deleted_once(deployment: Deployment, run_id: str) -> None:
    await deployment.ingest.run_data.set_tag(SetTag(run_id=run_id, key="t", value="v"), ANN, "q")
    await deployment.ingest.run_data.delete_tag(DeleteTag(run_id=run_id, key="t"), ANN, "q")
    assert (await news(deployment))[-1] == RunTagDeleted(run_id=run_id, key="t")
    with pytest.raises(ResourceDoesNotExist):
        await deployment.ingest.run_data.delete_tag(DeleteTag(run_id=run_id, key="t"), ANN, "q")
    assert len(await news(deployment)) == 2


@pytest.mark.parametrize("batched", [True, False])
async def test_a_metric_of_an_unknown_model_is_refused_and_not_stored(
    deployment: Deployment, run_id: str, batched: bool
) -> None:
    data = deployment.ingest.run_data
    with pytest.raises(BadRequest):
        if batched:
            metrics = [Metric(key="m", value=1.0, timestamp=1, model_id="m-x")]
            await data.log_batch(LogBatch(run_id=run_id, metrics=metrics), ANN, "q")
        else:
            await data.log_metric(LogMetric(run_id=run_id, key="m", value=1.0, timestamp=1, model_id="m-x"), ANN, "q")
    assert await news(deployment) == []


async def test_a_metric_of_a_model_is_logged_for_run_and_model(deployment: Deployment, run_id: str) -> None:
    answer = await deployment.ingest.logged_models.create(CreateLoggedModel(experiment_id="0"), ANN, "q")
    model_id = orjson.loads(answer)["model"]["info"]["model_id"]
    await deployment.ingest.run_data.log_metric(
        LogMetric(run_id=run_id, key="m", value=1.0, timestamp=1, model_id=model_id), ANN, "q"
    )
    assert (await news(deployment))[-1] == RunDataLogged(
        run_id=run_id,
        metrics=[MetricSeries("m", [1.0], [1], [0])],
        model_metrics=[ModelMetric(model_id, "m", 1.0, 1, 0)],
    )


async def test_an_output_again_is_refused_also_in_a_race(deployment: Deployment, run_id: str) -> None:
    command = LogOutputs(run_id=run_id, models=[ModelOutput(model_id="m-1", step=1)])
    answers = await asyncio.gather(
        *(deployment.ingest.run_data.log_outputs(command, ANN, "q") for _ in range(3)), return_exceptions=True
    )
    assert answers.count(b"{}") == 1
    assert sum(isinstance(answer, BadRequest) for answer in answers) == 2
    before = await deployment.count()
    with pytest.raises(BadRequest):
        await deployment.ingest.run_data.log_outputs(command, ANN, "q")
    assert await deployment.count() == before


async def test_a_deleted_run_is_refused_without_another_look(deployment: Deployment, run_id: str) -> None:
    """Also while the read model is away: such a request is not to be repeated."""
    await deployment.ingest.runs.delete(DeleteRun(run_id=run_id), ANN, "q")
    with pytest.raises(InvalidParameterValue):  # the run and its experiment are known from here on
        await deployment.ingest.run_data.set_tag(SetTag(run_id=run_id, key="t"), ANN, "q")
    deployment.projection.is_away = True
    outputs = LogOutputs(run_id=run_id, models=[ModelOutput(model_id="m-1")])
    metric = LogMetric(run_id=run_id, key="m", value=1.0, timestamp=1, model_id="m-1")
    for answer in (
        deployment.ingest.run_data.log_param(LogParam(run_id=run_id, key="p", value="1"), ANN, "q"),
        deployment.ingest.run_data.log_metric(metric, ANN, "q"),
        deployment.ingest.run_data.log_outputs(outputs, ANN, "q"),
    ):
        with pytest.raises(InvalidParameterValue):
            await answer
