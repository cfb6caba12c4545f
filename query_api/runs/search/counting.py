"""The step from the conditions of a run search to its plan: how many runs meet each of them is counted first."""

from query_api.filter.sql import Sql, joined
from query_api.port import ReadModel
from query_api.runs.search.conditions import RunConditions, lists_runs
from query_api.runs.search.plan import WALK, RunPlan, plan_runs


async def plan_by_counts(
    read_model: ReadModel, conditions: RunConditions, counted_runs: int, many_runs: int
) -> RunPlan | None:
    """How to find the page, decided by counting up to `counted_runs` of the runs that meet each condition.

    None when so small a count says nothing: `many_runs` is more, and each condition that is counted is met by
    `counted_runs` or more.
    """
    search = conditions.search
    for index, condition in enumerate(search.conditions):
        if lists_runs(condition):
            return RunPlan(index, frozenset())
    is_final = counted_runs >= many_runs
    candidates = [conditions.matching_runs(condition, by_index_alone=True) for condition in search.conditions]
    counted = [candidate for candidate in candidates if candidate is not None]
    if not counted:
        return WALK if is_final or not search.conditions else None
    runs = conditions.dialect.from_index("runs", "runs_by_start")
    where = conditions.in_experiments("experiment_id")
    all_runs = Sql(f"SELECT 1 FROM {runs} WHERE {where.text}", where.parameters)
    counts = joined(", ", [_count(one, counted_runs) for one in [all_runs, *counted]])
    sql, parameters = conditions.dialect.assembled(
        Sql(f"SELECT (SELECT max(run_number) FROM runs), {counts.text}", counts.parameters)
    )
    [(highest, total, *found)] = await read_model.fetch(sql, parameters)
    if not is_final and min(total, *found) >= counted_runs:
        return None
    matches = iter([many_runs if count >= counted_runs else count for count in found])
    return plan_runs(
        total if total < counted_runs else highest,
        [None if candidate is None else next(matches) for candidate in candidates],
        search.wanted,
        many=many_runs,
    )


def _count(runs: Sql, counted_runs: int) -> Sql:
    return Sql(f"(SELECT count(*) FROM ({runs.text} LIMIT {counted_runs}) counted)", runs.parameters)
