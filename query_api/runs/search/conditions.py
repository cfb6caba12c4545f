"""The step from the conditions of a run search to SQL: as tests of one run, and as the sets of runs that meet them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from query_api.dialect import Dialect
from query_api.filter.conditions import Condition
from query_api.filter.sql import Sql, joined
from query_api.filter.value_test import index_test, is_one_of, value_test
from query_api.filter.vocabulary import Comparator, Entity
from query_api.runs.search.columns import COLUMNS, TABLES
from query_api.runs.search.order import is_on
from query_api.runs.search.plan import RunPlan
from query_api.runs.search.run_search import RunSearch
from query_api.runs.search.walk import Walk

_NAMED: Final = (Comparator.EQUAL, Comparator.IN)


@dataclass(frozen=True, slots=True)
class RunConditions:
    """The conditions of a search in the SQL of a dialect.

    `are_narrowed_together`: conditions on one value narrow its index down together, since few runs may meet two bounds
    of which many meet each.
    """

    dialect: Dialect
    search: RunSearch
    are_narrowed_together: bool

    def tests(self, plan: RunPlan, walk: Walk) -> Iterator[Sql]:
        """Every condition as a test of the runs of a walk, those by sets first: they need but the run's number."""
        conditions = self.search.conditions
        order = sorted((index not in plan.as_sets, index) for index in range(len(conditions)) if index != plan.start)
        for is_looked_up, index in order:
            condition = conditions[index]
            if condition.entity is walk.entity and condition.name == walk.key:
                yield self._value_test(condition, "o0.value")
            elif walk.lacks_key and is_on(condition, self.search.order[0]):
                continue  # IS NULL
            elif is_looked_up:
                yield self._run_test(condition, walk.number)
            else:
                yield self.dialect.is_in_set(walk.number, self.met_by(condition))

    def met_by(self, condition: Condition) -> Sql:
        """As `matching_runs`, for a condition that an index serves."""
        runs = self.matching_runs(condition)
        assert runs is not None, condition
        return runs

    def matching_runs(self, condition: Condition, *, by_index_alone: bool = False) -> Sql | None:
        """A subquery for the numbers of the runs that meet the condition, read from an index; None if none serves.

        `by_index_alone` leaves out the tests that the index cannot narrow down by, so that more runs than those may
        come.
        """
        comparator = condition.comparator
        match condition.entity:
            case Entity.ATTRIBUTE if lists_runs(condition):
                test = self._value_test(condition, "run_id")
                return Sql(f"SELECT run_number FROM runs WHERE {test.text}", test.parameters)
            case Entity.ATTRIBUTE if (
                condition.name == "start_time" and condition.comparator is not Comparator.NOT_EQUAL
            ):
                return self._from_index("runs", "by_start", self._value_test(condition, "start_time_ms"))
            case Entity.METRIC | Entity.PARAM | Entity.TAG if comparator is not Comparator.IS_NULL:
                tests = self._tests_of_value(condition, by_index_alone=by_index_alone)
                keyed = Sql(f"key = ? AND {tests.text}", (condition.name, *tests.parameters))
                return self._from_index(TABLES[condition.entity], "by_value", keyed)
            case Entity.DATASET if condition.name == "name" and comparator in _NAMED:
                test = self._value_test(condition, "name")
                return self._from_index("dataset_inputs", "by_name", test, self.dialect.set_of)
            case _:
                return None

    def in_experiments(self, column: str) -> Sql:
        """Whether the experiment in `column` is one of those that are searched."""
        return is_one_of(self.dialect, column, self.search.experiment_ids)

    def _from_index(self, table: str, index: str, test: Sql, select: str = "SELECT") -> Sql:
        rows = self.dialect.from_index(table, f"{table}_{index}")
        experiments = self.in_experiments("experiment_id")
        return Sql(
            f"{select} run_number FROM {rows} WHERE {experiments.text} AND {test.text}",
            experiments.parameters + test.parameters,
        )

    def _tests_of_value(self, condition: Condition, *, by_index_alone: bool) -> Sql:
        tests = [index_test(self.dialect, condition, "value")]
        if self.are_narrowed_together:
            tests += [
                index_test(self.dialect, other, "value")
                for other in self.search.conditions
                if other.entity is condition.entity and other.name == condition.name and other != condition
            ]
        if not by_index_alone:
            test = self._value_test(condition, "value")
            if test not in tests:
                tests.append(test)
        return joined(" AND ", tests)

    def _run_test(self, condition: Condition, number: str) -> Sql:
        """A test of the run with this `number`, which is also the row `r`, by looking its value up."""
        match condition.entity:
            case Entity.ATTRIBUTE:
                return self._value_test(condition, COLUMNS[condition.name])
            case Entity.DATASET:
                inputs = Sql(f"dataset_inputs WHERE run_number = {number}")
                return self.dialect.any_row_passes(inputs, self._value_test(condition, condition.name))
            case Entity.METRIC | Entity.PARAM | Entity.TAG:
                rows = Sql(f"{TABLES[condition.entity]} WHERE run_number = {number} AND key = ?", (condition.name,))
                if condition.comparator is Comparator.IS_NULL:
                    return self.dialect.no_row(rows)
                return self.dialect.row_passes(rows, self._value_test(condition, "value"))
            case _:
                raise ValueError(f"runs have no {condition.entity.value}")

    def _value_test(self, condition: Condition, column: str) -> Sql:
        """The condition on a value in `column`, not NULL unless it is a metric's (NaN) or an end time's (none)."""
        test = value_test(self.dialect, condition, column)
        if condition.entity is Entity.METRIC and condition.comparator is Comparator.NOT_EQUAL:
            return Sql(f"({test.text} OR {column} IS NULL)", test.parameters)
        return test


def lists_runs(condition: Condition) -> bool:
    """Whether the condition names its runs one by one: a search never has a better start."""
    return condition.name == "run_id" and condition.comparator in _NAMED
