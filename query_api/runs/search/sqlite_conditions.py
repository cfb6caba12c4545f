"""The conditions of a run search in SQLite's SQL: as a test of one run, and as the set of runs that meet it."""

import msgspec

from query_api.filter.conditions import Condition
from query_api.filter.sql import Sql, joined
from query_api.filter.text_prefix import prefix_range
from query_api.filter.vocabulary import Comparator, Entity
from query_api.runs.search.tables import COLUMNS, NEGATED, PRESENCE, TABLES, lists_runs
from query_api.sqlite import text_match as sqlite_text_match


def run_test(condition: Condition, number: str) -> Sql:
    """A test of the run with this `number`, which is also the row `r`, by looking its value up."""
    match condition.entity:
        case Entity.ATTRIBUTE:
            return value_test(condition, COLUMNS[condition.name])
        case Entity.DATASET:
            test = value_test(condition, condition.name)
            return Sql(
                f"EXISTS (SELECT 1 FROM dataset_inputs WHERE run_number = {number} AND {test.text})", test.parameters
            )
        case Entity.METRIC | Entity.PARAM | Entity.TAG:
            test = value_test(condition, "value")
            negation = "NOT " if condition.comparator in NEGATED else ""
            return Sql(
                f"{negation}EXISTS (SELECT 1 FROM {TABLES[condition.entity]}"
                f" WHERE run_number = {number} AND key = ? AND {test.text})",
                (condition.name, *test.parameters),
            )


def matching_runs(condition: Condition, experiments: Sql, *, by_index_alone: bool = False) -> Sql | None:
    """A statement for the numbers of the runs that meet the condition, read from an index; None if none serves.

    `experiments` is a comparison for a column of experiment ids. `by_index_alone` leaves out the tests that the index
    cannot narrow down by, so that more runs than those may come.
    """
    match condition.entity:
        case Entity.ATTRIBUTE if lists_runs(condition):
            test = value_test(condition, "run_id")
            return Sql(f"SELECT run_number FROM runs WHERE {test.text}", test.parameters)
        case Entity.ATTRIBUTE if condition.name == "start_time" and condition.comparator is not Comparator.NOT_EQUAL:
            test = value_test(condition, "start_time_ms")
            return Sql(
                "SELECT run_number FROM runs INDEXED BY runs_by_start"
                f" WHERE experiment_id {experiments.text} AND {test.text}",
                experiments.parameters + test.parameters,
            )
        case Entity.METRIC | Entity.PARAM | Entity.TAG if condition.comparator not in NEGATED:
            tests = [_index_test(condition, "value"), value_test(condition, "value")]
            test = tests[0] if by_index_alone or tests[0] == tests[1] else joined(" AND ", tests)
            table = TABLES[condition.entity]
            return Sql(
                f"SELECT run_number FROM {table} INDEXED BY {table}_by_value"
                f" WHERE experiment_id {experiments.text} AND key = ? AND {test.text}",
                (*experiments.parameters, condition.name, *test.parameters),
            )
        case Entity.DATASET if condition.name == "name" and condition.comparator in (Comparator.EQUAL, Comparator.IN):
            test = value_test(condition, "name")
            return Sql(
                "SELECT run_number FROM dataset_inputs INDEXED BY dataset_inputs_by_name"
                f" WHERE experiment_id {experiments.text} AND {test.text}",
                experiments.parameters + test.parameters,
            )
        case _:
            return None


def value_test(condition: Condition, column: str) -> Sql:
    """The condition on a value in `column`, not NULL unless it is a metric's (NaN) or an end time's (none)."""
    operand = condition.operand
    match condition.comparator:
        case Comparator.IS_NULL | Comparator.IS_NOT_NULL:
            return Sql("TRUE")
        case Comparator.IN | Comparator.NOT_IN:
            return Sql(
                f"{column} {condition.comparator.value} (SELECT value FROM json_each(?))",
                (msgspec.json.encode(operand).decode(),),
            )
        case Comparator.LIKE:
            return sqlite_text_match.like(str(operand)).of_text(column)
        case Comparator.ILIKE:
            return sqlite_text_match.ilike(str(operand)).of_text(column)
        case Comparator.NOT_EQUAL if condition.entity is Entity.METRIC:
            return Sql(f"({column} <> ? OR {column} IS NULL)", (operand,))
        case Comparator.NOT_EQUAL:
            return Sql(f"{column} <> ?", (operand,))
        case _:
            return Sql(f"{column} {condition.comparator.value} ?", (operand,))


def _index_test(condition: Condition, column: str) -> Sql:
    """The part of the condition that an index in the order of `column` narrows down by."""
    if condition.comparator is Comparator.LIKE:
        bounds = prefix_range(str(condition.operand))
        return Sql("TRUE") if bounds is None else Sql(f"{column} >= ? AND {column} < ?", bounds)
    if condition.comparator in (Comparator.ILIKE, Comparator.NOT_EQUAL, *PRESENCE):
        return Sql("TRUE")
    return value_test(condition, column)
