"""How requests spell the ids of experiments."""

import pytest

from schemas.errors import InvalidParameterValue
from schemas.messages.experiments import experiment_id_of


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), (" 0 ", 0), ("00", 0), ("1_0", 10), (str(2**63 - 1), 2**63 - 1)]
)
def test_experiment_ids_are_read_leniently(text: str, number: int) -> None:
    assert experiment_id_of(text) == number


@pytest.mark.parametrize("text", ["-5", str(2**63), "9" * 30])
def test_an_id_no_experiment_can_have_is_one_that_is_not_found(text: str) -> None:
    assert experiment_id_of(text) == -1


@pytest.mark.parametrize("text", ["", "abc", "1.5", "0x1", "9" * 5000])
def test_what_is_no_integer_is_no_experiment_id(text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        experiment_id_of(text)
