"""The experiment that a read of what lies in it names: it has to be active, as MLflow wants it."""

from typing import NamedTuple

from query_api.port import ReadModel
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.experiments import experiment_id_of
from schemas.mlflow import ACTIVE


class ActiveExperiment(NamedTuple):
    experiment_id: int
    creation_time_ms: int


async def active_experiment(read_model: ReadModel, text: str) -> ActiveExperiment:
    """Raises InvalidParameterValue for a deleted experiment, ResourceDoesNotExist for one that there is not."""
    experiment_id = experiment_id_of(text)
    statement = read_model.dialect.statement(
        "SELECT lifecycle_stage, creation_time_ms FROM experiments WHERE experiment_id = $1"
    )
    rows = await read_model.lookup(statement, (experiment_id,))
    if not rows:
        raise ResourceDoesNotExist(f"No Experiment with id={experiment_id} exists")
    [(lifecycle_stage, creation_time_ms)] = rows
    if lifecycle_stage != ACTIVE:
        raise InvalidParameterValue(
            f"The experiment {experiment_id} must be in the 'active' state. Current state is deleted."
        )
    return ActiveExperiment(experiment_id, creation_time_ms)
