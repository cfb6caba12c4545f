"""Whether a text is what a filter compares it with."""

import pytest

from query_api.filter.vocabulary import Comparator
from query_api.traces.matching import MAX_EXPRESSION_CHARACTERS, text_test
from schemas.errors import InvalidParameterValue

LINES = "one\nTwo"


@pytest.mark.parametrize(
    ("comparator", "operand", "found"),
    [
        (Comparator.EQUAL, LINES, True),
        (Comparator.EQUAL, "one", False),
        (Comparator.NOT_EQUAL, "one", True),
        (Comparator.NOT_EQUAL, LINES, False),
        (Comparator.IN, ("x", LINES), True),
        (Comparator.IN, ("x",), False),
        (Comparator.NOT_IN, ("x",), True),
        (Comparator.NOT_IN, ("x", LINES), False),
        (Comparator.LIKE, "%Two%", True),
        (Comparator.LIKE, "%two%", False),
        (Comparator.LIKE, "o_e%", True),
        (Comparator.LIKE, "one%", True),
        (Comparator.LIKE, "%one", False),
        (Comparator.LIKE, "o.e%", False),
        (Comparator.LIKE, "%", True),
        (Comparator.ILIKE, "%two%", True),
        (Comparator.ILIKE, "ONE%T_O", True),
        (Comparator.ILIKE, "%three%", False),
        (Comparator.RLIKE, "^one$", False),
        (Comparator.RLIKE, "T[a-z]o", True),
        (Comparator.IS_NULL, "", True),  # of what is there no text is asked
    ],
)
def test_a_text_meets_a_comparison(comparator: Comparator, operand: str | tuple[str, ...], found: bool) -> None:
    assert text_test(comparator, operand)(LINES) is found


def test_a_backslash_is_a_backslash() -> None:
    assert text_test(Comparator.LIKE, "a\\%")("a\\b")
    assert not text_test(Comparator.LIKE, "a\\%")("a%")


@pytest.mark.parametrize(
    ("expression", "said"),
    [("(", "Invalid expression"), ("x" * (MAX_EXPRESSION_CHARACTERS + 1), "has 1001 characters")],
)
def test_what_is_no_expression_is_refused(expression: str, said: str) -> None:
    with pytest.raises(InvalidParameterValue) as refused:
        text_test(Comparator.RLIKE, expression)
    assert said in refused.value.message
