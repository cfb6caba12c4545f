"""Experiment ids as requests spell them."""

from typing import Final

from schemas.errors import InvalidParameterValue

_LARGEST_INT64: Final = 2**63 - 1
_SHOWN_CHARACTERS: Final = 100


def experiment_id_of(text: str) -> int:
    """The experiment id that `text` spells, as leniently as Python's int does.

    An id no experiment can have (negative, beyond 64 bits) is for the look-up to miss: it becomes -1.
    Raises InvalidParameterValue.
    """
    try:
        number = int(text)
    except ValueError as error:
        raise InvalidParameterValue(f"Experiment id {text[:_SHOWN_CHARACTERS]!r} is not an integer.") from error
    return number if 0 <= number <= _LARGEST_INT64 else -1
