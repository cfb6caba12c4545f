"""Which number a reported value is kept as."""

import math
import sys
from typing import Final

_LARGEST: Final = sys.float_info.max


def finite(value: float | str) -> float:
    """A reported value as it is kept: infinities become the largest finite double, as MLflow returns them."""
    number = float(value)
    if math.isinf(number):
        return math.copysign(_LARGEST, number)
    return number
