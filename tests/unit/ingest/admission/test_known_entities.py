"""What a process knows of entities, and when it asks the read model again."""

import asyncio
from dataclasses import replace

import pytest

from ingest.admission.known_entities import MAX_AGE_S, RETRY_S
from ingest.admission.lookups import Lookup, Parameter
from ingest.experiments.lookups import EXPERIMENTS
from ingest.logged_models.lookups import LOGGED_MODELS
from ingest.runs.lookups import RUNS
from ingest.runs.state import KnownRun
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
from tests.unit.ingest.doubles import ANN, Deployment, active_run


def experiment_created(experiment_id: int = 1) -> ExperimentCreated:
    return ExperimentCreated(experiment_id=experiment_id, name=f"e{experiment_id}", artifact_location="a")


def run_created(run_id: str = "r", experiment_id: int = 1) -> RunCreated:
    return RunCreated(
        run_id=run_id, experiment_id=experiment_id, name="n", user_id="", start_time_ms=0, artifact_uri="a"
    )


@pytest.fixture
async def deployment() -> Deployment:
    """A log with an active run in an active experiment, which no process has seen yet."""
    deployment = Deployment()
    await deployment.append(experiment_created())
    await deployment.append(run_created())
    return deployment


async def test_a_run_that_another_process_created_is_found_once_the_projection_has_it(deployment: Deployment) -> None:
    assert (await active_run(deployment.ingest.known, "r")).experiment_id == 1


async def test_what_never_was_is_not_found_and_only_after_waiting(deployment: Deployment) -> None:
    known = deployment.ingest.known
    await known.existing(RUNS, "r")
    waits = deployment.projection.waits
    with pytest.raises(ResourceDoesNotExist):
        await known.existing(RUNS, "unknown")
    with pytest.raises(ResourceDoesNotExist):
        await known.existing(EXPERIMENTS, 99)
    assert await known.find(LOGGED_MODELS, "m") is None
    assert deployment.projection.waits == waits + 3


async def test_a_known_run_needs_no_read_model(deployment: Deployment) -> None:
    known = deployment.ingest.known
    await active_run(known, "r")
    deployment.projection.is_stuck = True
    waits = deployment.projection.waits
    await active_run(known, "r")
    assert deployment.projection.waits == waits


async def test_an_unknown_run_cannot_be_denied_while_the_projection_is_behind(deployment: Deployment) -> None:
    deployment.projection.is_stuck = True
    with pytest.raises(ProjectionBehind):
        await deployment.ingest.known.existing(RUNS, "r")


async def test_the_first_lookup_sees_a_delete_from_before_a_crash(deployment: Deployment) -> None:
    known = deployment.ingest.known
    await known.existing(RUNS, "r")
    await deployment.append(RunDeleted(run_id="r"))
    with pytest.raises(InvalidParameterValue):
        await active_run(deployment.another_process().known, "r")


async def test_a_run_follows_the_later_lifecycle_change_of_itself_and_its_experiment(deployment: Deployment) -> None:
    for event, active in (
        (ExperimentDeleted(experiment_id=1), False),
        (RunRestored(run_id="r"), True),
        (RunDeleted(run_id="r"), False),
        (ExperimentRestored(experiment_id=1), True),
    ):
        await deployment.append(event)
        fresh = deployment.another_process().known
        if active:
            await active_run(fresh, "r")
        else:
            with pytest.raises(InvalidParameterValue):
                await active_run(fresh, "r")


@pytest.mark.parametrize("shared", [False, True])
async def test_an_own_change_counts_at_once(deployment: Deployment, shared: bool) -> None:
    ingest = deployment.another_process(shared=shared)
    await active_run(ingest.known, "r")
    await ingest.runs.delete(DeleteRun(run_id="r"), ANN, "q")
    with pytest.raises(InvalidParameterValue):
        await active_run(ingest.known, "r")
    await ingest.runs.restore(RestoreRun(run_id="r"), ANN, "q")
    await active_run(ingest.known, "r")


