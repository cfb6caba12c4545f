"""Which entities, keys, comparators and values the search of experiments takes; everything else is an error."""

import pytest

from query_api.experiments.vocabulary import EXPERIMENTS
from query_api.filter.conditions import Condition
from schemas.errors import InvalidParameterValue
from tests.unit.query_api.checked import SIZES, condition


@pytest.mark.parametrize(
    "text",
    [
        *(f"name {comparator} 'x'" for comparator in ("=", "!=", "LIKE", "ILIKE")),
        "attribute.name = 'x'",
        "attributes.name = 'x'",
        "`name` = 'x'",
        "\"name\" = 'x'",
        "experiment_id = '1'",
        "experiment_id != ' 1'",
        "experiment_id IN ('1', '2')",
        "experiment_id NOT IN ('1')",
        *(f"{key} {comparator} 5" for key in ("creation_time", "last_update_time") for comparator in SIZES),
        *(
            f"{entity}.a {test}"
            for entity in ("tag", "tags")
            for test in ("= 'x'", "!= 'x'", "LIKE 'x'", "ILIKE 'x'", "IS NULL", "is not null")
        ),
    ],
)
def test_experiments_take(text: str) -> None:
    assert isinstance(condition(text, EXPERIMENTS), Condition)


@pytest.mark.parametrize(
    "text",
    [
        "name like 'x'",
        "name IN ('x')",
        "name IS NULL",
        "name = x",
        "name = 5",
        "Name = 'x'",
        "attr.name = 'x'",
        "experiment_id = 1",
        "experiment_id = 'x'",
        "experiment_id IN ('x')",
        "experiment_id in ('1')",
        "experiment_id IN (1)",
        "experiment_id LIKE '1'",
        "creation_time > 0.5",
        "creation_time > 1e3",
        "creation_time > '0'",
        "creation_time > 99999999999999999999",
        "creation_time IN ('1')",
        "lifecycle_stage = 'active'",
        "artifact_location = 'x'",
        "Tags.a = 'x'",
        "tags.a ilike 'x'",
        "tags.a IN ('x')",
        "tags.a > 'x'",
        "params.a = 'x'",
        "metrics.a > 1",
    ],
)
def test_experiments_refuse(text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        condition(text, EXPERIMENTS)
