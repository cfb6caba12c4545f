"""Tests of text that no index helps with, made here and not by the databases, so that both answer alike.

Expressions are those of RE2, which takes time in proportion to the text, whatever is asked for.
"""

from collections.abc import Callable
from typing import Final

import re2  # type: ignore[import-untyped]

from query_api.filter.conditions import Operand
from query_api.filter.vocabulary import Comparator
from schemas.errors import InvalidParameterValue
from schemas.messages.bounds import shown

TextTest = Callable[[str], bool]

MAX_EXPRESSION_CHARACTERS: Final = 1000


def text_test(comparator: Comparator, operand: Operand) -> TextTest:
    """The test of a text. Raises InvalidParameterValue for an expression that is none."""
    match comparator:
        case Comparator.EQUAL:
            return lambda text: text == operand
        case Comparator.NOT_EQUAL:
            return lambda text: text != operand
        case Comparator.IN if isinstance(operand, tuple):
            return lambda text: text in operand
        case Comparator.NOT_IN if isinstance(operand, tuple):
            return lambda text: text not in operand
        case Comparator.LIKE:
            return _like(str(operand), "(?s)")
        case Comparator.ILIKE:
            return _like(str(operand), "(?is)")
        case Comparator.RLIKE:
            return _expression(str(operand))
        case _:
            return lambda _text: True


def _like(pattern: str, flags: str) -> TextTest:
    """% and _ are wildcards, and a backslash is a backslash."""
    inner = pattern[1:-1]
    if len(pattern) > 1 and pattern[0] == pattern[-1] == "%" and "%" not in inner and "_" not in inner:
        if flags == "(?s)":
            return lambda text: inner in text
        lowered = inner.lower()
        return lambda text: lowered in text.lower()
    parts = [".*" if one == "%" else "." if one == "_" else re2.escape(one) for one in pattern]
    return _matches(f"{flags}\\A{''.join(parts)}\\z")


def _expression(pattern: str) -> TextTest:
    if len(pattern) > MAX_EXPRESSION_CHARACTERS:
        raise InvalidParameterValue(
            f"The expression has {len(pattern)} characters and may have at most {MAX_EXPRESSION_CHARACTERS}."
        )
    return _matches(pattern)


def _matches(expression: str) -> TextTest:
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(expression, options)
    except re2.error as error:
        raise InvalidParameterValue(f"Invalid expression {shown(expression)}: {error}") from error
    return lambda text: compiled.search(text) is not None
