"""What the door knows, and when it asks the read model again."""

import asyncio

import pytest

from ingest.admission.known_entities import MAX_AGE_S, RETRY_S
from ingest.admission.lookups import LoggedModelAtDoor, RunAtDoor
from read_model.progress import ProjectionBehind
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist, TemporarilyUnavailable
from schemas.events import (
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentRestored,
    LoggedModelCreated,
    RunCreated,
    RunDeleted,
    RunRestored,
)
from schemas.messages.experiments import DeleteExperiment, UpdateExperiment
from schemas.messages.runs import DeleteRun, RestoreRun
from tests.unit.ingest.doubles import ANN, House


def experiment_created(experiment_id: int = 1) -> ExperimentCreated:
    return ExperimentCreated(experiment_id=experiment_id, name=f"e{experiment_id}", artifact_location="a")


def run_created(run_id: str = "r", experiment_id: int = 1) -> RunCreated:
    return RunCreated(
        run_id=run_id, experiment_id=experiment_id, name="n", user_id="", start_time_ms=0, artifact_uri="a"
    )


@pytest.fixture
async def house() -> House:
    """A log with an active run in an active experiment, which the door has not seen yet."""
    house = House()
    await house.append(experiment_created())
    await house.append(run_created())
    return house


async def test_a_run_that_another_process_created_is_found_once_the_projection_has_it(house: House) -> None:
    assert (await house.ingest.door.active_run("r")).experiment_id == 1


async def test_what_never_was_is_not_found_and_only_after_waiting(house: House) -> None:
    door = house.ingest.door
    await door.run("r")
    waits = house.projection.waits
    with pytest.raises(ResourceDoesNotExist):
        await door.run("unknown")
    with pytest.raises(ResourceDoesNotExist):
        await door.experiment(99)
    assert await door.logged_model("m") is None
    assert house.projection.waits == waits + 3


async def test_a_known_run_needs_no_read_model(house: House) -> None:
    door = house.ingest.door
    await door.active_run("r")
    house.projection.is_stuck = True
    waits = house.projection.waits
    await door.active_run("r")
    assert house.projection.waits == waits


async def test_an_unknown_run_cannot_be_denied_while_the_projection_is_behind(house: House) -> None:
    house.projection.is_stuck = True
    with pytest.raises(ProjectionBehind):
        await house.ingest.door.run("r")


async def test_the_first_look_up_sees_a_delete_from_before_a_crash(house: House) -> None:
    door = house.ingest.door
    await door.run("r")
    await house.append(RunDeleted(run_id="r"))
    with pytest.raises(InvalidParameterValue):
        await house.another_process().door.active_run("r")


async def test_a_run_follows_the_later_lifecycle_change_of_itself_and_its_experiment(house: House) -> None:
    for event, active in (
        (ExperimentDeleted(experiment_id=1), False),
        (RunRestored(run_id="r"), True),
        (RunDeleted(run_id="r"), False),
        (ExperimentRestored(experiment_id=1), True),
    ):
        await house.append(event)
        fresh = house.another_process().door
        if active:
            await fresh.active_run("r")
        else:
            with pytest.raises(InvalidParameterValue):
                await fresh.active_run("r")


@pytest.mark.parametrize("shared", [False, True])
async def test_an_own_change_counts_at_once(house: House, shared: bool) -> None:
    ingest = house.another_process(shared=shared)
    await ingest.door.active_run("r")
    await ingest.runs.delete(DeleteRun(run_id="r"), ANN, "q")
    with pytest.raises(InvalidParameterValue):
        await ingest.door.active_run("r")
    await ingest.runs.restore(RestoreRun(run_id="r"), ANN, "q")
    await ingest.door.active_run("r")


