"""Where the values that a search of runs tests and sorts by lie in the read model, in every dialect."""

from collections.abc import Sequence
from typing import Final

from query_api.filter.conditions import OrderTerm
from query_api.filter.sort_columns import SortColumn
from query_api.filter.vocabulary import Entity

TABLES: Final = {Entity.METRIC: "latest_metrics", Entity.PARAM: "params", Entity.TAG: "tags"}
"""What a run has by key: rows (run_number, key, value, experiment_id), and an index by experiment, key and value."""

COLUMNS: Final = {
    "status": "r.status",
    "artifact_uri": "r.artifact_uri",
    "user_id": "r.user_id",
    "run_id": "r.run_id",
    "run_name": "r.name",
    "start_time": "r.start_time_ms",
    "end_time": "r.end_time_ms",
}
"""Of the row `r` of a run, by attribute."""


def sort_columns(order: Sequence[OrderTerm]) -> list[SortColumn]:
    """The columns of the order as `sort_kinds` lays out sort values, of the row `r` and a row `o<i>` for the i-th term.

    A value that may be missing comes after a rank, which puts it last.
    """
    columns: list[SortColumn] = []
    for number, term in enumerate(order):
        for expression, descending in _expressions(term, f"o{number}"):
            columns.append(SortColumn(f"k{len(columns)}", expression, descending))
    return columns


def _expressions(term: OrderTerm, row: str) -> list[tuple[str, bool]]:
    match term.entity:
        case Entity.ATTRIBUTE if term.name == "end_time":
            rank = "CASE WHEN r.end_time_ms IS NULL THEN 1 ELSE 0 END"
            return [(rank, False), ("coalesce(r.end_time_ms, 0)", term.descending)]
        case Entity.ATTRIBUTE:
            return [(COLUMNS[term.name], term.descending)]
        case Entity.METRIC:
            rank = f"CASE WHEN {row}.run_number IS NULL THEN 2 WHEN {row}.value IS NULL THEN 1 ELSE 0 END"
            return [(rank, False), (f"coalesce({row}.value, 0.0)", term.descending)]
        case _:
            rank = f"CASE WHEN {row}.run_number IS NULL THEN 1 ELSE 0 END"
            return [(rank, False), (f"coalesce({row}.value, '')", term.descending)]
