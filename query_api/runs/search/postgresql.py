"""Pages of a run search in PostgreSQL's SQL: at most two statements, one that counts and one that answers.

As on SQLite, the order is walked in parts: a metric's numbers along the index by value, then its NaNs, then the runs
without it. A later part is looked into only when the earlier ones did not fill the page. The page is found first,
numbers and sort values only, and JSON is built for the runs on it alone.

PostgreSQL must not choose the plan: it has no statistics of one key's values, so its guesses are off by orders of
magnitude for some and the page then takes seconds. Subqueries with OFFSET 0, which are never merged into the statement
around them, keep joins in the order written, and `READING_SETTINGS` leaves it the indexes alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from query_api.filter.conditions import Condition, OrderTerm
from query_api.filter.pages import PageFound, page_of
from query_api.filter.sql import Sql, joined
from query_api.filter.vocabulary import Entity
from query_api.port import MAX_PAGE_BYTES, FirstRows, ReadModel
from query_api.postgresql.dialect import POSTGRESQL
from query_api.runs.search.plan import RunPlan, plan_runs
from query_api.runs.search.postgresql_conditions import (
    INDEXED_VALUE,
    matching_runs,
    numbered,
    run_test,
    value_test,
)
from query_api.runs.search.run_search import RunSearch
from query_api.runs.search.sort_columns import after, order_by, sort_columns
from query_api.runs.search.tables import TABLES, lists_runs
from query_api.runs.search.walk import Walk, is_walkable, tests_of, walks_by_rank
from read_model.tables import INDEXED_VALUE_CHARACTERS
from schemas.documents.runs import LIFECYCLE_STAGE, RUN_IN_SEARCH, RUNS
from schemas.errors import DeadlineExceeded

MAX_EXPERIMENTS_WALKED: Final = 100
"""Each experiment's order is walked on its own and the results merged; beyond this, all runs are sorted."""

GLANCED_RUNS: Final = 2_000
"""Five milliseconds a condition, about what counting takes whose result would be that these runs fill the page."""

_FEW_RUNS: Final = 1_000
"""A condition met by fewer is a good start, whatever else is known."""

_WALK: Final = RunPlan(None, frozenset())

_MANY_RUNS: Final = 100_000
"""Counting stops here: it takes some 7 ms, and is done only when the first runs of the order did not fill the page."""

MAX_SET_RUNS: Final = 200_000
"""Tells PostgreSQL that a set of at most _MANY_RUNS fits in memory. Far more, lest runs that came meanwhile miss."""

MAX_RUNS_AT_ONCE: Final = 1001
"""Of larger pages not all JSON is made at once: it might be gigabytes."""

_DOCUMENT: Final = (
    f"(SELECT {POSTGRESQL.documents.as_bytes(RUN_IN_SEARCH)} FROM {POSTGRESQL.documents.rows_of(RUNS)}"
    " WHERE r.run_number = p.n)"
)

_EXPERIMENT_OF_RUN: Final = Sql(
    " LEFT JOIN LATERAL (SELECT * FROM experiments WHERE experiment_id = r.experiment_id OFFSET 0) e ON TRUE"
)
_IN_EXPERIMENT: Final = "experiment_id = x.experiment_id"


async def find_runs(read_model: ReadModel, search: RunSearch) -> PageFound:
    """The page of runs."""
    plan = await _plan(read_model, search, _FEW_RUNS)
    if plan is None:
        glance = _glance(search)
        found = FirstRows([], True) if glance is None else await _found(read_model, search, glance)
        if found.rows:
            return page_of(found, search.max_results)
        plan = await _plan(read_model, search, _MANY_RUNS)
        assert plan is not None
    return page_of(await _found(read_model, search, _page(search, plan)), search.max_results)


async def _found(read_model: ReadModel, search: RunSearch, page: Sql) -> FirstRows:
    """The JSON and the sort values of the runs on a page, as many as its greatest length allows."""
    if search.wanted <= MAX_RUNS_AT_ONCE:
        try:
            return await _found_at_once(read_model, search, page)
        except DeadlineExceeded:
            pass  # perhaps because all the JSON was made, of runs that are very large
    return await _found_one_by_one(read_model, search, page)


