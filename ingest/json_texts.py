"""JSON in a text of a request: read once, and so that whatever reads it later can.

Its values are counted first, as those of a body are: see `schemas.rest.body`.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from schemas.errors import InvalidParameterValue
from schemas.rest.body import check_values

MAX_DEPTH: Final = 100
"""Of objects and lists in one another. Python reads a few hundred, fewer where it is called deep inside."""

MAX_VALUES: Final = 1_000_000
"""In one text, such as some 100,000 records."""


def read_json(text: str, field: str) -> Any:
    """What a text holds. Raises InvalidParameterValue naming the field, RequestTooLarge for too many values."""
    check_values(text.encode(), MAX_VALUES)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidParameterValue(f"Invalid value for parameter '{field}': it must be valid JSON.") from error
    check_depth(value, field)
    return value


def check_depth(value: Any, field: str) -> None:
    """Raises InvalidParameterValue."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _values_of(outer)]
        if not level:
            return
    raise InvalidParameterValue(f"Invalid value for parameter '{field}': it is nested deeper than {MAX_DEPTH} levels.")


def parts_of(value: Any) -> Iterator[Any]:
    """A value of JSON and everything in it, however deep."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += _values_of(part)


def _values_of(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
