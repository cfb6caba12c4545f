"""Pages of a run search in SQLite's SQL: at most two statements, one that counts and one that answers.

The order is walked in parts, for SQLite walks one index at a time: a metric's numbers along the index by value, then
its NaNs, then the runs without it. UNION ALL runs the parts one after the other and stops when the page is full. The
page is found first, numbers and sort values only, and JSON is built for the runs on it alone. CROSS JOIN and INDEXED BY
fix each walk, because SQLite knows nothing about how values are spread.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from query_api.filter.conditions import OrderTerm
from query_api.filter.pages import PageFound, page_of
from query_api.filter.sort_columns import after, order_by
from query_api.filter.sql import Sql, joined
from query_api.filter.vocabulary import Entity
from query_api.port import ReadModel, Row
from query_api.runs.search.columns import TABLES, sort_columns
from query_api.runs.search.conditions import RunConditions, lists_runs
from query_api.runs.search.counting import plan_by_counts
from query_api.runs.search.plan import COUNTED_RUNS, RunPlan
from query_api.runs.search.run_search import RunSearch
from query_api.runs.search.walk import Walk, is_walkable, walks_by_rank
from query_api.sqlite.dialect import SQLITE
from schemas.documents.runs import LIFECYCLE_STAGE, RUN_IN_SEARCH

MAX_EXPERIMENTS_WALKED: Final = 10
"""Each experiment's part of an order is walked on its own and the results merged; beyond this, all runs are sorted."""

MAX_RUNS_AT_ONCE: Final = 5_000
"""All JSON of a larger page is hardly ever short enough to be made at once."""

_DOCUMENT: Final = SQLITE.documents.as_text(RUN_IN_SEARCH)
_EXPERIMENT_OF_RUN: Final = "LEFT JOIN experiments e ON e.experiment_id = r.experiment_id"


async def find_runs(read_model: ReadModel, search: RunSearch) -> PageFound:
    """The page of runs."""
    conditions = RunConditions(SQLITE, search, are_narrowed_together=False)
    plan = await plan_by_counts(read_model, conditions, COUNTED_RUNS, COUNTED_RUNS)
    assert plan is not None
    page = _page(conditions, plan)
    if search.max_results > MAX_RUNS_AT_ONCE:
        return await _shorter_page(read_model, search, page)
    # One row, because handing each over costs the thread a turn of waiting for the interpreter: 20 % of all searches.
    columns = sort_columns(search.order)
    last_values = ", ".join(f"(SELECT {column.name} FROM p LIMIT 1 OFFSET ?)" for column in columns)
    found = await read_model.fetch_short(
        f"WITH p AS MATERIALIZED ({page.text}) SELECT"
        f" (SELECT CAST(group_concat(document) AS BLOB) FROM (SELECT {_DOCUMENT} AS document"
        f" FROM (SELECT n FROM p LIMIT ?) CROSS JOIN runs r ON r.run_number = n {_EXPERIMENT_OF_RUN})),"
        f" (SELECT count(*) FROM p), {last_values}",
        (*page.parameters, search.max_results, *[search.max_results - 1] * len(columns)),
    )
    if found is None:
        return await _shorter_page(read_model, search, page)
    [(documents, count, *last)] = found
    return PageFound(documents or b"", tuple(last) if count > search.max_results else None)


async def find_numbers(read_model: ReadModel, search: RunSearch) -> list[Row]:
    """Of each run on the page, and of one more where there is one: its number, then its sort values."""
    conditions = RunConditions(SQLITE, search, are_narrowed_together=False)
    plan = await plan_by_counts(read_model, conditions, COUNTED_RUNS, COUNTED_RUNS)
    assert plan is not None
    return await read_model.fetch(*_page(conditions, plan))


async def _shorter_page(read_model: ReadModel, search: RunSearch, page: Sql) -> PageFound:
    """As much of a page as its greatest length allows."""
    names = ", ".join(f"p.{column.name}" for column in sort_columns(search.order))
    found = await read_model.fetch_first(
        f"WITH p AS MATERIALIZED ({page.text}) SELECT CAST({_DOCUMENT} AS BLOB), {names}"
        f" FROM p CROSS JOIN runs r ON r.run_number = p.n {_EXPERIMENT_OF_RUN}",
        page.parameters,
    )
    return page_of(found, search.max_results)


def _page(conditions: RunConditions, plan: RunPlan) -> Sql:
    """A statement for the page: the number `n` of each run and its sort values, in order."""
    search = conditions.search
    experiment_ids = search.experiment_ids
    walks = plan.start is None and is_walkable(search.order[0]) and len(experiment_ids) <= MAX_EXPERIMENTS_WALKED
    if not walks:
        return _part(conditions, plan, _sorted_walk(conditions, plan))
    if len(experiment_ids) == 1:
        return _walk(conditions, plan, experiment_ids[0])
    merged = joined(" UNION ALL ", [_subquery(_walk(conditions, plan, one)) for one in experiment_ids])
    order = order_by(sort_columns(search.order), by_name=True)
    return Sql(f"SELECT * FROM ({merged.text}) ORDER BY {order} LIMIT ?", (*merged.parameters, search.wanted))


