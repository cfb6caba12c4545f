"""The values of metrics: as requests send them, as events keep them, and as the read model does."""

import math
import sys
from typing import Final

from schemas.errors import InvalidParameterValue
from schemas.messages.bounds import shown

NON_FINITE: Final = frozenset({"NaN", "Infinity", "-Infinity"})
"""How JSON of protocol buffers spells the doubles that JSON has no number for."""

_LARGEST: Final = sys.float_info.max


def metric_value(value: float | str | bool | None, field: str) -> float | str:
    """A value that was sent, as events keep it: a finite number, or one of NON_FINITE.

    Accepts numbers, booleans, text that is a number, and NON_FINITE. Text that Python takes for an infinity (`inf`), or
    for a number too large for a double, is the infinity of its sign.
    Raises InvalidParameterValue naming the field.
    """
    if value.__class__ is float:  # and finite, because JSON has no others
        return value
    if value is None or value == "":
        raise InvalidParameterValue(f"Missing value for required parameter '{field}'.")
    if value in NON_FINITE:
        return str(value)
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if math.isinf(number):
        # R writes doubles with 15 digits, so the largest one, which stands for infinity, comes back a little larger.
        return "Infinity" if number > 0 else "-Infinity"
    if math.isnan(number):
        raise InvalidParameterValue(
            f"Invalid value {shown(str(value))} for parameter '{field}': it must be a number, 'NaN', 'Infinity' or"
            " '-Infinity'."
        )
    return number


def stored_value(value: float | str) -> float:
    """The value of an event as the read model keeps it: a finite number, or NaN.

    An infinity is the largest finite double of its sign, as MLflow returns it.
    """
    number = float(value)
    if math.isinf(number):
        return math.copysign(_LARGEST, number)
    return number