async def test_a_look_up_during_a_change_is_not_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have read what was before, and come back after the change was acknowledged."""
    ingest = house.another_process()
    await ingest.door.catch_up()
    ask, answered, may_answer = house.projection.run, asyncio.Event(), asyncio.Event()

    async def slow_ask(run_id: str) -> RunAtDoor | None:
        found = await ask(run_id)
        answered.set()
        await may_answer.wait()
        return found

    monkeypatch.setattr(house.projection, "run", slow_ask)
    early = asyncio.create_task(ingest.door.run("r"))
    await answered.wait()
    monkeypatch.setattr(house.projection, "run", ask)
    await ingest.runs.delete(DeleteRun(run_id="r"), ANN, "q")
    may_answer.set()
    assert (await early).active, "it began before the delete was acknowledged"
    assert not (await ingest.door.run("r")).active


async def test_a_forgotten_run_is_looked_up_again_after_a_wait(house: House) -> None:
    door = house.ingest.door
    await door.run("r")
    await house.append(RunDeleted(run_id="r"))
    assert (await door.run("r")).active, "an embedded door is the only writer and need not ask"
    door.forget("run/r")
    assert not (await door.run("r")).active


async def test_forgetting_all_forgets_experiments_too(house: House) -> None:
    door = house.ingest.door
    await door.active_run("r")
    await house.append(ExperimentDeleted(experiment_id=1))
    door.forget_all()
    with pytest.raises(InvalidParameterValue):
        await door.active_run("r")


async def test_forgetting_all_forgets_logged_models_too(house: House) -> None:
    door = house.ingest.door
    door.logged_model_created(LoggedModelAtDoor("m-of-another-log", 1))
    door.forget_all()
    assert await door.logged_model("m-of-another-log") is None


async def test_what_a_shared_door_knows_of_an_experiment_is_not_what_a_lifecycle_is_decided_on(house: House) -> None:
    """Another process restored the experiment a moment ago: this delete comes after it, and holds."""
    ingest = house.another_process(shared=True)
    await ingest.door.active_run("r")
    await house.append(ExperimentDeleted(experiment_id=1))
    await house.append(ExperimentRestored(experiment_id=1))
    await ingest.runs.delete(DeleteRun(run_id="r"), ANN, "q")
    assert (await house.events())[-1] == RunDeleted(run_id="r", experiment_revision=2)
    assert (await house.another_process().door.experiment(1)).active
    with pytest.raises(InvalidParameterValue):
        await house.another_process().door.active_run("r")


async def test_an_experiment_that_another_process_restored_a_moment_ago_can_be_deleted_and_renamed(
    house: House,
) -> None:
    ingest = house.another_process(shared=True)
    await house.append(ExperimentDeleted(experiment_id=1))
    assert not (await ingest.door.experiment(1)).active
    await house.append(ExperimentRestored(experiment_id=1))
    await ingest.experiments.rename(UpdateExperiment(experiment_id="1", new_name="x"), ANN, "q")
    await ingest.experiments.delete(DeleteExperiment(experiment_id="1"), ANN, "q")
    with pytest.raises(InvalidParameterValue):
        await ingest.door.active_run("r")


async def test_a_door_that_is_not_shared_decides_on_what_it_knows(house: House) -> None:
    ingest = house.another_process()
    await ingest.door.active_run("r")
    waits = house.projection.waits
    await ingest.door.experiment_now(1)
    assert house.projection.waits == waits


async def test_a_lifecycle_command_waits_for_what_was_acknowledged_elsewhere(house: House) -> None:
    ingest = house.another_process(shared=True)
    await ingest.door.active_run("r")
    await house.append(ExperimentDeleted(experiment_id=1))
    house.projection.is_stuck = True
    before = await house.count()
    with pytest.raises(ProjectionBehind):
        await ingest.runs.restore(RestoreRun(run_id="r"), ANN, "q")
    assert await house.count() == before


async def test_a_shared_door_hears_of_others_within_its_age(house: House) -> None:
    door = house.another_process(shared=True).door
    await door.active_run("r")
    await house.append(RunDeleted(run_id="r"))
    await door.catch_up()
    await door.active_run("r")
    house.now_s += MAX_AGE_S + 0.01
    with pytest.raises(InvalidParameterValue):
        await door.active_run("r")


async def test_while_the_read_model_is_away_known_runs_take_writes_and_unknown_ones_are_told_to_come_again(
    house: House,
) -> None:
    door = house.another_process(shared=True).door
    await door.active_run("r")
    house.projection.is_away = True
    for _ in range(60):
        house.now_s += MAX_AGE_S + 0.01
        await door.active_run("r")
    with pytest.raises(TemporarilyUnavailable):
        await door.run("unknown")


async def test_while_the_read_model_is_away_it_is_asked_seldom(house: House) -> None:
    door = house.another_process(shared=True).door
    await door.active_run("r")
    house.projection.is_away = True
    house.now_s += MAX_AGE_S + 0.01
    asked = house.projection.asked
    for _ in range(100):
        await door.active_run("r")
    assert house.projection.asked <= asked + 2


async def test_of_many_writes_to_an_old_entry_one_asks_the_read_model(house: House) -> None:
    door = house.another_process(shared=True).door
    await door.run("r")
    house.now_s += MAX_AGE_S + 0.01
    asked = house.projection.asked
    await asyncio.gather(*(door.run("r") for _ in range(32)))
    assert house.projection.asked == asked + 1


async def test_when_the_read_model_is_back_what_others_did_meanwhile_counts(house: House) -> None:
    door = house.another_process(shared=True).door
    await door.active_run("r")
    house.projection.is_away = True
    house.now_s += MAX_AGE_S + 0.01
    await door.active_run("r")
    await house.append(RunDeleted(run_id="r"))
    house.projection.is_away = False
    await door.catch_up()
    house.now_s += RETRY_S + 0.01
    with pytest.raises(InvalidParameterValue):
        await door.active_run("r")


async def test_a_logged_model_is_known_for_good(house: House) -> None:
    door = house.ingest.door
    await house.append(LoggedModelCreated(model_id="m", experiment_id=1, name="n", artifact_location="a"))
    assert await door.logged_model("m") is not None
    house.projection.is_stuck = True
    assert await door.logged_model("m") is not None
