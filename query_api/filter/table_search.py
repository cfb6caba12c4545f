"""The step from conditions and an order to a page, for the search of one table: a single statement by keyset."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from query_api.filter.pages import SortValue
from query_api.filter.sort_columns import SortColumn, after, order_by
from query_api.filter.sql import Sql, joined
from query_api.filter.value_test import TRUE
from query_api.port import FirstRows, ReadModel


@dataclass(frozen=True, slots=True)
class SearchedTable:
    """What is searched: `source` in FROM with its alias, and the columns of it that are the primary key."""

    source: str
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SortKey:
    """One of the values that make a total order, never NULL, and the type it has in a page token."""

    expression: Sql
    kind: type[SortValue]
    descending: bool = False

    def directed(self, *, descending: bool) -> "SortKey":
        return replace(self, descending=descending)


async def find_page(
    read_model: ReadModel,
    table: SearchedTable,
    document: str,
    where: Sequence[Sql],
    order: Sequence[SortKey],
    place: Sequence[SortValue] | None,
    wanted: int,
) -> FirstRows:
    """The wanted rows of the table in order, from after `place`: each its JSON, then its sort values.

    `document` is the dialect's expression of that JSON. It is evaluated for the rows of the page alone, one by one:
    SQLite goes through a materialized table in its order, PostgreSQL sorts before it makes what is costly and limited.
    """
    dialect = read_model.dialect
    columns = [SortColumn(f"k{number}", f"k{number}", key.descending) for number, key in enumerate(order)]
    values = joined(
        ", ",
        [
            Sql(f"{key.expression.text} AS {column.name}", key.expression.parameters)
            for key, column in zip(order, columns, strict=True)
        ],
    )
    keys = ", ".join(f"{column} AS n{number}" for number, column in enumerate(table.key))
    is_same = " AND ".join(f"{column} = p.n{number}" for number, column in enumerate(table.key))
    met = joined(" AND ", where or [TRUE])
    found = Sql(
        f"SELECT {keys}, {values.text} FROM {table.source} WHERE {met.text}",
        values.parameters + met.parameters,
    )
    rest = TRUE if place is None else after(columns, place)
    sorted_by = order_by(columns)
    in_order = Sql("") if dialect.keeps_order else Sql(f" ORDER BY {sorted_by} LIMIT ?", (wanted,))
    names = ", ".join(column.name for column in columns)
    # An outer join because its sides are never exchanged.
    page = Sql(
        f"WITH p AS MATERIALIZED (SELECT * FROM ({found.text}) f WHERE {rest.text} ORDER BY {sorted_by} LIMIT ?)"
        f" SELECT {document}, {names} FROM p LEFT JOIN {table.source} ON {is_same}{in_order.text}",
        (*found.parameters, *rest.parameters, wanted, *in_order.parameters),
    )
    return await read_model.fetch_first(*dialect.assembled(page))
