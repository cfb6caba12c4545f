"""Commands about experiments, on a log in memory."""

import asyncio

import orjson
import pytest

from ingest.experiments.lookups import EXPERIMENT_NAMED, EXPERIMENTS, LAST_EXPERIMENT_ID
from read_model.progress import EventInLog, ProjectionBehind
from schemas.envelope import SYSTEM
from schemas.errors import (
    BadRequest,
    InvalidParameterValue,
    InvalidState,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
    TracklogError,
)
from schemas.events import (
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentRenamed,
    ExperimentRestored,
    ExperimentTagDeleted,
    ExperimentTagSet,
    RunCreated,
)
from schemas.messages.experiments import (
    CreateExperiment,
    DeleteExperiment,
    DeleteExperimentTag,
    RestoreExperiment,
    SetExperimentTag,
    UpdateExperiment,
)
from schemas.messages.run_data import LogMetric
from schemas.messages.runs import CreateRun, RestoreRun
from tests.unit.ingest.doubles import ANN, House


@pytest.fixture
def house() -> House:
    return House()


async def create(house: House, name: str) -> str:
    answer = await house.ingest.experiments.create(CreateExperiment(name=name), ANN, "q")
    return str(orjson.loads(answer)["experiment_id"])


async def create_run_elsewhere(house: House) -> None:
    await house.append(RunCreated(run_id="r", experiment_id=0, name="n", user_id="", start_time_ms=0, artifact_uri="a"))


async def test_the_default_experiment_is_made_once_and_by_the_system(house: House) -> None:
    await house.ingest.ensure_default_experiment()
    await house.ingest.ensure_default_experiment()
    await house.another_process().ensure_default_experiment()
    assert await house.events() == [
        ExperimentCreated(experiment_id=0, name="Default", artifact_location="mlflow-artifacts:/0")
    ]
    (recorded,) = await house.log.read(0, 0, limit=1)
    assert recorded.actor == SYSTEM


async def test_two_processes_that_start_together_make_one_default_experiment(house: House) -> None:
    await asyncio.gather(house.ingest.ensure_default_experiment(), house.another_process().ensure_default_experiment())
    await house.ingest.known.catch_up()
    assert (await house.projection.one(LAST_EXPERIMENT_ID)) == 0


async def test_a_log_with_events_starts_without_a_read_model(house: House) -> None:
    await house.ingest.ensure_default_experiment()
    house.projection.is_stuck = True
    await create_run_elsewhere(house)
    await house.another_process().ensure_default_experiment()
    assert await house.count() == 2


async def test_a_deleted_default_experiment_is_not_made_again(house: House) -> None:
    await house.ingest.ensure_default_experiment()
    await house.ingest.experiments.delete(DeleteExperiment(experiment_id="0"), ANN, "q")
    await house.another_process().ensure_default_experiment()
    assert await house.count() == 2


async def test_ids_count_up(house: House) -> None:
    await house.ingest.ensure_default_experiment()
    assert [await create(house, name) for name in ("a", "b")] == ["1", "2"]
    assert (await house.projection.one(EXPERIMENT_NAMED, "b")) == await house.projection.one(EXPERIMENTS.lookup, 2)


async def test_a_taken_name_is_refused_before_anything_is_appended(house: House) -> None:
    await create(house, "a")
    before = await house.count()
    with pytest.raises(ResourceAlreadyExists):
        await create(house, "a")
    assert await house.count() == before


