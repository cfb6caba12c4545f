"""Pages of a run search in PostgreSQL's SQL: at most two statements, one that counts and one that answers.

As on SQLite, the order is walked in parts: a metric's numbers along the index by value, then its NaNs, then the runs
without it. A later part is looked into only when the earlier ones did not fill the page. The page is found first,
numbers and sort values only, and JSON is built for the runs on it alone.

PostgreSQL must not choose the plan: it has no statistics of one key's values, so its guesses are off by orders of
magnitude for some and the page then takes seconds. Subqueries with OFFSET 0, which are never merged into the statement
around them, keep joins in the order written, and `READING_SETTINGS` leaves it the indexes alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from query_api.filter.conditions import OrderTerm
from query_api.filter.pages import PageFound, page_of
from query_api.filter.sort_columns import after, order_by
from query_api.filter.sql import Sql, joined
from query_api.filter.vocabulary import Entity
from query_api.port import MAX_PAGE_BYTES, FirstRows, ReadModel, Row
from query_api.postgresql.dialect import POSTGRESQL
from query_api.runs.search.columns import TABLES, sort_columns
from query_api.runs.search.conditions import RunConditions
from query_api.runs.search.counting import plan_by_counts
from query_api.runs.search.plan import WALK, RunPlan
from query_api.runs.search.run_search import RunSearch
from query_api.runs.search.walk import Walk, is_walkable, walks_by_rank
from read_model.tables import INDEXED_VALUE_CHARACTERS
from schemas.documents.runs import LIFECYCLE_STAGE, RUN_IN_SEARCH, RUNS
from schemas.errors import DeadlineExceeded

MAX_EXPERIMENTS_WALKED: Final = 100
"""Each experiment's order is walked on its own and the results merged; beyond this, all runs are sorted."""

PROBED_RUNS: Final = 2_000
"""Five milliseconds a condition, about what counting takes whose result would be that these runs fill the page."""

FEW_RUNS: Final = 1_000
"""A condition met by fewer is a good start, whatever else is known."""

MANY_RUNS: Final = 100_000
"""Counting stops here: it takes some 7 ms, and is done only when the first runs of the order did not fill the page."""

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
    conditions = RunConditions(POSTGRESQL, search, are_narrowed_together=True)
    plan = await plan_by_counts(read_model, conditions, FEW_RUNS, MANY_RUNS)
    if plan is None:
        probe = _probe(conditions)
        found = FirstRows([], True) if probe is None else await _found(read_model, search, probe)
        if found.rows:
            return page_of(found, search.max_results)
        plan = await plan_by_counts(read_model, conditions, MANY_RUNS, MANY_RUNS)
        assert plan is not None
    return page_of(await _found(read_model, search, _page(conditions, plan)), search.max_results)


