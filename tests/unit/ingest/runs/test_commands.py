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
from tests.unit.ingest.doubles import ANN, House, active_run
from tests.virtual_time import VirtualTimeLoop

LOOP = VirtualTimeLoop


@pytest.fixture
async def house() -> House:
    """A house with the default experiment."""
    house = House()
    await house.ingest.ensure_default_experiment()
    return house


async def create(house: House, **fields: str) -> str:
    answer = await house.ingest.runs.create(CreateRun(experiment_id="0", **fields), ANN, "q")  # type: ignore[arg-type]
    return str(orjson.loads(answer)["run"]["info"]["run_id"])


async def test_a_new_run_is_answered_as_mlflow_answers_it(house: House) -> None:
    command = CreateRun(experiment_id="0", run_name="n", user_id="u", start_time=5, tags=[KeyValue(key="a", value="b")])
    answer = orjson.loads(await house.ingest.runs.create(command, ANN, "q"))
    (event,) = (await house.events())[1:]
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


async def test_a_run_without_a_name_gets_one(house: House) -> None:
    answer = orjson.loads(await house.ingest.runs.create(CreateRun(experiment_id="0"), ANN, "q"))
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{3}", answer["run"]["info"]["run_name"])


async def test_a_new_run_takes_writes_before_the_projection_has_it(house: House) -> None:
    run_id = await create(house)
    house.projection.is_stuck = True
    await house.ingest.run_data.log_metric(LogMetric(run_id=run_id, key="m", value=1.0, timestamp=1), ANN, "q")
    await house.ingest.run_data.set_tag(SetTag(run_id=run_id, key="t", value="v"), ANN, "q")


async def test_the_log_knows_who_asked(house: House) -> None:
    await house.ingest.runs.create(CreateRun(experiment_id="0"), ANN, "request-9")
    recorded = (await house.log.read(0, 1, limit=1))[0]
    assert (recorded.actor, recorded.request_id) == (ANN, "request-9")


async def test_an_update_is_answered_with_the_run_as_it_is_then(house: House) -> None:
    run_id = await create(house, run_name="n", user_id="u")
    command = UpdateRun(run_id=run_id, status="FINISHED", end_time=77, run_name="new")
    answer = orjson.loads(await house.ingest.runs.update(command, ANN, "q"))
    assert (await house.events())[-1] == RunUpdated(run_id=run_id, status="FINISHED", end_time_ms=77, name="new")
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


async def finish(house: House, run_id: str) -> dict[str, object]:
    answer = await house.ingest.runs.update(UpdateRun(run_id=run_id, status="FINISHED"), ANN, "q")
    info: dict[str, object] = orjson.loads(answer)["run_info"]
    return info


async def test_an_update_of_a_run_made_here_does_not_wait_for_the_projection(house: House) -> None:
    run_id = await create(house, run_name="n")
    house.projection.is_stuck = True
    assert (await finish(house, run_id))["status"] == "FINISHED"


async def test_an_update_of_a_run_made_here_and_restored_answers_its_lifecycle(house: House) -> None:
    run_id = await create(house)
    await house.ingest.runs.delete(DeleteRun(run_id=run_id), ANN, "q")
    await house.ingest.runs.restore(RestoreRun(run_id=run_id), ANN, "q")
    assert (await finish(house, run_id))["lifecycle_stage"] == "active"


async def test_an_update_of_a_run_made_elsewhere_waits_for_the_projection(house: House) -> None:
    run_id = await create(house)
    elsewhere = house.another_process()
    await elsewhere.known.existing(RUNS, run_id)
    house.projection.is_stuck = True
    with pytest.raises(EventInLog):
        await elsewhere.runs.update(UpdateRun(run_id=run_id, status="FINISHED"), ANN, "q")


async def test_where_a_log_is_shared_the_read_model_is_asked_also_about_runs_made_here() -> None:
    house = House(shared=True)
    await house.ingest.ensure_default_experiment()
    run_id = await create(house)
    house.projection.is_stuck = True
    with pytest.raises(EventInLog):
        await finish(house, run_id)


@pytest.mark.parametrize("way", ["set-tag", "log-batch"])
async def test_an_update_after_a_rename_by_tag_answers_the_new_name(house: House, way: str) -> None:
    run_id = await create(house, run_name="old")
    name = {"key": "mlflow.runName", "value": "new"}
    if way == "set-tag":
        await house.ingest.run_data.set_tag(SetTag(run_id=run_id, **name), ANN, "q")
    else:
        await house.ingest.run_data.log_batch(LogBatch(run_id=run_id, tags=[KeyValue(**name)]), ANN, "q")
    assert (await finish(house, run_id))["run_name"] == "new"


async def test_updates_side_by_side_are_answered_with_what_the_log_made_of_them(house: House) -> None:
    run_id = await create(house, run_name="n")
    first = house.ingest.runs.update(UpdateRun(run_id=run_id, status="FINISHED"), ANN, "q")
    second = house.ingest.runs.update(UpdateRun(run_id=run_id, end_time=7), ANN, "q")
    answers = [orjson.loads(one)["run_info"] for one in await asyncio.gather(first, second)]
    assert any((one["status"], one.get("end_time")) == ("FINISHED", 7) for one in answers)
    assert (await finish(house, run_id))["end_time"] == 7


