"""How a page of runs is found depends on how many runs meet each condition."""

from query_api.runs.search.plan import COUNTED_RUNS, plan_runs


def test_without_conditions_the_order_is_walked() -> None:
    plan = plan_runs(100_000, [], 100)
    assert plan.start is None


def test_a_condition_met_by_few_runs_is_where_to_start() -> None:
    assert plan_runs(100_000, [None, 15_000, 12], 100).start == 2


def test_a_condition_met_by_no_run_is_where_to_start() -> None:
    assert plan_runs(100_000, [0], 100).start == 0


def test_a_condition_met_by_many_runs_is_tested_run_by_run_because_the_page_is_soon_full() -> None:
    plan = plan_runs(100_000, [COUNTED_RUNS], 100)
    assert plan.start is None
    assert plan.as_sets == frozenset()


def test_conditions_that_leave_few_runs_together_are_tested_by_sets() -> None:
    plan = plan_runs(100_000, [9_000, 9_000, None], 100)
    assert plan.start is None
    assert plan.as_sets == {0, 1}


def test_no_runs_at_all_are_no_difficulty() -> None:
    assert plan_runs(0, [0, None], 100).start in (None, 0)