async def find_numbers(read_model: ReadModel, search: RunSearch) -> list[Row]:
    """Of each run on the page, and of one more where there is one: its number, then its sort values."""
    conditions = RunConditions(POSTGRESQL, search, are_narrowed_together=True)
    plan = await plan_by_counts(read_model, conditions, MANY_RUNS, MANY_RUNS)
    assert plan is not None
    return await read_model.fetch(*POSTGRESQL.assembled(_page(conditions, plan)))


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
    sql, parameters = POSTGRESQL.assembled(
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
    sql, parameters = POSTGRESQL.assembled(
        Sql(
            f"WITH p AS MATERIALIZED ({page.text}) SELECT {_DOCUMENT}, {names} FROM p ORDER BY {order} LIMIT ?",
            (*page.parameters, search.wanted),
        )
    )
    return await read_model.fetch_first(sql, parameters)


def _names(search: RunSearch) -> str:
    return ", ".join(column.name for column in sort_columns(search.order))


# --- the page -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Walk(Walk):
    along: str = ""
    """The table with which `source` begins, if an index of it has the order of the first column."""
    presorted_by: str = ""
    """An expression that the rows come in the order of, and the first column sorts more finely."""


def _page(conditions: RunConditions, plan: RunPlan) -> Sql:
    """A statement for the page: the number `n` of each run and its sort values, in order."""
    search = conditions.search
    walks = _walks(conditions, plan)
    if len(walks) == 1:
        return _part(conditions, plan, walks[0])
    parts: list[Sql] = []
    for number, walk in enumerate(walks):
        part = _part(conditions, plan, walk)
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


def _part(conditions: RunConditions, plan: RunPlan, walk: _Walk) -> Sql:
    """The statement of one walk, with every condition of the search."""
    search = conditions.search
    stage = [Sql(f"{LIFECYCLE_STAGE} = ?", (search.lifecycle_stage,))] if search.lifecycle_stage else []
    source = joined("", [walk.source, _EXPERIMENT_OF_RUN]) if stage else walk.source
    where = joined(" AND ", [*walk.where, *conditions.tests(plan, walk), *stage, *_place(walk)])
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


# --- the probe ----------------------------------------------------------------------------------------------------


def _probe(conditions: RunConditions) -> Sql | None:
    """A statement for the page that looks at the first runs of the order alone: no rows when they do not fill it.

    None for an order that is not that of one index. Runs that are equal to the last one looked at, as far as the index
    goes, are looked at as well, for they may come before it.
    """
    search = conditions.search
    walk = _walks(conditions, WALK)[0]
    if not walk.along or len(search.experiment_ids) > 1:
        return None
    place = _place(walk)
    where = joined(" AND ", [*walk.where, *place[:1]])
    leading = _leading(walk)
    looked_at = Sql(
        f"(SELECT * FROM {walk.along} WHERE {where.text} ORDER BY {leading} FETCH FIRST {PROBED_RUNS} ROWS WITH TIES)"
        f" {walk.along.split()[1]}",
        where.parameters,
    )
    source = joined("", [looked_at, Sql(walk.source.text.removeprefix(walk.along), walk.source.parameters)])
    found = _part(conditions, WALK, replace(walk, source=source, where=(Sql("TRUE"),)))
    filled = Sql(") SELECT * FROM found WHERE (SELECT count(*) FROM found) >= ?", (search.wanted,))
    return joined("", [Sql("WITH found AS MATERIALIZED ("), found, filled])


# --- walks --------------------------------------------------------------------------------------------------------


def _walks(conditions: RunConditions, plan: RunPlan) -> list[_Walk]:
    """The parts of the order, without those before the place to go on from."""
    search = conditions.search
    first = search.order[0]
    if plan.start is not None or not is_walkable(first) or len(search.experiment_ids) > MAX_EXPERIMENTS_WALKED:
        return [_sorted_walk(conditions, plan)]
    if first.entity is Entity.ATTRIBUTE:
        return [_walk_by_start(search)]
    return _walks_by_key(search) or [replace(_walk_by_start(search), where=(Sql("FALSE"),))]


def _sorted_walk(conditions: RunConditions, plan: RunPlan) -> _Walk:
    """All runs that meet the condition to start from, or all of the experiments, to be sorted."""
    search = conditions.search
    source = Sql("runs r")
    if plan.start is not None:
        runs = conditions.met_by(search.conditions[plan.start])
        source = Sql(
            f"({runs.text} OFFSET 0) started CROSS JOIN LATERAL"
            " (SELECT * FROM runs WHERE run_number = started.run_number OFFSET 0) r",
            runs.parameters,
        )
    return _Walk(
        source=_with_order_rows(source, search.order),
        number="r.run_number",
        where=(conditions.in_experiments("r.experiment_id"),),
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
        presorted_by="" if is_metric else POSTGRESQL.indexed_text("o0.value"),
    )
    without_key = _Walk(
        source=_with_order_rows(Sql("runs r"), search.order, first_joined=1),
        number="r.run_number",
        where=(
            Sql(f"r.{_IN_EXPERIMENT}"),
            # Where every run has the key, counting both sides along their indexes is ten times faster than a look-up
            # for each run.
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
