"""A refusal leads to the history of what refuses it."""

from collections.abc import Awaitable

import pytest

from schemas.errors import TracklogError
from schemas.messages.experiments import CreateExperiment, DeleteExperiment
from schemas.messages.run_data import LogParam
from schemas.messages.runs import CreateRun, DeleteRun
from tests.unit.ingest.doubles import ANN, Deployment


async def explained_by(command: Awaitable[bytes]) -> str:
    with pytest.raises(TracklogError) as refused:
        await command
    return refused.value.explained_by


async def test_what_refuses_a_write_is_explained_by_a_history() -> None:
    deployment = Deployment()
    ingest = deployment.ingest
    await ingest.ensure_default_experiment()
    await ingest.runs.create(CreateRun(experiment_id="0"), ANN, "q")
    run_id = (await deployment.events())[-1].stream_key

    async def log(value: str) -> bytes:
        return await ingest.run_data.log_param(LogParam(run_id=run_id, key="p", value=value), ANN, "q")

    await log("1")
    assert await explained_by(log("2")) == f"run/{run_id}"
    await ingest.runs.delete(DeleteRun(run_id=run_id), ANN, "q")
    assert await explained_by(log("1")) == f"run/{run_id}"
    await ingest.experiments.delete(DeleteExperiment(experiment_id="0"), ANN, "q")
    assert await explained_by(ingest.runs.create(CreateRun(experiment_id="0"), ANN, "q")) == "experiment/0"
    assert (await explained_by(ingest.experiments.create(CreateExperiment(name="Default"), ANN, "q"))) == ""
