"""What the searches of smaller tables share: conditions and keyset pages in SQLAlchemy Core, for every dialect."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Double,
    FromClause,
    Select,
    all_,
    and_,
    any_,
    cast,
    literal_column,
    or_,
    select,
)
from sqlalchemy.sql import operators
from sqlalchemy.sql.compiler import SQLCompiler

from query_api.dialect import Dialect
from query_api.filter.conditions import Condition
from query_api.filter.pages import SortValue
from query_api.filter.vocabulary import Comparator
from query_api.port import FirstRows, ReadModel, Row


@dataclass(frozen=True, slots=True)
class SortColumn:
    """One column of a total order, never NULL, and the type of its values in a page token."""

    expression: ColumnElement[Any]
    kind: type[SortValue]
    descending: bool = False


async def find_page(
    read_model: ReadModel,
    key: Column[Any],
    document: str,
    where: Sequence[ColumnElement[bool]],
    order: Sequence[SortColumn],
    place: Sequence[SortValue] | None,
    wanted: int,
) -> FirstRows:
    """The wanted rows of the table that has the column `key`, in order: each its JSON, then its sort values.

    `document` is the dialect's expression of that JSON. It is evaluated for the rows of the page alone, one by one:
    SQLite goes through a materialized table in its order, PostgreSQL sorts before it makes what is costly and limited.
    """
    names = [f"k{number}" for number in range(len(order))]
    values = (column.expression.label(name) for column, name in zip(order, names, strict=True))
    found = select(key.label("n"), *values).where(*where).subquery("f")
    page_order = _of(found, order, names)
    page = select(found).order_by(*_ordering(page_order)).limit(wanted)
    if place is not None:
        page = page.where(_after(page_order, place))
    on_page = page.cte("p").prefix_with("MATERIALIZED")
    # An outer join because its sides are never exchanged.
    statement = select(literal_column(document), *(on_page.c[name] for name in names)).select_from(
        on_page.outerjoin(key.table, key == on_page.c.n)
    )
    if read_model.dialect.name == "postgresql":
        statement = statement.order_by(*_ordering(_of(on_page, order, names))).limit(wanted)
    return await read_model.fetch_first(*_compiled(read_model, statement))


def _of(rows: FromClause, order: Sequence[SortColumn], names: Sequence[str]) -> list[SortColumn]:
    return [replace(column, expression=rows.c[name]) for column, name in zip(order, names, strict=True)]


def _ordering(order: Sequence[SortColumn]) -> list[ColumnElement[Any]]:
    return [column.expression.desc() if column.descending else column.expression.asc() for column in order]


async def fetch(read_model: ReadModel, statement: Select[Any]) -> list[Row]:
    """The rows of a statement."""
    return await read_model.fetch(*_compiled(read_model, statement))


def _compiled(read_model: ReadModel, statement: Select[Any]) -> tuple[str, list[Any]]:
    compiled = statement.compile(dialect=read_model.dialect.core, compile_kwargs={"render_postcompile": True})
    assert isinstance(compiled, SQLCompiler)
    return str(compiled), [compiled.params[name] for name in compiled.positiontup or ()]


def _after(columns: Sequence[SortColumn], values: Sequence[SortValue]) -> ColumnElement[bool]:
    """What comes after these values in the order: for some column beyond its value, and equal in all before it.

    Written side by side rather than nested: SQLite's parser has a stack of 100.
    """
    ways: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for column, value in zip(columns, values, strict=True):
        ways.append(and_(*equal, column.expression < value if column.descending else column.expression > value))
        equal.append(column.expression == value)
    return or_(*ways)


def value_test(dialect: Dialect, column: ColumnElement[Any], condition: Condition) -> ColumnElement[bool]:
    """The condition on a stored value; IS NULL and IS NOT NULL ask for a row and not for its value."""
    operand: Any = condition.operand
    match condition.comparator:
        case Comparator.LIKE | Comparator.ILIKE:
            ignore_case = condition.comparator is Comparator.ILIKE
            return dialect.text_match(operand, ignore_case=ignore_case).of_column(column)
        case Comparator.IN | Comparator.NOT_IN if dialect.name == "postgresql":
            # One parameter however long the list: PostgreSQL takes 32,767.
            listed = cast(list(operand), ARRAY(column.type))
            return column == any_(listed) if condition.comparator is Comparator.IN else column != all_(listed)
        case _ if dialect.name == "postgresql" and isinstance(column.type, BigInteger) and isinstance(operand, float):
            return _TESTS[condition.comparator](cast(column, Double), operand)
        case _:
            return _TESTS[condition.comparator](column, operand)


_TESTS: Final[dict[Comparator, Callable[[ColumnElement[Any], Any], ColumnElement[bool]]]] = {
    Comparator.EQUAL: operator.eq,
    Comparator.NOT_EQUAL: operator.ne,
    Comparator.GREATER: operator.gt,
    Comparator.GREATER_OR_EQUAL: operator.ge,
    Comparator.LESS: operator.lt,
    Comparator.LESS_OR_EQUAL: operator.le,
    Comparator.IN: operators.in_op,
    Comparator.NOT_IN: operators.not_in_op,
}
