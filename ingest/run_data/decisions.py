"""What commands about the data of a run become: (state, what the command says) -> event, or None where nothing changes.

Each refuses a run that is deleted, by itself or with its experiment, by raising InvalidParameterValue.
"""

from collections.abc import Collection, Mapping
from typing import Final

from ingest.experiments.state import KnownExperiment
from ingest.run_data.content import RunData, RunInputs
from ingest.runs.state import KnownRun, require_active_run
from schemas.errors import BadRequest, InvalidParameterValue, ResourceDoesNotExist
from schemas.events import (
    ModelOutput,
    Param,
    RunDataLogged,
    RunInputsLogged,
    RunModelLogged,
    RunOutputsLogged,
    RunTagDeleted,
)
from schemas.events.runs import RUNS
from schemas.mlflow import RUN_NAME_TAG

NO_PARAMS: Final[Mapping[str, str]] = {}


def log_data(
    data: RunData,
    run: KnownRun,
    experiment: KnownExperiment,
    params: Mapping[str, str] = NO_PARAMS,
    model_ids: Collection[str] = (),
) -> RunDataLogged | None:
    """What of `data` the run does not have yet; None when that is nothing.

    `params` are those of the run among the keys of `data`, `model_ids` the logged models that exist among those which
    its metrics name. Params never change, so a known value that is out of date does not exist.
    Raises InvalidParameterValue when a param has another value already, BadRequest for a metric of no model.
    """
    require_active_run(run, experiment)
    for metric in data.model_metrics:
        if metric.model_id not in model_ids:
            raise BadRequest(f"Logged model '{metric.model_id}', which a metric names, does not exist.")
    new_params = _new_params(data.params, run.run_id, params) if params else data.params
    if not (new_params or data.metrics or data.tags):
        return None
    return RunDataLogged(
        run_id=run.run_id, params=new_params, metrics=data.metrics, model_metrics=data.model_metrics, tags=data.tags
    )


def _new_params(params: list[Param], run_id: str, known: Mapping[str, str]) -> list[Param]:
    for param in params:
        value = known.get(param.key)
        if value is not None and value != param.value:
            raise InvalidParameterValue(
                f"Param '{param.key}' of run '{run_id}' has the value '{value}' already and cannot become"
                f" '{param.value}'. Changing param values is not allowed."
            ).explained(RUNS.stream(run_id))
    return [param for param in params if param.key not in known]


def may_rename(event: RunDataLogged) -> bool:
    """Whether a tag of `event` is the run's name."""
    return any(tag.key == RUN_NAME_TAG for tag in event.tags)


def delete_tag(key: str, run: KnownRun, experiment: KnownExperiment, *, is_set: bool) -> RunTagDeleted:
    """Raises ResourceDoesNotExist when the run has no such tag."""
    require_active_run(run, experiment)
    if not is_set:
        raise ResourceDoesNotExist(f"No tag with name: {key} in run with id {run.run_id}")
    return RunTagDeleted(run_id=run.run_id, key=key)


def log_model(model_json: str, run: KnownRun, experiment: KnownExperiment) -> RunModelLogged:
    """`model_json` is one more element of the list of models in the tag mlflow.log-model.history."""
    require_active_run(run, experiment)
    return RunModelLogged(run_id=run.run_id, model_json=model_json)


def log_inputs(inputs: RunInputs, run: KnownRun, experiment: KnownExperiment) -> RunInputsLogged | None:
    """None when there is no input."""
    require_active_run(run, experiment)
    if not (inputs.datasets or inputs.model_ids):
        return None
    return RunInputsLogged(run_id=run.run_id, datasets=inputs.datasets, model_ids=inputs.model_ids)


def log_outputs(
    models: list[ModelOutput], run: KnownRun, experiment: KnownExperiment, known: Collection[str]
) -> RunOutputsLogged | None:
    """None when there is no output. `known` are those of `models` that are outputs of the run. Raises BadRequest."""
    require_active_run(run, experiment)
    for model_id in known:
        raise BadRequest(f"Model '{model_id}' is an output of run '{run.run_id}' already.")
    if not models:
        return None
    return RunOutputsLogged(run_id=run.run_id, models=models)
