"""The columns that a page of runs is sorted by, in the SQL that the dialects share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from query_api.filter.conditions import OrderTerm
from query_api.filter.pages import SortValue
from query_api.filter.sql import Sql, joined
from query_api.filter.vocabulary import Entity

_NOT_NULL_COLUMNS: Final = {
    "status": "r.status",
    "run_id": "r.run_id",
    "run_name": "r.name",
    "start_time": "r.start_time_ms",
    "artifact_uri": "r.artifact_uri",
    "user_id": "r.user_id",
}


@dataclass(frozen=True, slots=True)
class SortColumn:
    """One column of the order, never NULL. `is_settled` when every run of a part has the same value in it."""

    name: str
    expression: str
    descending: bool
    is_settled: bool = False

    @property
    def beyond(self) -> str:
        """The comparator of a value that comes after another."""
        return "<" if self.descending else ">"


def sort_columns(order: Sequence[OrderTerm]) -> list[SortColumn]:
    """The columns of the order as run_order lays out sort values, of the row `r` and a row `o<i>` for the i-th term."""
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
            return [(_NOT_NULL_COLUMNS[term.name], term.descending)]
        case Entity.METRIC:
            rank = f"CASE WHEN {row}.run_number IS NULL THEN 2 WHEN {row}.value IS NULL THEN 1 ELSE 0 END"
            return [(rank, False), (f"coalesce({row}.value, 0.0)", term.descending)]
        case _:
            rank = f"CASE WHEN {row}.run_number IS NULL THEN 1 ELSE 0 END"
            return [(rank, False), (f"coalesce({row}.value, '')", term.descending)]


def order_by(columns: Sequence[SortColumn], *, by_name: bool = False) -> str:
    return ", ".join(
        (column.name if by_name else column.expression) + (" DESC" if column.descending else "")
        for column in columns
        if not column.is_settled
    )


def after(columns: Sequence[SortColumn], values: Sequence[SortValue]) -> Sql:
    """What comes after these values in the order: for some column beyond its value, and equal in all before it.

    Written side by side rather than nested: SQLite's parser has a stack of 100.
    """
    ways = [
        joined(
            " AND ",
            [
                *(Sql(f"{columns[equal].expression} = ?", (values[equal],)) for equal in range(place)),
                Sql(f"{columns[place].expression} {columns[place].beyond} ?", (values[place],)),
            ],
        )
        for place in range(len(columns))
    ]
    beyond = joined(" OR ", ways)
    return Sql(f"({beyond.text})", beyond.parameters)