async def _found_at_once(read_model: ReadModel, search: RunSearch, page: Sql) -> FirstRows:
    """All the JSON is made, and not more of it sent than wanted. A fifth cheaper than a cursor."""
    order, names = order_by(sort_columns(search.order), by_name=True), _names(search)
    sql, parameters = numbered(
        Sql(
            f"WITH p AS MATERIALIZED ({page.text})"
            f" SELECT document, {names}, (SELECT count(*) FROM p) FROM (SELECT *, sum(octet_length(document)) OVER"
            f" (ROWS UNBOUNDED PRECEDING) AS bytes"
            f" FROM (SELECT {_DOCUMENT} AS document, {names} FROM p ORDER BY {order} OFFSET 0) documents) sized"
            f" WHERE bytes <= {MAX_PAGE_BYTES} OR bytes = octet_length(document) ORDER BY {order}",
            page.parameters,
        )
    )
    rows = await read_model.fetch(sql, parameters)
    return FirstRows([tuple(row)[:-1] for row in rows], are_all=not rows or rows[0][-1] == len(rows))


async def _found_one_by_one(read_model: ReadModel, search: RunSearch, page: Sql) -> FirstRows:
    """With a limit PostgreSQL makes the JSON after it sorted, of each run when it is asked for."""
    order, names = order_by(sort_columns(search.order), by_name=True), _names(search)
    sql, parameters = numbered(
        Sql(
            f"WITH p AS MATERIALIZED ({page.text}) SELECT {_DOCUMENT}, {names} FROM p ORDER BY {order} LIMIT ?",
            (*page.parameters, search.wanted),
        )
    )
    return await read_model.fetch_first(sql, parameters)


def _names(search: RunSearch) -> str:
    return ", ".join(column.name for column in sort_columns(search.order))


# --- the plan -----------------------------------------------------------------------------------------------------


async def _plan(read_model: ReadModel, search: RunSearch, counted_runs: int) -> RunPlan | None:
    """How to find the page, decided by counting up to `counted_runs` of each condition's runs.

    None when so small a count says nothing: every condition is met by as many runs or more.
    """
    for index, condition in enumerate(search.conditions):
        if lists_runs(condition):
            return RunPlan(index, frozenset())
    experiments = _among(search.experiment_ids)
    candidates = [
        matching_runs(condition, experiments, search.conditions, by_index_alone=True) for condition in search.conditions
    ]
    counted = [candidate for candidate in candidates if candidate is not None]
    if not counted:
        return None if counted_runs < _MANY_RUNS and search.conditions else RunPlan(None, frozenset())
    all_runs = Sql(f"SELECT 1 FROM runs WHERE experiment_id {experiments.text}", experiments.parameters)
    counts = joined(", ", [_count(runs, counted_runs) for runs in [all_runs, *counted]])
    sql, parameters = numbered(Sql(f"SELECT (SELECT max(run_number) FROM runs), {counts.text}", counts.parameters))
    [(highest, total, *found)] = await read_model.fetch(sql, parameters)
    if counted_runs < _MANY_RUNS and min(total, *found) >= counted_runs:
        return None
    matches = iter([_MANY_RUNS if count >= counted_runs else count for count in found])
    return plan_runs(
        total if total < counted_runs else highest,
        [None if candidate is None else next(matches) for candidate in candidates],
        search.wanted,
        many=_MANY_RUNS,
    )


def _count(runs: Sql, counted_runs: int) -> Sql:
    return Sql(f"(SELECT count(*) FROM ({runs.text} LIMIT {counted_runs}) counted)", runs.parameters)


# --- the page -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Walk(Walk):
    along: str = ""
    """The table with which `source` begins, if an index of it has the order of the first column."""
    presorted_by: str = ""
    """An expression that the rows come in the order of, and the first column sorts more finely."""


def _page(search: RunSearch, plan: RunPlan) -> Sql:
    """A statement for the page: the number `n` of each run and its sort values, in order."""
    walks = _walks(search, plan)
    if len(walks) == 1:
        return _part(search, plan, walks[0])
    parts: list[Sql] = []
    for number, walk in enumerate(walks):
        part = _part(search, plan, walk)
        found = " + ".join(f"(SELECT count(*) FROM p{earlier})" for earlier in range(number))
        # A condition without a column is asked once, before the part is begun.
        wanted = Sql(f" WHERE {found} < ?", (search.wanted,)) if found else Sql("")
        parts.append(
            joined("", [Sql(f"p{number} AS MATERIALIZED (SELECT * FROM ("), part, Sql(") part"), wanted, Sql(")")])
        )
    together = " UNION ALL ".join(f"SELECT * FROM p{number}" for number in range(len(walks)))
    order = order_by(sort_columns(search.order), by_name=True)
    return joined(
        "",
        [
            Sql("WITH "),
            joined(", ", parts),
            Sql(f" SELECT * FROM ({together}) parts ORDER BY {order} LIMIT ?", (search.wanted,)),
        ],
    )


