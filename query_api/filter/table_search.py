"""What the searches of smaller tables share: conditions and keyset pages in SQLAlchemy Core, for every dialect."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, Protocol

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Dialect,
    Double,
    FromClause,
    Select,
    all_,
    and_,
    any_,
    cast,
    collate,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import operators
from sqlalchemy.sql.compiler import SQLCompiler

from query_api.filter.conditions import Condition
from query_api.filter.pages import SortValue
from query_api.filter.vocabulary import Comparator
from query_api.port import FirstRows, ReadModel, Row
from query_api.postgresql import text_match as postgresql_text_match
from query_api.sqlite import text_match as sqlite_text_match


@cache
def _dialect(name: str) -> Dialect:
    if name == "sqlite":
        return sqlite.dialect()
    from sqlalchemy.dialects.postgresql import asyncpg  # 2 MB that SQLite has no use for

    return asyncpg.dialect()  # type: ignore[no-untyped-call]


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
    if read_model.dialect == "postgresql":
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
    compiled = statement.compile(dialect=_dialect(read_model.dialect), compile_kwargs={"render_postcompile": True})
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


def value_test(dialect: str, column: ColumnElement[Any], condition: Condition) -> ColumnElement[bool]:
    """The condition on a stored value; IS NULL and IS NOT NULL ask for a row and not for its value."""
    operand: Any = condition.operand
    match condition.comparator:
        case Comparator.LIKE | Comparator.ILIKE:
            ignore_case = condition.comparator is Comparator.ILIKE
            return _TEXT_MATCHES[dialect](column, operand, ignore_case=ignore_case)
        case Comparator.IN | Comparator.NOT_IN if dialect == "postgresql":
            # One parameter however long the list: PostgreSQL takes 32,767.
            listed = cast(list(operand), ARRAY(column.type))
            return column == any_(listed) if condition.comparator is Comparator.IN else column != all_(listed)
        case _ if dialect == "postgresql" and isinstance(column.type, BigInteger) and isinstance(operand, float):
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


class _TextMatch(Protocol):
    def __call__(self, column: ColumnElement[Any], pattern: str, *, ignore_case: bool) -> ColumnElement[bool]: ...


def _sqlite_text_match(column: ColumnElement[Any], pattern: str, *, ignore_case: bool) -> ColumnElement[bool]:
    match = sqlite_text_match.ilike(pattern) if ignore_case else sqlite_text_match.like(pattern)
    value = getattr(func, sqlite_text_match.LOWER_FUNCTION)(column) if match.lowered else column
    test: ColumnElement[bool] = value.bool_op(match.operator)(match.pattern)
    return test


def _postgresql_text_match(column: ColumnElement[Any], pattern: str, *, ignore_case: bool) -> ColumnElement[bool]:
    match = postgresql_text_match.ilike(pattern) if ignore_case else postgresql_text_match.like(pattern)
    value: ColumnElement[Any] = collate(column, match.collation)
    wanted: ColumnElement[Any] = collate(literal(match.pattern), match.collation)
    if match.lowered:
        value, wanted = func.lower(value), func.lower(wanted)
    test: ColumnElement[bool] = value.bool_op(match.operator)(wanted)
    return test


_TEXT_MATCHES: Final[dict[str, _TextMatch]] = {"sqlite": _sqlite_text_match, "postgresql": _postgresql_text_match}
