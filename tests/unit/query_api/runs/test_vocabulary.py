"""Which entities, keys, comparators and values the search of runs takes; everything else is an error."""

import pytest

from query_api.filter.conditions import MAX_PATTERN_CHARACTERS, Condition, check_order
from query_api.filter.syntax import parse_order
from query_api.filter.vocabulary import Comparator, Entity
from query_api.runs.vocabulary import RUNS
from schemas.errors import InvalidParameterValue
from tests.unit.query_api.checked import SIZES, condition

RUN_CONDITIONS = [
    *(f"{prefix}.a {comparator} 1" for prefix in ("metric", "metrics") for comparator in SIZES),
    *(
        f"{prefix}.a {test}"
        for prefix in ("param", "params", "parameter", "parameters", "tag", "tags")
        for test in ("= 'x'", "!= 'x'", "LIKE 'x'", "like 'x'", "ILIKE 'x'", "IS NULL", "is not null")
    ),
    *(
        f"{key} {comparator} 'x'"
        for key in ("run_name", "`run name`", '"Run name"', "`Run Name`", "status", "artifact_uri", "user_id", "run_id")
        for comparator in ("=", "!=", "LIKE", "ilike")
    ),
    *(f"{prefix}.run_name = 'x'" for prefix in ("attribute", "attributes", "attr", "run")),
    "run_id IN ('x', \"y\")",
    "run_id not in ('x')",
    *(f"{key} {comparator} 1" for key in ("start_time", "end_time", "created", "Created") for comparator in SIZES),
    *(
        f"{prefix}.{key} {test}"
        for prefix in ("dataset", "datasets")
        for key in ("name", "digest", "context")
        for test in ("= 'x'", "!= 'x'", "LIKE 'x'", "ILIKE 'x'", "IN ('x')", "NOT IN ('x')")
    ),
]


@pytest.mark.parametrize("text", RUN_CONDITIONS)
def test_runs_take(text: str) -> None:
    assert isinstance(condition(text, RUNS), Condition)


@pytest.mark.parametrize(
    "text",
    [
        "metrics.a LIKE 'x'",
        "metrics.a IN ('1')",
        "metrics.a IS NULL",
        "metrics.a = '1'",
        "metrics.a > nan",
        "metrics.a <> 1",
        "metrics.a == 1",
        "Metrics.a > 1",
        "metrics.in > 1",
        "metrics.FROM > 1",
        "metrics.x-y > 1",
        "params.a > 'x'",
        "params.a IN ('x')",
        "params.a NOT LIKE 'x'",
        "params.a RLIKE 'x'",
        "params.a = 5",
        "params.a = x",
        "params.a = `x`",
        "params.a = NULL",
        "tags.a NOT IN ('x')",
        "run_name IN ('x')",
        "run_name IS NULL",
        "run_name > 'x'",
        "`RUN NAME` = 'x'",
        "Status = 'x'",
        "status = 3",
        "status IN ('x')",
        "run_id IN ()",
        "run_id IN (x)",
        "run_id IN (1)",
        "run_id IN (`x`)",
        "run_id = 1",
        "start_time = '1'",
        "start_time LIKE 1",
        "start_time IN ('1')",
        "start_time > 99999999999999999999",
        "end_time IS NULL",
        "CREATED = 1",
        "lifecycle_stage = 'active'",
        "experiment_id = '1'",
        "duration > 1",
        "foo.a = 'x'",
        "dataset.foo = 'x'",
        "dataset.name IS NULL",
        "dataset.name = x",
        "a > 1",
    ],
)
def test_runs_refuse(text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        condition(text, RUNS)


def test_a_run_name_in_a_filter_is_its_tag() -> None:
    assert condition("run_name = 'x'", RUNS) == Condition(Entity.TAG, "mlflow.runName", Comparator.EQUAL, "x")


def test_times_are_exact_when_they_are_integers_and_metrics_always_floating() -> None:
    assert type(condition("start_time > 9007199254740993", RUNS).operand) is int
    assert type(condition("start_time > 1e3", RUNS).operand) is float
    assert type(condition("metrics.a > 1", RUNS).operand) is float
    assert condition("metrics.a > 99999999999999999999", RUNS).operand == 1e20


def test_a_pattern_is_bounded() -> None:
    assert isinstance(condition(f"tags.a LIKE '{'%' * MAX_PATTERN_CHARACTERS}'", RUNS), Condition)
    with pytest.raises(InvalidParameterValue, match=str(MAX_PATTERN_CHARACTERS)):
        condition(f"tags.a LIKE '{'%' * (MAX_PATTERN_CHARACTERS + 1)}'", RUNS)


@pytest.mark.parametrize(
    "text",
    [
        "status",
        "run_id",
        "run_name",
        "start_time",
        "end_time",
        "artifact_uri",
        "user_id",
        "created",
        "Created",
        "attributes.start_time",
        "metric.`a b`",
        "params.a",
        "tag.a",
    ],
)
def test_runs_are_ordered_by(text: str) -> None:
    assert check_order([parse_order(text)], RUNS)


@pytest.mark.parametrize(
    "text",
    ["experiment_id", "duration", "lifecycle_stage", "`run name`", "Status", "dataset.name", "foo.a", "metrics.x-y"],
)
def test_runs_are_not_ordered_by(text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        check_order([parse_order(text)], RUNS)
