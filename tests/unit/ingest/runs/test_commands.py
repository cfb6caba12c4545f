"""Commands about a run itself, on a log in memory."""

import asyncio
import re
from collections.abc import Sequence

import orjson
import pytest

from event_log.port import OutcomeUnknown
from ingest.runs.lookups import RUNS
from read_model.progress import EventInLog
from schemas.envelope import EventData, Position
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist, TemporarilyUnavailable
from schemas.events import RunCreated, RunDeleted, RunRestored, RunUpdated
from schemas.messages.logged_models import CreateLoggedModel
from schemas.messages.message import KeyValue
from schemas.messages.run_data import DeleteTag as DeleteTagMessage
from schemas.messages.run_data import LogBatch, LogInputs, LogMetric, LogOutputs, LogParam, ModelOutput, SetTag
from schemas.messages.runs import CreateRun, DeleteRun, RestoreRun, UpdateRun
from tests.unit.ingest.doubles import ANN, Deployment, active_run
from tests.virtual_time import VirtualTimeLoop

LOOP = VirtualTimeLoop


@pytest.fixture
async def deployment() -> Deployment:
    """A deployment with the default experiment."""
    deployment = Deployment()
    await deployment.ingest.ensure_default_experiment()
    return deployment


async def create(deployment: Deployment, *, run_name: str = "", user_id: str = "") -> str:
    command = CreateRun(experiment_id="0", run_name=run_name, user_id=user_id)
    answer = await deployment.ingest.runs.create(command, ANN, "q")
    return str(orjson.loads(answer)["run"]["info"]["run_id"])


async def test_a_new_run_is_answered_as_mlflow_answers_it(deployment: Deployment) -> None:
    command = CreateRun(experiment_id="0", run_name="n", user_id="u", start_time=5, tags=[KeyValue(key="a", value="b")])
    answer = orjson.loads(await deployment.ingest.runs.create(command, ANN, "q"))
    (event,) = (await deployment.events())[1:]
    assert isinstance(event, RunCreated)
    assert re.fullmatch(r"[0-9a-f]{32}", event.run_id)
    assert answer == {
        "run": {
            "info": {
                "run_uuid": event.run_id,
                "experiment_id": "0",
                "run_name": "n",
                "user_id": "u",
                "status": "RUNNING",
                "start_time": 5,
                "artifact_uri": f"mlflow-artifacts:/0/{event.run_id}/artifacts",
                "lifecycle_stage": "active",
                "run_id": event.run_id,
            },
            "data": {"tags": [{"key": "a", "value": "b"}, {"key": "mlflow.runName", "value": "n"}]},
            "inputs": {},
        }
    }


async def test_a_run_without_a_name_gets_one(deployment: Deployment) -> None:
    answer = orjson.loads(await deployment.ingest.runs.create(CreateRun(experiment_id="0"), ANN, "q"))
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{3}", answer["run"]["info"]["run_name"])


async def test_a_new_run_takes_writes_before_the_projection_has_it(deployment: Deployment) -> None:
    run_id = await create(deployment)
    deployment.projection.is_stuck = True
    await deployment.ingest.run_data.log_metric(LogMetric(run_id=run_id, key="m", value=1.0, timestamp=1), ANN, "q")
    await deployment.ingest.run_data.set_tag(SetTag(run_id=run_id, key="t", value="v"), ANN, "q")


async def test_the_log_knows_who_asked(deployment: Deployment) -> None:
    await deployment.ingest.runs.create(CreateRun(experiment_id="0"), ANN, "request-9")
    recorded = (await deployment.log.read(0, 1, limit=1))[0]
    assert (recorded.actor, recorded.request_id) == (ANN, "request-9")


async def test_an_update_is_answered_with_the_run_as_it_is_then(deployment: Deployment) -> None:
    run_id = await create(deployment, run_name="n", user_id="u")
    command = UpdateRun(run_id=run_id, status="FINISHED", end_time=77, run_name="new")
    answer = orjson.loads(await deployment.ingest.runs.update(command, ANN, "q"))
    assert (await deployment.events())[-1] == RunUpdated(run_id=run_id, status="FINISHED", end_time_ms=77, name="new")
    assert answer["run_info"] == {
        "run_uuid": run_id,
        "experiment_id": "0",
        "run_name": "new",
        "user_id": "u",
        "status": "FINISHED",
        "start_time": 0,
        "end_time": 77,
        "artifact_uri": f"mlflow-artifacts:/0/{run_id}/artifacts",
        "lifecycle_stage": "active",
        "run_id": run_id,
    }