async def test_concurrent_creates_of_one_name_have_one_winner(house: House) -> None:
    answers = await asyncio.gather(*(create(house, "a") for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(answer, str) for answer in answers) == 1
    assert sum(isinstance(answer, ResourceAlreadyExists) for answer in answers) == 9


async def test_an_id_that_another_process_took_meanwhile_is_replaced(house: House) -> None:
    # Both looked before either appended: with the same id, and with different names.
    other = house.another_process()
    await house.append(ExperimentCreated(experiment_id=0, name="theirs", artifact_location="a"))
    answer = await other.experiments.create(CreateExperiment(name="ours"), ANN, "q")
    assert orjson.loads(answer) == {"experiment_id": "1"}


async def test_a_relative_location_is_seen_from_the_servers_folder(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.service.os.getcwd", lambda: "/srv")
    await house.another_process().experiments.create(CreateExperiment(name="a", artifact_location="x/y"), ANN, "q")
    found = await house.projection.one(EXPERIMENTS.lookup, 0)
    assert found is not None
    assert found.artifact_location == "/srv/x/y"


async def test_rename_frees_the_old_name_and_takes_the_new(house: House) -> None:
    experiment_id = await create(house, "a")
    assert (
        await house.ingest.experiments.rename(UpdateExperiment(experiment_id=experiment_id, new_name="b"), ANN, "q")
        == b"{}"
    )
    assert (await house.events())[-1] == ExperimentRenamed(experiment_id=0, name="b")
    await create(house, "a")
    with pytest.raises(BadRequest):
        await house.ingest.experiments.rename(UpdateExperiment(experiment_id=experiment_id, new_name="a"), ANN, "q")


async def test_concurrent_renames_to_one_name_have_one_winner(house: House) -> None:
    ids = [await create(house, f"e{number}") for number in range(5)]
    answers = await asyncio.gather(
        *(house.ingest.experiments.rename(UpdateExperiment(experiment_id=one, new_name="x"), ANN, "q") for one in ids),
        return_exceptions=True,
    )
    assert answers.count(b"{}") == 1
    assert sum(isinstance(answer, BadRequest) for answer in answers) == 4


async def test_delete_and_restore_need_the_other_state(house: House) -> None:
    experiment_id = await create(house, "a")
    experiments = house.ingest.experiments
    with pytest.raises(ResourceDoesNotExist):
        await experiments.restore(RestoreExperiment(experiment_id=experiment_id), ANN, "q")
    await experiments.delete(DeleteExperiment(experiment_id=experiment_id), ANN, "q")
    with pytest.raises(ResourceDoesNotExist):
        await experiments.delete(DeleteExperiment(experiment_id=experiment_id), ANN, "q")
    with pytest.raises(InvalidState):
        await experiments.rename(UpdateExperiment(experiment_id=experiment_id, new_name="b"), ANN, "q")
    await experiments.restore(RestoreExperiment(experiment_id=experiment_id), ANN, "q")
    assert (await house.events())[2:] == [ExperimentDeleted(experiment_id=0), ExperimentRestored(experiment_id=0)]


async def test_a_deleted_experiment_closes_its_runs_and_a_restored_run_opens_alone(house: House) -> None:
    experiment_id = await create(house, "a")
    runs, run_data = house.ingest.runs, house.ingest.run_data
    run_ids = [
        orjson.loads(await runs.create(CreateRun(experiment_id=experiment_id), ANN, "q"))["run"]["info"]["run_id"]
        for _ in range(2)
    ]

    async def takes_writes(run_id: str) -> bool:
        try:
            await run_data.log_metric(LogMetric(run_id=run_id, key="m", value=1.0, timestamp=1), ANN, "q")
        except InvalidParameterValue:
            return False
        return True

    await house.ingest.experiments.delete(DeleteExperiment(experiment_id=experiment_id), ANN, "q")
    assert [await takes_writes(run_id) for run_id in run_ids] == [False, False]
    with pytest.raises(InvalidParameterValue):
        await runs.create(CreateRun(experiment_id=experiment_id), ANN, "q")
    await runs.restore(RestoreRun(run_id=run_ids[0]), ANN, "q")
    assert [await takes_writes(run_id) for run_id in run_ids] == [True, False]
    await house.ingest.experiments.restore(RestoreExperiment(experiment_id=experiment_id), ANN, "q")
    assert [await takes_writes(run_id) for run_id in run_ids] == [True, True]


async def test_tags_are_set_and_deleted(house: House) -> None:
    experiment_id = await create(house, "a")
    experiments = house.ingest.experiments
    await experiments.set_tag(SetExperimentTag(experiment_id=experiment_id, key="k", value="v"), ANN, "q")
    await experiments.delete_tag(DeleteExperimentTag(experiment_id=experiment_id, key="k"), ANN, "q")
    with pytest.raises(ResourceDoesNotExist):
        await experiments.delete_tag(DeleteExperimentTag(experiment_id=experiment_id, key="k"), ANN, "q")
    assert (await house.events())[2:] == [
        ExperimentTagSet(experiment_id=0, key="k", value="v"),
        ExperimentTagDeleted(experiment_id=0, key="k"),
    ]


async def test_a_fifty_first_saved_view_is_refused(house: House) -> None:
    experiment_id = await create(house, "a")
    for number in range(50):
        key = f"mlflow.customView.view.{number}"
        await house.ingest.experiments.set_tag(SetExperimentTag(experiment_id=experiment_id, key=key), ANN, "q")
    with pytest.raises(InvalidParameterValue):
        await house.ingest.experiments.set_tag(
            SetExperimentTag(experiment_id=experiment_id, key="mlflow.customView.view.50"), ANN, "q"
        )


@pytest.mark.parametrize(
    ("experiment_id", "error"),
    [
        ("99", ResourceDoesNotExist),
        ("-1", ResourceDoesNotExist),
        ("9" * 40, ResourceDoesNotExist),
        ("abc", InvalidParameterValue),
    ],
)
async def test_an_unknown_experiment_is_refused_and_leaves_no_event(
    house: House, experiment_id: str, error: type[TracklogError]
) -> None:
    experiments = house.ingest.experiments
    for command in (
        experiments.rename(UpdateExperiment(experiment_id=experiment_id, new_name="b"), ANN, "q"),
        experiments.delete(DeleteExperiment(experiment_id=experiment_id), ANN, "q"),
        experiments.restore(RestoreExperiment(experiment_id=experiment_id), ANN, "q"),
        experiments.set_tag(SetExperimentTag(experiment_id=experiment_id, key="k"), ANN, "q"),
        experiments.delete_tag(DeleteExperimentTag(experiment_id=experiment_id, key="k"), ANN, "q"),
        house.ingest.runs.create(CreateRun(experiment_id=experiment_id), ANN, "q"),
    ):
        with pytest.raises(error):
            await command
    assert await house.count() == 0


async def test_a_delete_whose_verdict_is_late_is_believed_once_the_projection_has_it(house: House) -> None:
    experiment_id = await create(house, "a")
    house.projection.is_stuck = True
    with pytest.raises(EventInLog):
        await house.ingest.experiments.delete(DeleteExperiment(experiment_id=experiment_id), ANN, "q")
    with pytest.raises(ProjectionBehind):
        await house.ingest.runs.create(CreateRun(experiment_id=experiment_id), ANN, "q")
    house.projection.is_stuck = False
    with pytest.raises(InvalidParameterValue):
        await house.ingest.runs.create(CreateRun(experiment_id=experiment_id), ANN, "q")
