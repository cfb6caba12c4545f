"""What commands ask the read model about experiments."""

from operator import itemgetter
from typing import Final

from ingest.admission.known_entities import EntityKind
from ingest.admission.lookups import Lookup, Row
from ingest.experiments.state import KnownExperiment
from schemas.errors import ResourceDoesNotExist
from schemas.events import EXPERIMENTS_ORDERING_UNIT
from schemas.mlflow import ACTIVE

_EXPERIMENT: Final = (
    "SELECT experiment_id, name, artifact_location, lifecycle_stage, lifecycle_us, lifecycle_revision,"
    " creation_time_ms, claim FROM experiments"
)


def _experiment(row: Row) -> KnownExperiment:
    return KnownExperiment(row[0], row[1], row[2], row[3] == ACTIVE, row[4], row[5], row[6], row[7])


def _not_found(experiment_id: int) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"No Experiment with id={experiment_id} exists")


EXPERIMENTS: Final = EntityKind(
    lookup=Lookup(f"{_EXPERIMENT} WHERE experiment_id = $1", _experiment),
    not_found=_not_found,
    ordering_unit=EXPERIMENTS_ORDERING_UNIT,
)
"""Known by their ids."""

EXPERIMENT_NAMED: Final = Lookup(f"{_EXPERIMENT} WHERE name = $1", _experiment)

LAST_EXPERIMENT_ID: Final[Lookup[int | None]] = Lookup("SELECT max(experiment_id) FROM experiments", itemgetter(0))
"""The highest there is, None before the first."""

EXPERIMENT_TAG: Final[Lookup[str]] = Lookup(
    "SELECT key FROM experiment_tags WHERE experiment_id = $1 AND key = $2", itemgetter(0)
)

EXPERIMENT_TAG_KEYS: Final[Lookup[str]] = Lookup(
    "SELECT key FROM experiment_tags WHERE experiment_id = $1 AND substr(key, 1, $2) = $3", itemgetter(0)
)
"""By the length of a prefix, and the prefix itself."""
