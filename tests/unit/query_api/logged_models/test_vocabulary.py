"""Which entities, keys, comparators and values the search of logged models takes; everything else is an error."""

import pytest

from query_api.filter.conditions import Condition
from query_api.logged_models.vocabulary import LOGGED_MODELS
from schemas.errors import InvalidParameterValue
from tests.unit.query_api.checked import SIZES, condition


@pytest.mark.parametrize(
    "text",
    [
        *(
            f"{key} {test}"
            for key in ("name", "attributes.model_id", "model_type", "source_run_id", "params.a", "tags.a")
            for test in ("= 'x'", "!= 'x'", "like 'x'", "ILIKE 'x'", "IN ('x')", "not in ('x')", "= x", "= 5", "= a-b")
        ),
        *(
            f"{key} {comparator} 0.5"
            for key in ("creation_time", "creation_timestamp", "last_updated_timestamp", "metrics.a", "metrics.x-y")
            for comparator in SIZES
        ),
        "lifecycle_stage = 'active'",
        "experiment_id = 5",
    ],
)
def test_logged_models_take(text: str) -> None:
    assert isinstance(condition(text, LOGGED_MODELS), Condition)


@pytest.mark.parametrize(
    "text",
    [
        "name > 'x'",
        "name IS NULL",
        "name RLIKE 'x'",
        "name IN ()",
        "name IN (x)",
        "Name = 'x'",
        "foo = 'x'",
        "attribute.name = 'x'",
        "attr.name = 'x'",
        "param.a = 'x'",
        "tag.a = 'x'",
        "metric.a > 1",
        "params.a IS NOT NULL",
        "params.a > 4",
        "params.from = 'x'",
        "metrics.a > x",
        "metrics.a > '1'",
        "metrics.a LIKE '1'",
        "metrics.a IN ('1')",
        "metrics.a IS NULL",
        "status > 1",
        "status = 4",
        "status = 'LOGGED_MODEL_READY'",
        "status = 'ready'",
        "status LIKE 'R%'",
        "status IN ('READY', 'BOGUS')",
        "creation_time > x",
        "creation_time > '0'",
        "creation_time LIKE '1'",
        "last_updated_time > 0",
        "datasets.name = 'x'",
    ],
)
def test_logged_models_refuse(text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        condition(text, LOGGED_MODELS)


def test_logged_models_keep_double_quotes_as_part_of_a_value() -> None:
    assert condition('name = "x"', LOGGED_MODELS).operand == '"x"'
    assert condition("name = 'x'", LOGGED_MODELS).operand == "x"


def test_a_status_of_a_logged_model_is_a_number_however_it_is_written() -> None:
    assert {condition(f"status = {value}", LOGGED_MODELS).operand for value in ("2", "'2'", "2.0", "'READY'")} == {2}
