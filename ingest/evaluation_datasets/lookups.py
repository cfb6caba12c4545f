"""What commands ask the read model about evaluation datasets."""

from operator import itemgetter
from typing import Any, Final, NamedTuple

from ingest.admission.lookups import Lookup, Row


class DatasetInfo(NamedTuple):
    """An evaluation dataset as it is answered."""

    dataset_id: str
    name: str
    tags: str
    schema: str | None
    profile: str | None
    digest: str
    created_time_ms: int
    last_update_time_ms: int
    created_by: str | None
    last_updated_by: str | None
    experiment_ids: list[Any]


def _info(row: Row) -> DatasetInfo:
    return DatasetInfo._make((*row, []))


EVALUATION_DATASET: Final = Lookup(
    f"SELECT {', '.join(DatasetInfo._fields[:-1])} FROM evaluation_datasets WHERE dataset_id = $1", _info
)
"""Without its experiments."""

EXPERIMENTS_OF_DATASET: Final[Lookup[int]] = Lookup(
    "SELECT experiment_id FROM evaluation_dataset_experiments WHERE dataset_id = $1 ORDER BY experiment_id",
    itemgetter(0),
)

RECORDS_BETWEEN: Final[Lookup[int]] = Lookup(
    "SELECT count(*) FROM evaluation_dataset_records WHERE dataset_id = $1 AND record_id BETWEEN $2 AND $3",
    itemgetter(0),
)
"""How many records have an id between two, these included."""

RECORDS_NAMED: Final[Lookup[str]] = Lookup(
    "SELECT record_id FROM evaluation_dataset_records WHERE dataset_id = $1 AND record_id = ANY($2) ORDER BY record_id",
    itemgetter(0),
)
