"""The step from an order to SQL: the columns a page is sorted by, and what comes after a place in their order."""

from collections.abc import Sequence
from dataclasses import dataclass

from query_api.filter.pages import SortValue
from query_api.filter.sql import Sql, joined


@dataclass(frozen=True, slots=True)
class SortColumn:
    """One column of a total order, never NULL. `is_settled` when every row there is has the same value in it."""

    name: str
    expression: str
    descending: bool
    is_settled: bool = False

    @property
    def beyond(self) -> str:
        """The comparator of a value that comes after another."""
        return "<" if self.descending else ">"


def order_by(columns: Sequence[SortColumn], *, by_name: bool = False) -> str:
    """The columns as they stand after ORDER BY: by their expressions, or by the names these were selected as."""
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