def _part(search: RunSearch, plan: RunPlan, walk: _Walk) -> Sql:
    """The statement of one walk, with every condition of the search."""
    stage = [Sql(f"{LIFECYCLE_STAGE} = ?", (search.lifecycle_stage,))] if search.lifecycle_stage else []
    source = joined("", [walk.source, _EXPERIMENT_OF_RUN]) if stage else walk.source
    where = joined(" AND ", [*walk.where, *_tests(search, plan, walk), *stage, *_place(walk)])
    columns = ", ".join(f"{column.expression} AS {column.name}" for column in walk.columns)
    order = order_by(walk.columns)
    if walk.presorted_by:
        order = f"{_leading(walk)}, {order}"
    found = Sql(
        f"SELECT {walk.number} AS n, {columns} FROM {source.text} WHERE {where.text} ORDER BY {order} LIMIT ?",
        (*source.parameters, *where.parameters, search.wanted),
    )
    if "x.experiment_id" not in found.text:
        return found
    order = order_by(walk.columns, by_name=True)
    return Sql(
        f"SELECT found.* FROM unnest(?) x (experiment_id) CROSS JOIN LATERAL ({found.text}) found"
        f" ORDER BY {order} LIMIT ?",
        (list(search.experiment_ids), *found.parameters, search.wanted),
    )


def _leading(walk: _Walk) -> str:
    """What the index goes by."""
    first = next(column for column in walk.columns if not column.is_settled)
    return (walk.presorted_by or first.expression) + (" DESC" if first.descending else "")


def _place(walk: _Walk) -> list[Sql]:
    place = walk.place()
    if place is None:
        return []
    columns, values = place
    # The comparison in front says nothing new, but it is one that an index can seek by.
    first, value = columns[0], values[0]
    if walk.presorted_by:
        seek = Sql(f"{walk.presorted_by} {first.beyond}= ?", (str(value)[:INDEXED_VALUE_CHARACTERS],))
    else:
        seek = Sql(f"{first.expression} {first.beyond}= ?", (value,))
    return [seek, after(columns, values)]


def _tests(search: RunSearch, plan: RunPlan, walk: _Walk) -> Iterator[Sql]:
    def in_set(condition: Condition) -> Sql:
        runs = matching_runs(condition, _among(search.experiment_ids), search.conditions)
        assert runs is not None, condition
        # IS TRUE keeps PostgreSQL from making a join of it: the set is collected once, and hashed.
        return Sql(f"({walk.number} IN ({runs.text} LIMIT {MAX_SET_RUNS})) IS TRUE", runs.parameters)

    return tests_of(search, plan, walk, on_row=value_test, look_up=run_test, in_set=in_set)


# --- a glance -----------------------------------------------------------------------------------------------------


def _glance(search: RunSearch) -> Sql | None:
    """A statement for the page that looks at the first runs of the order alone: no rows when they do not fill it.

    None for an order that is not that of one index. Runs that the index does not tell from the last one looked at are
    looked at as well, for they may come before it.
    """
    walk = _walks(search, _WALK)[0]
    if not walk.along or len(search.experiment_ids) > 1:
        return None
    place = _place(walk)
    where = joined(" AND ", [*walk.where, *place[:1]])
    leading = _leading(walk)
    looked_at = Sql(
        f"(SELECT * FROM {walk.along} WHERE {where.text} ORDER BY {leading} FETCH FIRST {GLANCED_RUNS} ROWS WITH TIES)"
        f" {walk.along.split()[1]}",
        where.parameters,
    )
    source = joined("", [looked_at, Sql(walk.source.text.removeprefix(walk.along), walk.source.parameters)])
    found = _part(search, _WALK, replace(walk, source=source, where=(Sql("TRUE"),)))
    filled = Sql(") SELECT * FROM found WHERE (SELECT count(*) FROM found) >= ?", (search.wanted,))
    return joined("", [Sql("WITH found AS MATERIALIZED ("), found, filled])


# --- walks --------------------------------------------------------------------------------------------------------


