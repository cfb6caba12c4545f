"""The order of a run search: what its terms are, and which sort values a page token must carry for them."""

from collections.abc import Sequence
from typing import Final

from query_api.filter.conditions import Condition, OrderTerm, check_order
from query_api.filter.pages import SortValue
from query_api.filter.syntax import parse_order
from query_api.filter.vocabulary import Comparator, Entity
from query_api.runs.vocabulary import RUNS
from schemas.errors import InvalidParameterValue

MAX_ORDER_TERMS: Final = 20
"""Each is a table to join, of which SQLite takes 64."""

_TIE_BREAKS: Final = (
    OrderTerm(Entity.ATTRIBUTE, "start_time", descending=True),
    OrderTerm(Entity.ATTRIBUTE, "run_id", descending=False),
)

_NUMBER_KINDS: Final[dict[str, tuple[type[SortValue], ...]]] = {"start_time": (int,), "end_time": (int, int)}


def run_order(order_by: Sequence[str]) -> tuple[OrderTerm, ...]:
    """The terms of `order_by`, and after them those that make every order total.

    Raises InvalidParameterValue, also for a key given twice.
    Source: MLflow's order of runs: equal ones by start_time DESC, then run_id ASC.
    """
    if len(order_by) > MAX_ORDER_TERMS:
        raise InvalidParameterValue(f"order_by has {len(order_by)} keys and may have at most {MAX_ORDER_TERMS}.")
    terms = check_order([parse_order(text) for text in order_by], RUNS)
    keys = [(term.entity, term.name) for term in terms]
    for entity, name in keys:
        if keys.count((entity, name)) > 1:
            raise InvalidParameterValue(f"order_by has the {entity.value} {name!r} more than once.")
    return (*terms, *(term for term in _TIE_BREAKS if (term.entity, term.name) not in keys))


def sort_kinds(order: Sequence[OrderTerm]) -> list[type[SortValue]]:
    """The types of the sort values of each term: its value, after a rank that puts missing values last if it may miss.

    The rank is 0 for a value; a metric's is 1 for NaN and 2 for none, any other's 1 for none.
    """
    return [kind for term in order for kind in _kinds(term)]


def is_on(condition: Condition, term: OrderTerm) -> bool:
    """Whether both are about the same value."""
    return condition.entity is term.entity and condition.name == term.name


def may_meet(conditions: Sequence[Condition], term: OrderTerm, *, has_key: bool) -> bool:
    """Whether runs with the term's key, or those without it, can meet the conditions on that very key."""
    return all(
        (condition.comparator is Comparator.IS_NULL) != has_key for condition in conditions if is_on(condition, term)
    )


def _kinds(term: OrderTerm) -> tuple[type[SortValue], ...]:
    match term.entity:
        case Entity.METRIC:
            return int, float
        case Entity.ATTRIBUTE:
            return _NUMBER_KINDS.get(term.name, (str,))
        case _:
            return int, str
