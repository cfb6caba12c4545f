"""Where the values of runs lie in the read model, in every dialect."""

from typing import Final

from query_api.filter.conditions import Condition
from query_api.filter.vocabulary import Comparator, Entity

TABLES: Final = {Entity.METRIC: "latest_metrics", Entity.PARAM: "params", Entity.TAG: "tags"}
"""What a run has by key: rows (run_number, key, value, experiment_id), and an index by experiment, key and value."""

COLUMNS: Final = {
    "status": "r.status",
    "artifact_uri": "r.artifact_uri",
    "user_id": "r.user_id",
    "run_id": "r.run_id",
    "start_time": "r.start_time_ms",
    "end_time": "r.end_time_ms",
}

NEGATED: Final = frozenset({Comparator.IS_NULL})
PRESENCE: Final = frozenset({Comparator.IS_NULL, Comparator.IS_NOT_NULL})


def lists_runs(condition: Condition) -> bool:
    """Whether the condition names its runs one by one: a search never has a better start."""
    return condition.name == "run_id" and condition.comparator in (Comparator.EQUAL, Comparator.IN)
