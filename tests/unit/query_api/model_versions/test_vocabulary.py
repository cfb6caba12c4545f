"""Which entities, keys, comparators and values the search of model versions takes; everything else is an error."""

import pytest

from query_api.filter.conditions import Condition, check_order
from query_api.filter.syntax import parse_order
from query_api.model_versions.vocabulary import MODEL_VERSIONS
from schemas.errors import InvalidParameterValue
from tests.unit.query_api.checked import SIZES, condition


@pytest.mark.parametrize(
    "text",
    [
        *(
            f"{key} {test}"
            for key in ("name", "attribute.run_id", "source_path", "tag.a", "tags.a")
            for test in ("= 'x'", "!= 'x'", 'LIKE "%x"', "ilike 'x'")
        ),
        *(f"version_number {comparator} {number}" for comparator in SIZES for number in ("1", "'1'", '"1"', "-1")),
        "name IN ('a', 'b')",
        "run_id not in ('a')",
        "tags.a IS NULL",
    ],
)
def test_model_versions_take(text: str) -> None:
    assert isinstance(condition(text, MODEL_VERSIONS), Condition)


def test_a_version_number_is_a_number_in_quotes_or_not() -> None:
    assert {condition(f"version_number = {value}", MODEL_VERSIONS).operand for value in ("7", "'7'", '"07"')} == {7}


@pytest.mark.parametrize(
    "text",
    [
        "name > 'a'",
        "run_id < 'a'",
        "source_path IN ('a')",
        "attributes.name = 'a'",
        "tags.a IN ('x')",
        *(
            f"version_number = {value}"
            for value in ("1.5", "'x'", "x", "''", "' 1'", "`1`", f"{10**30}", f"'{10**30}'")
        ),
        "version_number LIKE '1'",
        "version_number IN ('1')",
        *(
            f"{key} = 'x'"
            for key in ("creation_timestamp", "current_stage", "stage", "status", "version", "source", "model_id")
        ),
    ],
)
def test_model_versions_refuse(text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        condition(text, MODEL_VERSIONS)


@pytest.mark.parametrize(
    "text", ["name", "version_number DESC", "creation_timestamp asc", "last_updated_timestamp DESC"]
)
def test_model_versions_are_ordered_by(text: str) -> None:
    assert check_order([parse_order(text)], MODEL_VERSIONS)


@pytest.mark.parametrize("text", ["version", "run_id", "timestamp", "attribute.name", "tags.a", "source_path", ""])
def test_model_versions_are_not_ordered_by(text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        check_order([parse_order(text)], MODEL_VERSIONS)
