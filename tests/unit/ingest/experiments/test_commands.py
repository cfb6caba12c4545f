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
from tests.unit.ingest.doubles import ANN, Deployment


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


async def create(deployment: Deployment, name: str) -> str:
    answer = await deployment.ingest.experiments.create(CreateExperiment(name=name), ANN, "q")
    return str(orjson.loads(answer)["experiment_id"])


async def create_run_elsewhere(deployment: Deployment) -> None:
    await deployment.append(
        RunCreated(run_id="r", experiment_id=0, name="n", user_id="", start_time_ms=0, artifact_uri="a")
    )


async def test_the_default_experiment_is_made_once_and_by_the_system(deployment: Deployment) -> None:
    await deployment.ingest.ensure_default_experiment()
    await deployment.ingest.ensure_default_experiment()
    await deployment.another_process().ensure_default_experiment()
    assert await deployment.events() == [
        ExperimentCreated(experiment_id=0, name="Default", artifact_location="mlflow-artifacts:/0")
    ]
    (recorded,) = await deployment.log.read(0, 0, limit=1)
    assert recorded.actor == SYSTEM


async def test_two_processes_that_start_together_make_one_default_experiment(deployment: Deployment) -> None:
    await asyncio.gather(
        deployment.ingest.ensure_default_experiment(), deployment.another_process().ensure_default_experiment()
    )
    await deployment.ingest.known.catch_up()
    assert (await deployment.projection.one(LAST_EXPERIMENT_ID)) == 0


async def test_a_log_with_events_starts_without_a_read_model(deployment: Deployment) -> None:
    await deployment.ingest.ensure_default_experiment()
    deployment.projection.is_stuck = True
    await create_run_elsewhere(deployment)
    await deployment.another_process().ensure_default_experiment()
    assert await deployment.count() == 2


async def test_a_deleted_default_experiment_is_not_made_again(deployment: Deployment) -> None:
    await deployment.ingest.ensure_default_experiment()
    await deployment.ingest.experiments.delete(DeleteExperiment(experiment_id="0"), ANN, "q")
    await deployment.another_process().ensure_default_experiment()
    assert await deployment.count() == 2


async def test_ids_count_up(deployment: Deployment) -> None:
    await deployment.ingest.ensure_default_experiment()
    assert [await create(deployment, name) for name in ("a", "b")] == ["1", "2"]
    assert (await deployment.projection.one(EXPERIMENT_NAMED, "b")) == await deployment.projection.one(
        EXPERIMENTS.lookup, 2
    )


async def test_a_taken_name_is_refused_before_anything_is_appended(deployment: Deployment) -> None:
    await create(deployment, "a")
    before = await deployment.count()
    with pytest.raises(ResourceAlreadyExists):
        await create(deployment, "a")
    assert await deployment.count() == before


