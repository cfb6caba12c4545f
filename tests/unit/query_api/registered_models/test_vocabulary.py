"""Which entities, keys, comparators and values the search of registered models takes; everything else is an error."""

import pytest

from query_api.filter.conditions import Condition, check_order
from query_api.filter.syntax import parse_order
from query_api.registered_models.vocabulary import REGISTERED_MODELS
from schemas.errors import InvalidParameterValue
from tests.unit.query_api.checked import condition


@pytest.mark.parametrize(
    "text",
    [
        *(
            f"{key} {test}"
            for key in ("name", "attribute.name", "tag.a", "tags.a", "tags.`a b`", 'tags."a b"')
            for test in ("= 'x'", "!= 'x'", 'LIKE "%x"', "ilike 'x'")
        ),
        "name IN ('a', 'b')",
        "name not in ('a')",
        "tags.a IS NULL",
        "tags.a IS NOT NULL",
    ],
)
def test_registered_models_take(text: str) -> None:
    assert isinstance(condition(text, REGISTERED_MODELS), Condition)


@pytest.mark.parametrize(
    "text",
    [
        "name > 'a'",
        "name RLIKE 'a'",
        "name = a",
        "name = 5",
        "name IN ()",
        "name IN (a)",
        "name IS NULL",
        "Name = 'a'",
        "attributes.name = 'a'",
        "tag.a > 'x'",
        "tags.a IN ('x')",
        "tags.a = x",
        "params.a = 'x'",
        *(
            f"{key} = 'x'"
            for key in ("creation_timestamp", "last_updated_timestamp", "description", "alias", "version", "run_id")
        ),
    ],
)
def test_registered_models_refuse(text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        condition(text, REGISTERED_MODELS)


@pytest.mark.parametrize("text", ["name", "name DESC", "timestamp asc", "last_updated_timestamp", "`name`"])
def test_registered_models_are_ordered_by(text: str) -> None:
    assert check_order([parse_order(text)], REGISTERED_MODELS)


@pytest.mark.parametrize(
    "text", ["creation_timestamp", "attribute.name", "NAME", "tags.a", "", "name, timestamp", "name BOGUS"]
)
def test_registered_models_are_not_ordered_by(text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        check_order([parse_order(text)], REGISTERED_MODELS)