async def test_a_lookup_during_a_change_is_not_kept(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have read what was before, and come back after the change was acknowledged."""
    ingest = deployment.another_process()
    await ingest.known.catch_up()
    ask, answered, may_answer = deployment.projection.one, asyncio.Event(), asyncio.Event()

    async def slow_ask(lookup: Lookup[KnownRun], *parameters: Parameter) -> KnownRun | None:
        found = await ask(lookup, *parameters)
        answered.set()
        await may_answer.wait()
        return found

    monkeypatch.setattr(deployment.projection, "one", slow_ask)
    early = asyncio.create_task(ingest.known.existing(RUNS, "r"))
    await answered.wait()
    monkeypatch.setattr(deployment.projection, "one", ask)
    await ingest.runs.delete(DeleteRun(run_id="r"), ANN, "q")
    may_answer.set()
    assert (await early).active, "it began before the delete was acknowledged"
    assert not (await ingest.known.existing(RUNS, "r")).active


async def test_a_run_of_unknown_outcome_is_looked_up_again_after_a_wait(deployment: Deployment) -> None:
    known = deployment.ingest.known
    await known.existing(RUNS, "r")
    await deployment.append(RunDeleted(run_id="r"))
    assert (await known.existing(RUNS, "r")).active, "the only writer need not ask"
    known.invalidate_unprojected(RUNS, "r")
    assert not (await known.existing(RUNS, "r")).active


async def test_where_a_log_is_shared_a_lifecycle_is_not_decided_on_what_is_known_of_an_experiment(
    deployment: Deployment,
) -> None:
    """Another process restored the experiment a moment ago: this delete comes after it, and holds."""
    ingest = deployment.another_process(shared=True)
    await active_run(ingest.known, "r")
    await deployment.append(ExperimentDeleted(experiment_id=1))
    await deployment.append(ExperimentRestored(experiment_id=1))
    await ingest.runs.delete(DeleteRun(run_id="r"), ANN, "q")
    assert (await deployment.events())[-1] == RunDeleted(run_id="r", experiment_revision=2)
    assert (await deployment.another_process().known.existing(EXPERIMENTS, 1)).active
    with pytest.raises(InvalidParameterValue):
        await active_run(deployment.another_process().known, "r")


async def test_an_experiment_that_another_process_restored_a_moment_ago_can_be_deleted_and_renamed(
    deployment: Deployment,
) -> None:
    ingest = deployment.another_process(shared=True)
    await deployment.append(ExperimentDeleted(experiment_id=1))
    assert not (await ingest.known.existing(EXPERIMENTS, 1)).active
    await deployment.append(ExperimentRestored(experiment_id=1))
    await ingest.experiments.rename(UpdateExperiment(experiment_id="1", new_name="x"), ANN, "q")
    await ingest.experiments.delete(DeleteExperiment(experiment_id="1"), ANN, "q")
    with pytest.raises(InvalidParameterValue):
        await active_run(ingest.known, "r")


async def test_the_only_writer_decides_on_what_it_knows(deployment: Deployment) -> None:
    ingest = deployment.another_process()
    await active_run(ingest.known, "r")
    waits = deployment.projection.waits
    await ingest.known.current(EXPERIMENTS, 1)
    assert deployment.projection.waits == waits


async def test_a_lifecycle_command_waits_for_what_was_acknowledged_elsewhere(deployment: Deployment) -> None:
    ingest = deployment.another_process(shared=True)
    await active_run(ingest.known, "r")
    await deployment.append(ExperimentDeleted(experiment_id=1))
    deployment.projection.is_stuck = True
    before = await deployment.count()
    with pytest.raises(ProjectionBehind):
        await ingest.runs.restore(RestoreRun(run_id="r"), ANN, "q")
    assert await deployment.count() == before


async def test_changes_of_other_processes_are_seen_within_an_age(deployment: Deployment) -> None:
    known = deployment.another_process(shared=True).known
    await active_run(known, "r")
    await deployment.append(RunDeleted(run_id="r"))
    await known.catch_up()
    await active_run(known, "r")
    deployment.now_s += MAX_AGE_S + 0.01
    with pytest.raises(InvalidParameterValue):
        await active_run(known, "r")


async def test_while_the_read_model_is_away_known_runs_take_writes_and_requests_about_others_are_to_be_repeated(
    deployment: Deployment,
) -> None:
    known = deployment.another_process(shared=True).known
    await active_run(known, "r")
    deployment.projection.is_away = True
    for _ in range(60):
        deployment.now_s += MAX_AGE_S + 0.01
        await active_run(known, "r")
    with pytest.raises(TemporarilyUnavailable):
        await known.existing(RUNS, "unknown")


async def test_while_the_read_model_is_away_it_is_asked_seldom(deployment: Deployment) -> None:
    known = deployment.another_process(shared=True).known
    await active_run(known, "r")
    deployment.projection.is_away = True
    deployment.now_s += MAX_AGE_S + 0.01
    asked = deployment.projection.asked
    for _ in range(100):
        await active_run(known, "r")
    assert deployment.projection.asked <= asked + 2


async def test_of_many_writes_to_an_old_entry_one_asks_the_read_model(deployment: Deployment) -> None:
    known = deployment.another_process(shared=True).known
    await known.existing(RUNS, "r")
    deployment.now_s += MAX_AGE_S + 0.01
    asked = deployment.projection.asked
    await asyncio.gather(*(known.existing(RUNS, "r") for _ in range(32)))
    assert deployment.projection.asked == asked + 1


async def test_when_the_read_model_is_back_what_others_did_meanwhile_counts(deployment: Deployment) -> None:
    known = deployment.another_process(shared=True).known
    await active_run(known, "r")
    deployment.projection.is_away = True
    deployment.now_s += MAX_AGE_S + 0.01
    await active_run(known, "r")
    await deployment.append(RunDeleted(run_id="r"))
    deployment.projection.is_away = False
    await known.catch_up()
    deployment.now_s += RETRY_S + 0.01
    with pytest.raises(InvalidParameterValue):
        await active_run(known, "r")


async def test_that_a_logged_model_exists_is_asked_again_where_a_log_is_shared(deployment: Deployment) -> None:
    known = deployment.another_process(shared=True).known
    await deployment.append(LoggedModelCreated(model_id="m", experiment_id=1, name="n", artifact_location="a"))
    assert await known.find(LOGGED_MODELS, "m") is not None
    asked = deployment.projection.asked
    assert await known.find(LOGGED_MODELS, "m") is not None
    assert deployment.projection.asked == asked
    deployment.now_s += MAX_AGE_S + 0.01
    assert await known.find(LOGGED_MODELS, "m") is not None
    assert deployment.projection.asked == asked + 1


async def test_what_is_gone_from_the_read_model_is_not_known_any_more(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = deployment.another_process(shared=True).known
    await known.existing(RUNS, "r")

    async def find_nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(deployment.projection, "one", find_nothing)
    deployment.now_s += MAX_AGE_S + 0.01
    for _ in range(2):
        assert await known.find(RUNS, "r") is None


async def test_an_amended_entry_takes_the_place_of_the_one_before(deployment: Deployment) -> None:
    known = deployment.ingest.known
    before = await known.existing(RUNS, "r")
    assert known.amend(RUNS, "r", renumbered, 7) == renumbered(before, 7)
    assert await known.existing(RUNS, "r") == renumbered(before, 7) != before
    assert known.amend(RUNS, "unknown", renumbered, 7) is None


def renumbered(run: KnownRun, revision: int) -> KnownRun:
    return replace(run, experiment_revision=revision)


async def test_a_logged_model_is_known_for_good_to_the_only_writer(deployment: Deployment) -> None:
    known = deployment.ingest.known
    await deployment.append(LoggedModelCreated(model_id="m", experiment_id=1, name="n", artifact_location="a"))
    assert await known.find(LOGGED_MODELS, "m") is not None
    deployment.projection.is_stuck = True
    assert await known.find(LOGGED_MODELS, "m") is not None
