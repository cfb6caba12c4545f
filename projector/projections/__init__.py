"""How the events of the log become rows: a projection for each aggregate."""

from typing import Final

from projector.projection import AnyProjection
from projector.projections.access import ACCESS
from projector.projections.artifacts import ARTIFACTS
from projector.projections.evaluation_datasets import EVALUATION_DATASETS
from projector.projections.experiments import EXPERIMENTS
from projector.projections.issues import ISSUES
from projector.projections.label_schemas import LABEL_SCHEMAS
from projector.projections.logged_models import LOGGED_MODELS
from projector.projections.registered_models import REGISTERED_MODELS
from projector.projections.review_queues import REVIEW_QUEUES
from projector.projections.runs import RUNS
from projector.projections.scorers import SCORERS
from projector.projections.traces import TRACES
from projector.projections.users import USERS
from projector.projections.webhooks import WEBHOOKS

PROJECTIONS: Final[tuple[AnyProjection, ...]] = (
    EXPERIMENTS,
    LOGGED_MODELS,
    REGISTERED_MODELS,
    SCORERS,
    EVALUATION_DATASETS,
    ISSUES,
    LABEL_SCHEMAS,
    REVIEW_QUEUES,
    WEBHOOKS,
    USERS,
    ACCESS,
    TRACES,
    ARTIFACTS,
    RUNS,
)
"""A new aggregate registers here. The tables are changed in this order: runs come last, because the last of their rows
are some that other workers may wait for."""

PROJECTION_OF: Final[dict[type, AnyProjection]] = {
    event: projection for projection in PROJECTIONS for event in projection.events
}
"""The projection that folds the events of a class."""
