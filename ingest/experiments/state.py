"""What commands know of an experiment."""

from dataclasses import dataclass

from schemas.errors import InvalidParameterValue
from schemas.events.experiments import EXPERIMENTS


@dataclass(frozen=True, slots=True)
class KnownExperiment:
    """An experiment as commands need it.

    `lifecycle_us` is when it was last created, deleted or restored, `lifecycle_revision` how many times the latter two.
    `claim` is by which actor and how it was created (`schemas.claims`), until a request to create it was acknowledged.
    """

    experiment_id: int
    name: str
    artifact_location: str
    active: bool
    lifecycle_us: int
    lifecycle_revision: int
    creation_time_ms: int = 0
    claim: str | None = None


def require_active_experiment(experiment: KnownExperiment) -> None:
    """Raises InvalidParameterValue when the experiment is deleted."""
    if not experiment.active:
        raise InvalidParameterValue(
            f"The experiment {experiment.experiment_id} must be in the 'active' state. Current state is deleted."
        ).explained(EXPERIMENTS.stream(str(experiment.experiment_id)))