def _walks(search: RunSearch, plan: RunPlan) -> list[_Walk]:
    """The parts of the order, without those before the place to go on from."""
    first = search.order[0]
    if plan.start is not None or not is_walkable(first) or len(search.experiment_ids) > MAX_EXPERIMENTS_WALKED:
        return [_sorted_walk(search, plan)]
    if first.entity is Entity.ATTRIBUTE:
        return [_walk_by_start(search)]
    return _walks_by_key(search) or [replace(_walk_by_start(search), where=(Sql("FALSE"),))]


def _sorted_walk(search: RunSearch, plan: RunPlan) -> _Walk:
    """All runs that meet the condition to start from, or all of the experiments, to be sorted."""
    experiments = _among(search.experiment_ids)
    source = Sql("runs r")
    if plan.start is not None:
        runs = matching_runs(search.conditions[plan.start], experiments, search.conditions)
        assert runs is not None, search.conditions[plan.start]
        source = Sql(
            f"({runs.text} OFFSET 0) started CROSS JOIN LATERAL"
            " (SELECT * FROM runs WHERE run_number = started.run_number OFFSET 0) r",
            runs.parameters,
        )
    return _Walk(
        source=_with_order_rows(source, search.order),
        number="r.run_number",
        where=(Sql(f"r.experiment_id {experiments.text}", experiments.parameters),),
        columns=tuple(sort_columns(search.order)),
        after=search.after,
    )


def _walk_by_start(search: RunSearch) -> _Walk:
    return _Walk(
        source=_with_order_rows(Sql("runs r"), search.order),
        number="r.run_number",
        where=(Sql(f"r.{_IN_EXPERIMENT}"),),
        columns=tuple(sort_columns(search.order)),
        along="runs r",
        after=search.after,
    )


def _walks_by_key(search: RunSearch) -> list[_Walk]:
    first = search.order[0]
    table = TABLES[first.entity]
    is_metric = first.entity is Entity.METRIC
    along_key = _Walk(
        source=_with_order_rows(
            Sql(f"{table} o0 CROSS JOIN LATERAL (SELECT * FROM runs WHERE run_number = o0.run_number OFFSET 0) r"),
            search.order,
            first_joined=1,
        ),
        number="o0.run_number",
        where=(Sql(f"o0.{_IN_EXPERIMENT} AND o0.key = ?", (first.name,)),),
        entity=first.entity,
        key=first.name,
        along=f"{table} o0",
        presorted_by="" if is_metric else INDEXED_VALUE.replace("value", "o0.value"),
    )
    without_key = _Walk(
        source=_with_order_rows(Sql("runs r"), search.order, first_joined=1),
        number="r.run_number",
        where=(
            Sql(f"r.{_IN_EXPERIMENT}"),
            # Counting both sides along their indexes is ten times faster than looking for each run's key in vain.
            Sql(
                f"(SELECT count(*) FROM runs WHERE {_IN_EXPERIMENT})"
                f" > (SELECT count(*) FROM {table} WHERE {_IN_EXPERIMENT} AND key = ?)",
                (first.name,),
            ),
            Sql(f"(SELECT 1 FROM {table} WHERE run_number = r.run_number AND key = ?) IS NULL", (first.name,)),
        ),
        lacks_key=True,
    )
    walks = walks_by_rank(search, along_key, without_key, "0.0::float8" if is_metric else "''")
    # NaNs are together in the index, in no order of the columns that tell them apart.
    return [replace(walk, along="") if walk.columns[1].is_settled else walk for walk in walks]


def _with_order_rows(source: Sql, order: Sequence[OrderTerm], first_joined: int = 0) -> Sql:
    """`source` and the rows `o<i>` that the i-th terms are read from, from `first_joined` on."""
    joins = [
        Sql(
            f" LEFT JOIN LATERAL (SELECT * FROM {TABLES[term.entity]} WHERE run_number = r.run_number AND key = ?"
            f" OFFSET 0) o{number} ON TRUE",
            (term.name,),
        )
        for number, term in enumerate(order)
        if number >= first_joined and term.entity is not Entity.ATTRIBUTE
    ]
    return joined("", [source, *joins])


def _among(experiment_ids: Sequence[int]) -> Sql:
    """A comparison for a column of experiment ids."""
    if len(experiment_ids) == 1:
        return Sql("= ?", (experiment_ids[0],))
    return Sql("= ANY (?)", (list(experiment_ids),))
