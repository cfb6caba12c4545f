"""What the command that brings events in asks the read model."""

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from ingest.admission.lookups import Lookup
from ingest.evaluation_datasets.lookups import EVALUATION_DATASET
from ingest.issues.commands import ISSUE
from ingest.label_schemas.commands import LABEL_SCHEMA
from ingest.review_queues.commands import REVIEW_QUEUE
from ingest.scorers.lookups import SCORER_ID
from ingest.traces.lookups import TRACE
from schemas.errors import TracklogError
from schemas.events.evaluation_datasets import EVALUATION_DATASETS
from schemas.events.event import StreamKind
from schemas.events.issues import ISSUES
from schemas.events.label_schemas import LABEL_SCHEMAS
from schemas.events.review_queues import REVIEW_QUEUES
from schemas.events.scorers import SCORERS
from schemas.events.traces import TRACES
from schemas.messages.evaluation_datasets import evaluation_dataset_not_found
from schemas.messages.issues import issue_not_found
from schemas.messages.label_schemas import label_schema_not_found
from schemas.messages.review_queues import review_queue_not_found
from schemas.messages.scorers import scorer_not_found
from schemas.traces import trace_not_found


def _no_scorer(reference: str) -> TracklogError:
    experiment_id, _, name = reference.partition("/")
    return scorer_not_found(int(experiment_id), unquote(name))


class FoldedImport(NamedTuple):
    """An imported event that is there; `error_code` and `message` are what the fold refused it with."""

    event_id: str
    error_code: str | None
    message: str | None


IMPORTED_EVENTS: Final[Lookup[FoldedImport]] = Lookup(
    "SELECT event_id, error_code, message FROM imported_events WHERE event_id = ANY($1)",
    lambda row: FoldedImport(*row),
)
"""Those of a list of ids, in hexadecimal, that are there."""

NUMBERS: Final[Lookup[tuple[str, int]]] = Lookup(
    "SELECT version_id, version FROM model_versions WHERE version_id = ANY($1)", itemgetter(0, 1)
)
"""The numbers of versions of registered models, by version ids."""

LOOKED_UP: Final[Mapping[StreamKind, tuple[Lookup[Any], Callable[[str], TracklogError]]]] = {
    TRACES: (TRACE, trace_not_found),
    SCORERS: (SCORER_ID, _no_scorer),
    EVALUATION_DATASETS: (EVALUATION_DATASET, evaluation_dataset_not_found),
    ISSUES: (ISSUE, issue_not_found),
    LABEL_SCHEMAS: (LABEL_SCHEMA, label_schema_not_found),
    REVIEW_QUEUES: (REVIEW_QUEUE, review_queue_not_found),
}
"""How what no cache holds is found by the key of its stream, and the error where it is not there."""