async def test_an_update_of_unknown_outcome_is_looked_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = await create(house)
    append = house.log.append

    async def append_and_fall_silent(events: Sequence[EventData]) -> list[Position]:
        await append(events)
        raise OutcomeUnknown("the log stopped answering")

    with monkeypatch.context() as patched:
        patched.setattr(house.log, "append", append_and_fall_silent)
        with pytest.raises(OutcomeUnknown):
            await house.ingest.runs.update(UpdateRun(run_id=run_id, end_time=7), ANN, "q")
    assert (await finish(house, run_id))["end_time"] == 7


async def test_an_update_of_nothing_leaves_no_event_and_answers_the_run(house: House) -> None:
    run_id = await create(house, run_name="n")
    answer = orjson.loads(await house.ingest.runs.update(UpdateRun(run_uuid=run_id), ANN, "q"))
    assert answer["run_info"]["run_name"] == "n"
    assert await house.count() == 2


async def test_delete_and_restore_may_be_repeated(house: House) -> None:
    run_id = await create(house)
    for _ in range(2):
        assert await house.ingest.runs.delete(DeleteRun(run_id=run_id), ANN, "q") == b"{}"
    for _ in range(2):
        assert await house.ingest.runs.restore(RestoreRun(run_id=run_id), ANN, "q") == b"{}"
    assert (await house.events())[2:] == [
        *[RunDeleted(run_id=run_id, experiment_revision=0)] * 2,
        *[RunRestored(run_id=run_id, experiment_revision=0)] * 2,
    ]


async def test_a_deleted_run_takes_no_writes_and_a_restored_one_does(house: House) -> None:
    run_id = await create(house)
    await house.ingest.runs.delete(DeleteRun(run_id=run_id), ANN, "q")
    data = house.ingest.run_data
    before = await house.count()
    for command in (
        house.ingest.runs.update(UpdateRun(run_id=run_id, status="FAILED"), ANN, "q"),
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
    assert await house.count() == before
    await house.ingest.runs.restore(RestoreRun(run_id=run_id), ANN, "q")
    await data.set_tag(SetTag(run_id=run_id, key="t", value="v"), ANN, "q")


async def test_an_unknown_run_is_refused_and_leaves_no_event(house: House) -> None:
    runs = house.ingest.runs
    for command in (
        runs.delete(DeleteRun(run_id="x"), ANN, "q"),
        runs.restore(RestoreRun(run_id="x"), ANN, "q"),
        runs.update(UpdateRun(run_id="x", status="FINISHED"), ANN, "q"),
    ):
        with pytest.raises(ResourceDoesNotExist):
            await command
    assert await house.count() == 1


async def test_a_delete_whose_caller_left_still_closes_the_run(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = await create(house)
    append, may_append = house.log.append, asyncio.Event()
    under_way: list[Sequence[EventData]] = []

    async def slow_append(events: Sequence[EventData]) -> list[Position]:
        under_way.append(events)
        await may_append.wait()
        return await append(events)

    monkeypatch.setattr(house.log, "append", slow_append)
    delete = asyncio.create_task(house.ingest.runs.delete(DeleteRun(run_id=run_id), ANN, "q"))
    while not under_way:
        await asyncio.sleep(0)
    delete.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delete
    may_append.set()
    await asyncio.sleep(1)
    with pytest.raises(InvalidParameterValue):
        await active_run(house.ingest.known, run_id)


async def test_a_delete_of_unknown_outcome_is_looked_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = await create(house)
    append = house.log.append

    async def append_and_fall_silent(events: Sequence[EventData]) -> list[Position]:
        await append(events)
        raise OutcomeUnknown("the log stopped answering")

    monkeypatch.setattr(house.log, "append", append_and_fall_silent)
    with pytest.raises(OutcomeUnknown):
        await house.ingest.runs.delete(DeleteRun(run_id=run_id), ANN, "q")
    with pytest.raises(InvalidParameterValue):
        await active_run(house.ingest.known, run_id)


async def test_what_would_wait_for_a_verdict_that_nobody_hears_is_not_appended(house: House) -> None:
    """A client repeats what was answered 503, and a model logged twice would be two."""
    ingest = house.another_process(shared=True)
    run_id = await create(house)
    await active_run(ingest.known, run_id)
    house.projection.is_away = True
    events = await house.count()
    with pytest.raises(TemporarilyUnavailable):
        await ingest.logged_models.create(CreateLoggedModel(experiment_id="0"), ANN, "q")
    with pytest.raises(TemporarilyUnavailable):
        await ingest.runs.update(UpdateRun(run_id=run_id, run_name="other"), ANN, "q")
    assert await house.count() == events
    await ingest.run_data.log_metric(LogMetric(run_id=run_id, key="m", value=1.0, timestamp=1), ANN, "q")
    assert await house.count() == events + 1