async def finish(deployment: Deployment, run_id: str) -> dict[str, object]:
    answer = await deployment.ingest.runs.update(UpdateRun(run_id=run_id, status="FINISHED"), ANN, "q")
    info: dict[str, object] = orjson.loads(answer)["run_info"]
    return info


async def test_an_update_of_a_run_made_here_does_not_wait_for_the_projection(deployment: Deployment) -> None:
    run_id = await create(deployment, run_name="n")
    deployment.projection.is_stuck = True
    assert (await finish(deployment, run_id))["status"] == "FINISHED"


async def test_an_update_of_a_run_made_here_and_restored_answers_its_lifecycle(deployment: Deployment) -> None:
    run_id = await create(deployment)
    await deployment.ingest.runs.delete(DeleteRun(run_id=run_id), ANN, "q")
    await deployment.ingest.runs.restore(RestoreRun(run_id=run_id), ANN, "q")
    assert (await finish(deployment, run_id))["lifecycle_stage"] == "active"


async def test_an_update_of_a_run_made_elsewhere_waits_for_the_projection(deployment: Deployment) -> None:
    run_id = await create(deployment)
    elsewhere = deployment.another_process()
    await elsewhere.known.existing(RUNS, run_id)
    deployment.projection.is_stuck = True
    with pytest.raises(EventInLog):
        await elsewhere.runs.update(UpdateRun(run_id=run_id, status="FINISHED"), ANN, "q")


async def test_where_a_log_is_shared_the_read_model_is_asked_also_about_runs_made_here() -> None:
    deployment = Deployment(shared=True)
    await deployment.ingest.ensure_default_experiment()
    run_id = await create(deployment)
    deployment.projection.is_stuck = True
    with pytest.raises(EventInLog):
        await finish(deployment, run_id)


@pytest.mark.parametrize("way", ["set-tag", "log-batch"])
async def test_an_update_after_a_rename_by_tag_answers_the_new_name(deployment: Deployment, way: str) -> None:
    run_id = await create(deployment, run_name="old")
    name = {"key": "mlflow.runName", "value": "new"}
    if way == "set-tag":
        await deployment.ingest.run_data.set_tag(SetTag(run_id=run_id, **name), ANN, "q")
    else:
        await deployment.ingest.run_data.log_batch(LogBatch(run_id=run_id, tags=[KeyValue(**name)]), ANN, "q")
    assert (await finish(deployment, run_id))["run_name"] == "new"


async def test_updates_side_by_side_are_answered_with_what_the_log_made_of_them(deployment: Deployment) -> None:
    run_id = await create(deployment, run_name="n")
    first = deployment.ingest.runs.update(UpdateRun(run_id=run_id, status="FINISHED"), ANN, "q")
    second = deployment.ingest.runs.update(UpdateRun(run_id=run_id, end_time=7), ANN, "q")
    answers = [orjson.loads(one)["run_info"] for one in await asyncio.gather(first, second)]
    assert any((one["status"], one.get("end_time")) == ("FINISHED", 7) for one in answers)
    assert (await finish(deployment, run_id))["end_time"] == 7


