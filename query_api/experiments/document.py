"""An experiment, whatever its lifecycle stage, as the body of its routes."""

from typing import Final

from query_api.documents import KeyedDocument
from query_api.port import ReadModel
from schemas.documents.experiments import EXPERIMENT
from schemas.errors import ResourceDoesNotExist
from schemas.messages.experiments import GetExperiment, GetExperimentByName, experiment_id_of

EXPERIMENT_BY_ID: Final = KeyedDocument("experiment", EXPERIMENT, key="experiment_id")

EXPERIMENT_BY_NAME: Final = KeyedDocument("experiment", EXPERIMENT, key="name")


async def get_experiment(read_model: ReadModel, wanted: GetExperiment) -> bytes:
    """`{"experiment": …}`. Raises ResourceDoesNotExist, or InvalidParameterValue for an id that is no number."""
    found = await read_model.document(EXPERIMENT_BY_ID, experiment_id_of(wanted.experiment_id))
    if found is None:
        raise ResourceDoesNotExist(f"No Experiment with id={wanted.experiment_id} exists")
    return found


async def get_experiment_by_name(read_model: ReadModel, wanted: GetExperimentByName) -> bytes:
    """`{"experiment": …}`. Raises ResourceDoesNotExist."""
    found = await read_model.document(EXPERIMENT_BY_NAME, wanted.experiment_name)
    if found is None:
        raise ResourceDoesNotExist(f"Could not find experiment with name '{wanted.experiment_name}'")
    return found
