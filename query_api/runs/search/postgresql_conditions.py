"""The conditions of a run search in PostgreSQL's SQL: as a test of one run, and as the set of runs that meet it.

A test is a subquery for one value, which PostgreSQL looks up run by run; of EXISTS it would make a join, in an order
that it chooses by what it guesses about the values.
"""

from collections.abc import Sequence
from typing import Any, Final

from query_api.filter.conditions import Condition
from query_api.filter.sql import Sql, joined
from query_api.filter.text_prefix import prefix_range
from query_api.filter.vocabulary import Comparator, Entity
from query_api.postgresql import text_match as postgresql_text_match
from query_api.runs.search.tables import COLUMNS, NEGATED, TABLES, lists_runs
from read_model.tables import INDEXED_VALUE_CHARACTERS

INDEXED_VALUE: Final = f"substr(value, 1, {INDEXED_VALUE_CHARACTERS})"
"""Of a param or tag, as its index has it: ordered as the whole value, though not as finely."""

_LARGEST_INT64: Final = 2**63 - 1


def run_test(condition: Condition, number: str) -> Sql:
    """A test of the run with this `number`, which is also the row `r`, by looking its value up."""
    match condition.entity:
        case Entity.ATTRIBUTE:
            return value_test(condition, COLUMNS[condition.name])
        case Entity.DATASET:
            test = value_test(condition, condition.name)
            return Sql(
                f"(SELECT TRUE FROM dataset_inputs WHERE run_number = {number} AND {test.text} LIMIT 1)",
                test.parameters,
            )
        case Entity.METRIC | Entity.PARAM | Entity.TAG:
            test = value_test(condition, "value")
            negation = " IS NULL" if condition.comparator in NEGATED else ""
            return Sql(
                f"(SELECT {test.text} FROM {TABLES[condition.entity]}"
                f" WHERE run_number = {number} AND key = ?){negation}",
                (*test.parameters, condition.name),
            )


def matching_runs(
    condition: Condition, experiments: Sql, others: Sequence[Condition] = (), *, by_index_alone: bool = False
) -> Sql | None:
    """A statement for the numbers of the runs that meet the condition, each once, read from an index; None if none
    serves.

    `experiments` is a comparison for a column of experiment ids. Those of `others` that are about the same value narrow
    it down too: few runs may meet two bounds together. `by_index_alone` leaves out the tests that the index cannot
    narrow down by, so that more runs than those may come.
    """
    match condition.entity:
        case Entity.ATTRIBUTE if lists_runs(condition):
            test = value_test(condition, "run_id")
            return Sql(f"SELECT run_number FROM runs WHERE {test.text}", test.parameters)
        case Entity.ATTRIBUTE if condition.name == "start_time" and condition.comparator is not Comparator.NOT_EQUAL:
            test = value_test(condition, "start_time_ms")
            return Sql(
                f"SELECT run_number FROM runs WHERE experiment_id {experiments.text} AND {test.text}",
                experiments.parameters + test.parameters,
            )
        case Entity.METRIC | Entity.PARAM | Entity.TAG if condition.comparator not in NEGATED:
            tests = [_index_test(condition)]
            tests += [
                _index_test(other)
                for other in others
                if other.entity is condition.entity and other.name == condition.name and other != condition
            ]
            if not by_index_alone:
                tests.append(value_test(condition, "value"))
            test = joined(" AND ", tests)
            return Sql(
                f"SELECT run_number FROM {TABLES[condition.entity]}"
                f" WHERE experiment_id {experiments.text} AND key = ? AND {test.text}",
                (*experiments.parameters, condition.name, *test.parameters),
            )
        case Entity.DATASET if condition.name == "name" and condition.comparator in (Comparator.EQUAL, Comparator.IN):
            test = value_test(condition, "name")
            return Sql(
                f"SELECT DISTINCT run_number FROM dataset_inputs WHERE experiment_id {experiments.text}"
                f" AND {test.text}",
                experiments.parameters + test.parameters,
            )
        case _:
            return None


def value_test(condition: Condition, column: str) -> Sql:
    """The condition on a value in `column`, not NULL unless it is a metric's (NaN) or an end time's (none)."""
    operand: Any = condition.operand
    match condition.comparator:
        case Comparator.IS_NULL | Comparator.IS_NOT_NULL:
            return Sql("TRUE")
        case Comparator.IN:
            return Sql(f"{column} = ANY (?)", (list(operand),))
        case Comparator.NOT_IN:
            return Sql(f"{column} <> ALL (?)", (list(operand),))
        case Comparator.LIKE:
            return postgresql_text_match.like(operand).of_text(column)
        case Comparator.ILIKE:
            return postgresql_text_match.ilike(operand).of_text(column)
        case Comparator.NOT_EQUAL if condition.entity is Entity.METRIC:
            return Sql(f"({column} <> ? OR {column} IS NULL)", (operand,))
        case _:
            if condition.entity is Entity.ATTRIBUTE and isinstance(operand, float):
                column, operand = comparable(column, operand)
            return Sql(f"{column} {_OPERATORS[condition.comparator]} ?", (operand,))


_OPERATORS: Final = {comparator: comparator.value for comparator in Comparator} | {Comparator.NOT_EQUAL: "<>"}


def comparable(integers: str, number: float) -> tuple[str, int | float]:
    """A column of integers and a number, so that one index serves both where the number is a whole one."""
    if number.is_integer() and abs(number) <= _LARGEST_INT64:
        return integers, int(number)
    return f"CAST({integers} AS double precision)", number


def _index_test(condition: Condition) -> Sql:
    """The part of the condition that the index by value narrows down by."""
    operand: Any = condition.operand
    match condition.comparator:
        case Comparator.LIKE:
            bounds = prefix_range(operand, INDEXED_VALUE_CHARACTERS)
            return Sql("TRUE") if bounds is None else Sql(f"{INDEXED_VALUE} >= ? AND {INDEXED_VALUE} < ?", bounds)
        case Comparator.ILIKE | Comparator.NOT_EQUAL | Comparator.IS_NULL | Comparator.IS_NOT_NULL:
            return Sql("TRUE")
        case _ if condition.entity is Entity.METRIC:
            return value_test(condition, "value")
        case _:
            return Sql(f"{INDEXED_VALUE} = ?", (operand[:INDEXED_VALUE_CHARACTERS],))


def numbered(sql: Sql) -> tuple[str, Sequence[Any]]:
    """The statement with the question marks numbered, each cast to what its parameter is, and the parameters.

    Equal parameters share a number.
    """
    numbers: dict[tuple[str, Any], int] = {}
    parameters: list[Any] = []
    first, *pieces = sql.text.split("?")
    text = [first]
    for parameter, piece in zip(sql.parameters, pieces, strict=True):
        type_name = _type_of(parameter)
        identity = (type_name, tuple(parameter) if isinstance(parameter, list) else parameter)
        if identity not in numbers:
            parameters.append(parameter)
            numbers[identity] = len(parameters)
        text.append(f"${numbers[identity]}::{type_name}{piece}")
    return "".join(text), parameters


def _type_of(parameter: Any) -> str:
    if isinstance(parameter, list):
        return f"{_type_of(parameter[0])}[]"
    return {int: "bigint", float: "float8", str: "text"}[type(parameter)]
