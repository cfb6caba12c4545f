"""Whether a run or an experiment takes writes."""

from ingest.admission.lookups import ExperimentAtDoor, RunAtDoor
from schemas.errors import InvalidParameterValue


def is_active(run: RunAtDoor, experiment: ExperimentAtDoor) -> bool:
    """A run's own stage counts, unless its experiment was deleted or restored after what the run's writer had seen.

    Where that was not noted, the later of their last changes counts, and at one time the experiment's.
    """
    if run.experiment_revision is None:
        return run.active if run.lifecycle_us > experiment.lifecycle_us else experiment.active
    return run.active if run.experiment_revision >= experiment.lifecycle_revision else experiment.active


def require_active_run(run: RunAtDoor, experiment: ExperimentAtDoor) -> None:
    if not is_active(run, experiment):
        raise InvalidParameterValue(f"The run {run.run_id} must be in the 'active' state. Current state is deleted.")


def require_active_experiment(experiment: ExperimentAtDoor) -> None:
    if not experiment.active:
        raise InvalidParameterValue(
            f"The experiment {experiment.experiment_id} must be in the 'active' state. Current state is deleted."
        )
