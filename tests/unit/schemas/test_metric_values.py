"""Which values of metrics are taken, and which numbers they are kept as."""

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InvalidParameterValue
from schemas.metric_values import metric_value, stored_value


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (1.5, 1.5),
        (0.0, 0.0),
        (True, 1.0),
        (False, 0.0),
        ("1.5", 1.5),
        (" 1 ", 1.0),
        ("-2e3", -2000.0),
        ("1_0", 10.0),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("-Infinity", "-Infinity"),
    ],
)
def test_a_metric_value_is_a_number_or_one_of_three_words(sent: float | str | bool, kept: float | str) -> None:
    value = metric_value(sent, "value")
    assert value == kept
    assert type(value) is type(kept)


@pytest.mark.parametrize("sent", ["nan", "NAN", "0x10", "abc", "true", "--1"])
def test_other_text_is_no_metric_value(sent: str) -> None:
    with pytest.raises(InvalidParameterValue, match="value"):
        metric_value(sent, "value")


@pytest.mark.parametrize("sent", [None, ""])
def test_a_metric_value_must_not_be_missing(sent: str | None) -> None:
    with pytest.raises(InvalidParameterValue, match="Missing"):
        metric_value(sent, "value")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_finite_number_is_the_same_as_text(number: float) -> None:
    assert metric_value(repr(number), "value") == number


@given(st.text())
def test_whatever_text_is_taken_is_finite_or_one_of_three_words(text: str) -> None:
    try:
        value = metric_value(text, "value")
    except InvalidParameterValue:
        return
    assert value in {"NaN", "Infinity", "-Infinity"} if isinstance(value, str) else math.isfinite(value)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (0.1, 0.1),
        ("Infinity", sys.float_info.max),
        ("-Infinity", -sys.float_info.max),
        (math.inf, sys.float_info.max),
    ],
)
def test_an_infinity_is_stored_as_the_largest_finite_number_of_its_sign(value: float | str, stored: float) -> None:
    assert stored_value(value) == stored


def test_what_is_not_a_number_is_stored_as_such() -> None:
    assert math.isnan(stored_value("NaN"))
