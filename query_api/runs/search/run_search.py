"""A run search as checked data: what a request comes to before any SQL."""

from dataclasses import dataclass

from query_api.filter.conditions import Condition, OrderTerm
from query_api.filter.pages import SortValue


@dataclass(frozen=True, slots=True)
class RunSearch:
    """Runs of some experiments that meet every condition, in a total order, from after one place in it."""

    experiment_ids: tuple[int, ...]  # at least one, each once
    conditions: tuple[Condition, ...]
    order: tuple[OrderTerm, ...]
    lifecycle_stage: str | None
    after: tuple[SortValue, ...] | None
    """The sort values, as `sort_kinds` lays them out, of the run before the first one to find."""
    max_results: int

    @property
    def wanted(self) -> int:
        """How many runs to look for: one more than a page holds tells whether there are more."""
        return self.max_results + 1