def _walk(conditions: RunConditions, plan: RunPlan, experiment_id: int) -> Sql:
    """The page of one experiment, its parts in order."""
    search = conditions.search
    parts = [_part(conditions, plan, walk) for walk in _walks(search, experiment_id)]
    if len(parts) == 1:
        return parts[0]
    together = joined(" UNION ALL ", [_subquery(part) for part in parts])
    if not parts:
        return _part(conditions, plan, replace(_walk_by_start(search, experiment_id), where=(Sql("FALSE"),)))
    return Sql(f"{together.text} LIMIT ?", (*together.parameters, search.wanted))


def _subquery(sql: Sql) -> Sql:
    return Sql(f"SELECT * FROM ({sql.text})", sql.parameters)


# --- walks --------------------------------------------------------------------------------------------------------


def _sorted_walk(conditions: RunConditions, plan: RunPlan) -> Walk:
    """All runs that meet the condition to start from, or all of the experiments, to be sorted."""
    search = conditions.search
    where = [conditions.in_experiments("r.experiment_id")]
    if plan.start is not None:
        condition = search.conditions[plan.start]
        runs = conditions.met_by(condition)
        where = [Sql(f"r.run_number IN ({runs.text})", runs.parameters)]
        if lists_runs(condition) or condition.entity is Entity.ATTRIBUTE:
            # The plus keeps SQLite from reading all runs of the experiment instead.
            where.append(conditions.in_experiments("+r.experiment_id"))
    return Walk(
        source=_with_order_rows(Sql("runs r"), search.order),
        number="r.run_number",
        where=tuple(where),
        columns=tuple(sort_columns(search.order)),
        after=search.after,
    )


def _walks(search: RunSearch, experiment_id: int) -> list[Walk]:
    """The parts of one experiment's order, without those before the place to go on from."""
    if search.order[0].entity is Entity.ATTRIBUTE:
        return [_walk_by_start(search, experiment_id)]
    return _walks_by_key(search, experiment_id)


def _walk_by_start(search: RunSearch, experiment_id: int) -> Walk:
    return Walk(
        source=_with_order_rows(Sql("runs r INDEXED BY runs_by_start"), search.order),
        number="r.run_number",
        where=(Sql("r.experiment_id = ?", (experiment_id,)),),
        columns=tuple(sort_columns(search.order)),
        after=search.after,
    )


def _walks_by_key(search: RunSearch, experiment_id: int) -> list[Walk]:
    first = search.order[0]
    table = TABLES[first.entity]
    along_key = Walk(
        source=_with_order_rows(
            Sql(f"{table} o0 INDEXED BY {table}_by_value CROSS JOIN runs r ON r.run_number = o0.run_number"),
            search.order,
            first_joined=1,
        ),
        number="o0.run_number",
        where=(Sql("o0.experiment_id = ? AND o0.key = ?", (experiment_id, first.name)),),
        entity=first.entity,
        key=first.name,
    )
    without_key = Walk(
        source=_with_order_rows(Sql("runs r INDEXED BY runs_by_start"), search.order, first_joined=1),
        number="r.run_number",
        where=(
            Sql("r.experiment_id = ?", (experiment_id,)),
            # Where every run has the key, counting both sides along their indexes is ten times faster than a look-up
            # for each run.
            Sql(
                "(SELECT count(*) FROM runs INDEXED BY runs_by_start WHERE experiment_id = ?) >"
                f" (SELECT count(*) FROM {table} INDEXED BY {table}_by_value WHERE experiment_id = ? AND key = ?)",
                (experiment_id, experiment_id, first.name),
            ),
            Sql(f"NOT EXISTS (SELECT 1 FROM {table} WHERE run_number = r.run_number AND key = ?)", (first.name,)),
        ),
        lacks_key=True,
    )
    return walks_by_rank(search, along_key, without_key, "0.0" if first.entity is Entity.METRIC else "''")


def _with_order_rows(source: Sql, order: Sequence[OrderTerm], first_joined: int = 0) -> Sql:
    """`source` and the rows `o<i>` that the i-th terms are read from, from `first_joined` on."""
    joins = [
        Sql(
            f" LEFT JOIN {TABLES[term.entity]} o{number} ON o{number}.run_number = r.run_number AND o{number}.key = ?",
            (term.name,),
        )
        for number, term in enumerate(order)
        if number >= first_joined and term.entity is not Entity.ATTRIBUTE
    ]
    return joined("", [source, *joins])


def _part(conditions: RunConditions, plan: RunPlan, walk: Walk) -> Sql:
    """The statement of one walk, with every condition of the search."""
    search = conditions.search
    stage = [Sql(f"{LIFECYCLE_STAGE} = ?", (search.lifecycle_stage,))] if search.lifecycle_stage else []
    joins = f" {_EXPERIMENT_OF_RUN}" if stage else ""
    where = joined(" AND ", [*walk.where, *conditions.tests(plan, walk), *stage, *_place(walk)])
    columns = ", ".join(f"{column.expression} AS {column.name}" for column in walk.columns)
    return Sql(
        f"SELECT {walk.number} AS n, {columns} FROM {walk.source.text}{joins} WHERE {where.text}"
        f" ORDER BY {order_by(walk.columns)} LIMIT ?",
        (*walk.source.parameters, *where.parameters, search.wanted),
    )


def _place(walk: Walk) -> list[Sql]:
    place = walk.place()
    if place is None:
        return []
    columns, values = place
    # The comparison in front says nothing new, but it is one that an index can seek by.
    seek = Sql(f"{columns[0].expression} {columns[0].beyond}= ?", (values[0],))
    return [seek, after(columns, values)]
