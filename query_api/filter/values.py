"""The step from a value as it is written in a filter to the operand of a comparison, by the kind that its key expects.

A kind is a function, so that an aggregate brings kinds of its own, such as the names of a status.
"""

from collections.abc import Callable

from query_api.filter.syntax import Identifier, Number, Text, Value
from schemas.errors import InvalidParameterValue
from schemas.mlflow import LARGEST_INT64

ValueKind = Callable[[Value, Identifier, bool], str | int | float]
"""From a value, the key it is compared with (for the error) and whether the search is lenient to the operand.

Raises InvalidParameterValue.
"""


def text(value: Value, identifier: Identifier, is_lenient: bool) -> str:
    """Quoted text. Of a lenient search anything, and double quotes are part of the value."""
    if isinstance(value, Text) and value.quote != "`":
        return f'"{value.value}"' if is_lenient and value.quote == '"' else value.value
    if is_lenient and not isinstance(value, Text):
        return value.written
    raise wrong_value(value, identifier, "text in single or double quotes")


def real(value: Value, identifier: Identifier, _is_lenient: bool) -> float:
    """A number, always floating."""
    if not isinstance(value, Number):
        raise wrong_value(value, identifier, "an unquoted number")
    return float(value.written)


def number(value: Value, identifier: Identifier, is_lenient: bool) -> int | float:
    """A number, exact when it is an integer."""
    if isinstance(value, Number) and value.written.lstrip("-").isdecimal():
        return integer(value, identifier, is_lenient)
    return real(value, identifier, is_lenient)


def integer(value: Value, identifier: Identifier, _is_lenient: bool) -> int:
    """An integer of 64 bits."""
    if not isinstance(value, Number) or not value.written.lstrip("-").isdecimal():
        raise wrong_value(value, identifier, "an unquoted integer")
    digits = value.written.lstrip("-").lstrip("0")
    if len(digits) > len(str(LARGEST_INT64)) or int(digits or "0") > LARGEST_INT64:
        raise wrong_value(value, identifier, "a number of at most 64 bits")
    return int(value.written)


def integer_as_text(value: Value, identifier: Identifier, is_lenient: bool) -> str:
    """An integer, compared as the text of it: so 2.0 is 2. What is no number is compared as the text it is."""
    written = text(value, identifier, is_lenient)
    if isinstance(value, Number) and float(written).is_integer():
        return str(int(float(written)))
    return written


def wrong_value(value: Value, identifier: Identifier, expected: str) -> InvalidParameterValue:
    """The error about a value that is not what its key is compared with."""
    written = f"{value.quote}{value.value}{value.quote}" if isinstance(value, Text) else value.written
    return InvalidParameterValue(f"Invalid value {written[:100]} for {str(identifier)!r}: expected {expected}.")
