"""How the order of a run search is walked, as far as the dialects agree: its parts, their tests, where each goes on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from query_api.filter.conditions import Condition, OrderTerm
from query_api.filter.pages import SortValue
from query_api.filter.sql import Sql
from query_api.filter.vocabulary import Entity
from query_api.runs.search.order import is_on, may_meet
from query_api.runs.search.plan import RunPlan
from query_api.runs.search.run_search import RunSearch
from query_api.runs.search.sort_columns import SortColumn, sort_columns


@dataclass(frozen=True, slots=True)
class Walk:
    """Runs in an order or in none: where they come from, which are wanted, and how they are sorted."""

    source: Sql
    """Gives the row `r` of runs, and what the columns need."""
    number: str
    """The run's number in the outermost row, known before `r` is read."""
    where: tuple[Sql, ...]
    columns: tuple[SortColumn, ...] = ()
    entity: Entity | None = None
    key: str = ""
    """Conditions on this key of this entity are tested on the row `o0`, which the walk goes along."""
    lacks_key: bool = False
    """Whether it is that of the runs without the order's first key."""
    after: tuple[SortValue, ...] | None = None

    def place(self) -> tuple[list[SortColumn], list[SortValue]] | None:
        """The columns that tell runs apart here, with the values of the run to go on after; None at the beginning."""
        if self.after is None:
            return None
        pairs = zip(self.columns, self.after, strict=True)
        unsettled = [(column, value) for column, value in pairs if not column.is_settled]
        return [column for column, _ in unsettled], [value for _, value in unsettled]


AnyWalk = TypeVar("AnyWalk", bound=Walk)


def is_walkable(term: OrderTerm) -> bool:
    """Whether an index has the order of the term."""
    return term.entity is not Entity.ATTRIBUTE or term.name == "start_time"


def walks_by_rank(search: RunSearch, along_key: AnyWalk, without_key: AnyWalk, nothing: str) -> list[AnyWalk]:
    """One part for each rank of the first term, without those before the place to go on from.

    `along_key` goes along the rows `o0` of the runs that have the term's key, in the order of its values, and is cut
    into a metric's numbers and its NaNs; `nothing` is a value of the key's type for the rest. The columns of both are
    put in here.
    """
    first = search.order[0]
    rank, value, *others = sort_columns(search.order)
    settled = replace(value, expression=nothing, is_settled=True)
    last_rank = 0 if search.after is None else int(search.after[0])

    def ranked(walk: AnyWalk, number: int, column: SortColumn) -> AnyWalk:
        return replace(
            walk,
            columns=(replace(rank, expression=str(number), is_settled=True), column, *others),
            after=search.after if number == last_rank else None,
        )

    values = replace(value, expression="o0.value")
    if first.entity is Entity.METRIC:
        numbers = replace(along_key, where=(*along_key.where, Sql("o0.value IS NOT NULL")))
        nans = replace(along_key, where=(*along_key.where, Sql("o0.value IS NULL")))
        parts = [ranked(numbers, 0, values), ranked(nans, 1, settled), ranked(without_key, 2, settled)]
    else:
        parts = [ranked(along_key, 0, values), ranked(without_key, 1, settled)]
    return [
        walk
        for number, walk in enumerate(parts)
        if number >= last_rank and may_meet(search.conditions, first, has_key=not walk.lacks_key)
    ]


def tests_of(
    search: RunSearch,
    plan: RunPlan,
    walk: Walk,
    *,
    on_row: Callable[[Condition, str], Sql],
    look_up: Callable[[Condition, str], Sql],
    in_set: Callable[[Condition], Sql],
) -> Iterator[Sql]:
    """The search's conditions on the runs of a walk, those by sets first: they need nothing but the run's number.

    `on_row` tests a column, `look_up` the run of a number, `in_set` whether the run is one of those that meet it.
    """
    order = sorted((index not in plan.as_sets, index) for index in range(len(search.conditions)) if index != plan.start)
    for is_looked_up, index in order:
        condition = search.conditions[index]
        if condition.entity is walk.entity and condition.name == walk.key:
            yield on_row(condition, "o0.value")
        elif walk.lacks_key and is_on(condition, search.order[0]):
            continue  # IS NULL
        elif is_looked_up:
            yield look_up(condition, walk.number)
        else:
            yield in_set(condition)
