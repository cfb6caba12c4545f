"""Whether a run or an experiment takes writes."""

from ingest.port import ExperimentAtDoor, RunAtDoor
from schemas.errors import InvalidParameterValue


def is_active(run: RunAtDoor, experiment: ExperimentAtDoor) -> bool:
    """The later of the last lifecycle changes of a run and its experiment decides; at one time the experiment's."""
    return run.active if run.lifecycle_us > experiment.lifecycle_us else experiment.active


def require_active_run(run: RunAtDoor, experiment: ExperimentAtDoor) -> None:
    if not is_active(run, experiment):
        raise InvalidParameterValue(f"The run {run.run_id} must be in the 'active' state. Current state is deleted.")


def require_active_experiment(experiment: ExperimentAtDoor) -> None:
    if not experiment.active:
        raise InvalidParameterValue(
            f"The experiment {experiment.experiment_id} must be in the 'active' state. Current state is deleted."
        )