async def test_an_update_of_unknown_outcome_is_looked_up(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await create(deployment)
    append = deployment.log.append

    async def append_and_fall_silent(events: Sequence[EventData]) -> list[Position]:
        await append(events)
        raise OutcomeUnknown("the log stopped answering")

    with monkeypatch.context() as patched:
        patched.setattr(deployment.log, "append", append_and_fall_silent)
        with pytest.raises(OutcomeUnknown):
            await deployment.ingest.runs.update(UpdateRun(run_id=run_id, end_time=7), ANN, "q")
    assert (await finish(deployment, run_id))["end_time"] == 7


async def test_an_update_of_nothing_leaves_no_event_and_answers_the_run(deployment: Deployment) -> None:
    run_id = await create(deployment, run_name="n")
    answer = orjson.loads(await deployment.ingest.runs.update(UpdateRun(run_uuid=run_id), ANN, "q"))
    assert answer["run_info"]["run_name"] == "n"
    assert await deployment.count() == 2


async def test_delete_and_restore_may_be_repeated(deployment: Deployment) -> None:
    run_id = await create(deployment)
    for _ in range(2):
        assert await deployment.ingest.runs.delete(DeleteRun(run_id=run_id), ANN, "q") == b"{}"
    for _ in range(2):
        assert await deployment.ingest.runs.restore(RestoreRun(run_id=run_id), ANN, "q") == b"{}"
    assert (await deployment.events())[2:] == [
        *[RunDeleted(run_id=run_id, experiment_revision=0)] * 2,
        *[RunRestored(run_id=run_id, experiment_revision=0)] * 2,
    ]


async def test_a_deleted_run_takes_no_writes_and_a_restored_one_does(deployment: Deployment) -> None:
    run_id = await create(deployment)
    await deployment.ingest.runs.delete(DeleteRun(run_id=run_id), ANN, "q")
    data = deployment.ingest.run_data
    before = await deployment.count()
    for command in (
        deployment.ingest.runs.update(UpdateRun(run_id=run_id, status="FAILED"), ANN, "q"),
        data.log_metric(LogMetric(run_id=run_id, key="m", value=1.0, timestamp=1), ANN, "q"),
        data.log_param(LogParam(run_id=run_id, key="p", value="1"), ANN, "q"),
        data.set_tag(SetTag(run_id=run_id, key="t", value="v"), ANN, "q"),
        data.delete_tag(DeleteTagMessage(run_id=run_id, key="mlflow.runName"), ANN, "q"),
        data.log_batch(LogBatch(run_id=run_id), ANN, "q"),
        data.log_inputs(LogInputs(run_id=run_id), ANN, "q"),
        data.log_outputs(LogOutputs(run_id=run_id, models=[ModelOutput(model_id="m")]), ANN, "q"),
    ):
        with pytest.raises(InvalidParameterValue, match="active"):
            await command
    assert await deployment.count() == before
    await deployment.ingest.runs.restore(RestoreRun(run_id=run_id), ANN, "q")
    await data.set_tag(SetTag(run_id=run_id, key="t", value="v"), ANN, "q")


async def test_an_unknown_run_is_refused_and_leaves_no_event(deployment: Deployment) -> None:
    runs = deployment.ingest.runs
    for command in (
        runs.delete(DeleteRun(run_id="x"), ANN, "q"),
        runs.restore(RestoreRun(run_id="x"), ANN, "q"),
        runs.update(UpdateRun(run_id="x", status="FINISHED"), ANN, "q"),
    ):
        with pytest.raises(ResourceDoesNotExist):
            await command
    assert await deployment.count() == 1


async def test_a_delete_whose_caller_left_still_closes_the_run(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await create(deployment)
    append, may_append = deployment.log.append, asyncio.Event()
    under_way: list[Sequence[EventData]] = []

    async def slow_append(events: Sequence[EventData]) -> list[Position]:
        under_way.append(events)
        await may_append.wait()
        return await append(events)

    monkeypatch.setattr(deployment.log, "append", slow_append)
    delete = asyncio.create_task(deployment.ingest.runs.delete(DeleteRun(run_id=run_id), ANN, "q"))
    while not under_way:
        await asyncio.sleep(0)
    delete.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delete
    may_append.set()
    await asyncio.sleep(1)
    with pytest.raises(InvalidParameterValue):
        await active_run(deployment.ingest.known, run_id)


async def test_a_delete_of_unknown_outcome_is_looked_up(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await create(deployment)
    append = deployment.log.append

    async def append_and_fall_silent(events: Sequence[EventData]) -> list[Position]:
        await append(events)
        raise OutcomeUnknown("the log stopped answering")

    monkeypatch.setattr(deployment.log, "append", append_and_fall_silent)
    with pytest.raises(OutcomeUnknown):
        await deployment.ingest.runs.delete(DeleteRun(run_id=run_id), ANN, "q")
    with pytest.raises(InvalidParameterValue):
        await active_run(deployment.ingest.known, run_id)


async def test_what_would_wait_for_a_verdict_that_cannot_be_received_is_not_appended(deployment: Deployment) -> None:
    """A client repeats what was answered 503, and a model logged twice would be two."""
    ingest = deployment.another_process(shared=True)
    run_id = await create(deployment)
    await active_run(ingest.known, run_id)
    deployment.projection.is_away = True
    events = await deployment.count()
    with pytest.raises(TemporarilyUnavailable):
        await ingest.logged_models.create(CreateLoggedModel(experiment_id="0"), ANN, "q")
    with pytest.raises(TemporarilyUnavailable):
        await ingest.runs.update(UpdateRun(run_id=run_id, run_name="other"), ANN, "q")
    assert await deployment.count() == events
    await ingest.run_data.log_metric(LogMetric(run_id=run_id, key="m", value=1.0, timestamp=1), ANN, "q")
    assert await deployment.count() == events + 1
