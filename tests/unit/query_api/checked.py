"""Filters as the conditions that a search makes of them."""

from query_api.filter.conditions import Condition, check_filter
from query_api.filter.syntax import parse_filter
from query_api.filter.vocabulary import Vocabulary

SIZES = ("=", "!=", ">", ">=", "<", "<=")


def condition(text: str, vocabulary: Vocabulary) -> Condition:
    """The one condition of a filter."""
    (checked,) = check_filter(parse_filter(text), vocabulary)
    return checked
