"""How the order of a run search is walked, as far as the dialects agree: its parts, and where each goes on."""

from dataclasses import dataclass, replace
from typing import TypeVar

from query_api.filter.conditions import OrderTerm
from query_api.filter.pages import SortValue
from query_api.filter.sort_columns import SortColumn
from query_api.filter.sql import Sql
from query_api.filter.vocabulary import Entity
from query_api.runs.search.columns import sort_columns
from query_api.runs.search.order import may_meet
from query_api.runs.search.run_search import RunSearch


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
        """The columns in which runs differ here, with the values of the run to go on after; None at the beginning."""
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
    values = replace(value, expression="o0.value")
    settled = replace(value, expression=nothing, is_settled=True)
    if first.entity is Entity.METRIC:
        numbers = replace(along_key, where=(*along_key.where, Sql("o0.value IS NOT NULL")))
        nans = replace(along_key, where=(*along_key.where, Sql("o0.value IS NULL")))
        parts = [(numbers, values), (nans, settled), (without_key, settled)]
    else:
        parts = [(along_key, values), (without_key, settled)]
    last_rank = 0 if search.after is None else int(search.after[0])
    return [
        replace(
            walk,
            columns=(replace(rank, expression=str(number), is_settled=True), column, *others),
            after=search.after if number == last_rank else None,
        )
        for number, (walk, column) in enumerate(parts)
        if number >= last_rank and may_meet(search.conditions, first, has_key=not walk.lacks_key)
    ]