async def test_concurrent_creates_of_one_name_have_one_winner(deployment: Deployment) -> None:
    answers = await asyncio.gather(*(create(deployment, "a") for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(answer, str) for answer in answers) == 1
    assert sum(isinstance(answer, ResourceAlreadyExists) for answer in answers) == 9


async def test_an_id_that_another_process_took_meanwhile_is_replaced(deployment: Deployment) -> None:
    # Both looked before either appended: with the same id, and with different names.
    other = deployment.another_process()
    await deployment.append(ExperimentCreated(experiment_id=0, name="theirs", artifact_location="a"))
    answer = await other.experiments.create(CreateExperiment(name="ours"), ANN, "q")
    assert orjson.loads(answer) == {"experiment_id": "1"}


async def test_a_relative_location_is_seen_from_the_servers_folder(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.service.os.getcwd", lambda: "/srv")
    await deployment.another_process().experiments.create(CreateExperiment(name="a", artifact_location="x/y"), ANN, "q")
    found = await deployment.projection.one(EXPERIMENTS.lookup, 0)
    assert found is not None
    assert found.artifact_location == "/srv/x/y"


async def test_rename_frees_the_old_name_and_takes_the_new(deployment: Deployment) -> None:
    experiment_id = await create(deployment, "a")
    assert (
        await deployment.ingest.experiments.rename(
            UpdateExperiment(experiment_id=experiment_id, new_name="b"), ANN, "q"
        )
        == b"{}"
    )
    assert (await deployment.events())[-1] == ExperimentRenamed(experiment_id=0, name="b")
    await create(deployment, "a")
    with pytest.raises(BadRequest):
        await deployment.ingest.experiments.rename(
            UpdateExperiment(experiment_id=experiment_id, new_name="a"), ANN, "q"
        )


async def test_concurrent_renames_to_one_name_have_one_winner(deployment: Deployment) -> None:
    ids = [await create(deployment, f"e{number}") for number in range(5)]
    answers = await asyncio.gather(
        *(
            deployment.ingest.experiments.rename(UpdateExperiment(experiment_id=one, new_name="x"), ANN, "q")
            for one in ids
        ),
        return_exceptions=True,
    )
    assert answers.count(b"{}") == 1
    assert sum(isinstance(answer, BadRequest) for answer in answers) == 4


async def test_delete_and_restore_need_the_other_state(deployment: Deployment) -> None:
    experiment_id = await create(deployment, "a")
    experiments = deployment.ingest.experiments
    with pytest.raises(ResourceDoesNotExist):
        await experiments.restore(RestoreExperiment(experiment_id=experiment_id), ANN, "q")
    await experiments.delete(DeleteExperiment(experiment_id=experiment_id), ANN, "q")
    with pytest.raises(ResourceDoesNotExist):
        await experiments.delete(DeleteExperiment(experiment_id=experiment_id), ANN, "q")
    with pytest.raises(InvalidState):
        await experiments.rename(UpdateExperiment(experiment_id=experiment_id, new_name="b"), ANN, "q")
    await experiments.restore(RestoreExperiment(experiment_id=experiment_id), ANN, "q")
    assert (await deployment.events())[2:] == [ExperimentDeleted(experiment_id=0), ExperimentRestored(experiment_id=0)]


async def test_a_deleted_experiment_closes_its_runs_and_a_restored_run_opens_alone(deployment: Deployment) -> None:
    experiment_id = await create(deployment, "a")
    runs, run_data = deployment.ingest.runs, deployment.ingest.run_data
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

    await deployment.ingest.experiments.delete(DeleteExperiment(experiment_id=experiment_id), ANN, "q")
    assert [await takes_writes(run_id) for run_id in run_ids] == [False, False]
    with pytest.raises(InvalidParameterValue):
        await runs.create(CreateRun(experiment_id=experiment_id), ANN, "q")
    await runs.restore(RestoreRun(run_id=run_ids[0]), ANN, "q")
    assert [await takes_writes(run_id) for run_id in run_ids] == [True, False]
    await deployment.ingest.experiments.restore(RestoreExperiment(experiment_id=experiment_id), ANN, "q")
    assert [await takes_writes(run_id) for run_id in run_ids] == [True, True]


async def test_tags_are_set_and_deleted(deployment: Deployment) -> None:
    experiment_id = await create(deployment, "a")
    experiments = deployment.ingest.experiments
    await experiments.set_tag(SetExperimentTag(experiment_id=experiment_id, key="k", value="v"), ANN, "q")
    await experiments.delete_tag(DeleteExperimentTag(experiment_id=experiment_id, key="k"), ANN, "q")
    with pytest.raises(ResourceDoesNotExist):
        await experiments.delete_tag(DeleteExperimentTag(experiment_id=experiment_id, key="k"), ANN, "q")
    assert (await deployment.events())[2:] == [
        ExperimentTagSet(experiment_id=0, key="k", value="v"),
        ExperimentTagDeleted(experiment_id=0, key="k"),
    ]


async def test_a_fifty_first_saved_view_is_refused(deployment: Deployment) -> None:
    experiment_id = await create(deployment, "a")
    for number in range(50):
        key = f"mlflow.customView.view.{number}"
        await deployment.ingest.experiments.set_tag(SetExperimentTag(experiment_id=experiment_id, key=key), ANN, "q")
    with pytest.raises(InvalidParameterValue):
        await deployment.ingest.experiments.set_tag(
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
    deployment: Deployment, experiment_id: str, error: type[TracklogError]
) -> None:
    experiments = deployment.ingest.experiments
    for command in (
        experiments.rename(UpdateExperiment(experiment_id=experiment_id, new_name="b"), ANN, "q"),
        experiments.delete(DeleteExperiment(experiment_id=experiment_id), ANN, "q"),
        experiments.restore(RestoreExperiment(experiment_id=experiment_id), ANN, "q"),
        experiments.set_tag(SetExperimentTag(experiment_id=experiment_id, key="k"), ANN, "q"),
        experiments.delete_tag(DeleteExperimentTag(experiment_id=experiment_id, key="k"), ANN, "q"),
        deployment.ingest.runs.create(CreateRun(experiment_id=experiment_id), ANN, "q"),
    ):
        with pytest.raises(error):
            await command
    assert await deployment.count() == 0


async def test_a_delete_whose_verdict_is_late_is_believed_once_the_projection_has_it(deployment: Deployment) -> None:
    experiment_id = await create(deployment, "a")
    deployment.projection.is_stuck = True
    with pytest.raises(EventInLog):
        await deployment.ingest.experiments.delete(DeleteExperiment(experiment_id=experiment_id), ANN, "q")
    with pytest.raises(ProjectionBehind):
        await deployment.ingest.runs.create(CreateRun(experiment_id=experiment_id), ANN, "q")
    deployment.projection.is_stuck = False
    with pytest.raises(InvalidParameterValue):
        await deployment.ingest.runs.create(CreateRun(experiment_id=experiment_id), ANN, "q")
