"""The step from a condition to SQL: a test of the column that holds the value."""

from collections.abc import Sequence
from typing import Any, Final

from query_api.dialect import Dialect
from query_api.filter.conditions import Condition
from query_api.filter.sql import Sql
from query_api.filter.text_prefix import prefix_range
from query_api.filter.vocabulary import Comparator, Entity

TRUE: Final = Sql("TRUE")

_OPERATORS: Final = {comparator: comparator.value for comparator in Comparator} | {Comparator.NOT_EQUAL: "<>"}
_NOT_IN_INDEX: Final = (Comparator.ILIKE, Comparator.NOT_EQUAL, Comparator.IS_NULL, Comparator.IS_NOT_NULL)


def value_test(dialect: Dialect, condition: Condition, column: str) -> Sql:
    """The condition on the value in `column`. IS NULL and IS NOT NULL are about a row and not its value: TRUE."""
    operand: Any = condition.operand
    match condition.comparator:
        case Comparator.IS_NULL | Comparator.IS_NOT_NULL:
            return TRUE
        case Comparator.IN:
            return _compared(column, dialect.is_in(operand))
        case Comparator.NOT_IN:
            return _compared(column, dialect.is_not_in(operand))
        case Comparator.LIKE | Comparator.ILIKE:
            return dialect.text_match(column, operand, ignore_case=condition.comparator is Comparator.ILIKE)
        case _:
            if condition.entity is Entity.ATTRIBUTE and isinstance(operand, float):
                column, operand = dialect.comparable(column, operand)
            return Sql(f"{column} {_OPERATORS[condition.comparator]} ?", (operand,))


def index_test(dialect: Dialect, condition: Condition, column: str) -> Sql:
    """The part of the condition that an index by the value in `column` narrows down by."""
    operand: Any = condition.operand
    if condition.comparator in _NOT_IN_INDEX:
        return TRUE
    if not isinstance(operand, str):
        return value_test(dialect, condition, column)
    indexed = dialect.indexed_text(column)
    if condition.comparator is not Comparator.LIKE:
        return Sql(f"{indexed} = ?", (operand[: dialect.indexed_characters],))
    bounds = prefix_range(operand, dialect.indexed_characters)
    return TRUE if bounds is None else Sql(f"{indexed} >= ? AND {indexed} < ?", bounds)


def index_range(dialect: Dialect, condition: Condition, column: str) -> Sql:
    """The part of the condition that an index of the whole text in `column` narrows down by, TRUE where it does not."""
    operand: Any = condition.operand
    match condition.comparator:
        case Comparator.EQUAL | Comparator.IN:
            return value_test(dialect, condition, column)
        case Comparator.LIKE:
            bounds = prefix_range(operand)
            return TRUE if bounds is None else Sql(f"{column} >= ? AND {column} < ?", bounds)
        case _:
            return TRUE


def is_one_of(dialect: Dialect, column: str, values: Sequence[int] | Sequence[str]) -> Sql:
    """Whether the integer or text in `column` is one of the values."""
    if not values:
        return Sql("1 = 0")
    return Sql(f"{column} = ?", (values[0],)) if len(values) == 1 else _compared(column, dialect.is_in(values))


def _compared(column: str, comparison: Sql) -> Sql:
    return Sql(f"{column} {comparison.text}", comparison.parameters)
