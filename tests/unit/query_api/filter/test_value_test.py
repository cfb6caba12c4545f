"""A condition as SQL, in the words of each database."""

import pytest

from query_api.dialect import Dialect
from query_api.filter.conditions import Condition
from query_api.filter.sql import Sql
from query_api.filter.value_test import TRUE, index_range, index_test, is_one_of, value_test
from query_api.filter.vocabulary import Comparator, Entity
from query_api.postgresql.dialect import POSTGRESQL
from query_api.sqlite.dialect import SQLITE

DIALECTS = [SQLITE, POSTGRESQL]


def on_tag(comparator: Comparator, operand: str | tuple[str, ...] | None = None) -> Condition:
    return Condition(Entity.TAG, "t", comparator, operand)


def on_time(comparator: Comparator, operand: float) -> Condition:
    return Condition(Entity.ATTRIBUTE, "start_time", comparator, operand)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_comparison_is_the_same_everywhere(dialect: Dialect) -> None:
    assert value_test(dialect, on_tag(Comparator.EQUAL, "a"), "value") == Sql("value = ?", ("a",))
    assert value_test(dialect, on_tag(Comparator.NOT_EQUAL, "a"), "value") == Sql("value <> ?", ("a",))
    assert value_test(dialect, on_time(Comparator.LESS, 5), "at") == Sql("at < ?", (5,))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_presence_is_no_question_of_the_value(dialect: Dialect) -> None:
    for comparator in (Comparator.IS_NULL, Comparator.IS_NOT_NULL):
        assert value_test(dialect, on_tag(comparator), "value") == TRUE
        assert index_test(dialect, on_tag(comparator), "value") == TRUE


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (SQLITE, Sql("value IN (SELECT value FROM json_each(?))", ('["a","b"]',))),
        (POSTGRESQL, Sql("value = ANY (?)", (["a", "b"],))),
    ],
)
def test_a_list_is_one_parameter_however_long_it_is(dialect: Dialect, expected: Sql) -> None:
    assert value_test(dialect, on_tag(Comparator.IN, ("a", "b")), "value") == expected


def test_an_integer_and_a_fraction_are_compared_exactly() -> None:
    half, whole = on_time(Comparator.GREATER, 1.5), on_time(Comparator.GREATER, 2.0)
    assert value_test(SQLITE, half, "at") == Sql("at > ?", (1.5,))
    assert value_test(POSTGRESQL, half, "at") == Sql("CAST(at AS double precision) > ?", (1.5,))
    assert value_test(POSTGRESQL, whole, "at") == Sql("at > ?", (2,))


def test_an_index_narrows_down_by_the_beginning_of_a_text_that_it_holds() -> None:
    text = "x" * 70
    assert index_test(SQLITE, on_tag(Comparator.EQUAL, text), "value") == Sql("value = ?", (text,))
    assert index_test(POSTGRESQL, on_tag(Comparator.EQUAL, text), "value") == Sql(
        "substr(value, 1, 64) = ?", ("x" * 64,)
    )


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_index_narrows_down_a_pattern_by_its_prefix(dialect: Dialect) -> None:
    column = dialect.indexed_text("value")
    assert index_test(dialect, on_tag(Comparator.LIKE, "ab%c"), "value") == Sql(
        f"{column} >= ? AND {column} < ?", ("ab", "ac")
    )
    for condition in (on_tag(Comparator.LIKE, "%a"), on_tag(Comparator.ILIKE, "a%"), on_tag(Comparator.NOT_EQUAL, "a")):
        assert index_test(dialect, condition, "value") == TRUE


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_index_of_the_whole_text_narrows_down_by_the_text_a_list_or_a_prefix(dialect: Dialect) -> None:
    for condition in (on_tag(Comparator.EQUAL, "x" * 70), on_tag(Comparator.IN, ("a", "b"))):
        assert index_range(dialect, condition, "name") == value_test(dialect, condition, "name")
    assert index_range(dialect, on_tag(Comparator.LIKE, "ab_"), "name") == Sql("name >= ? AND name < ?", ("ab", "ac"))
    for condition in (
        on_tag(Comparator.LIKE, "_a"),
        on_tag(Comparator.ILIKE, "a%"),
        on_tag(Comparator.NOT_EQUAL, "a"),
        on_tag(Comparator.NOT_IN, ("a",)),
    ):
        assert index_range(dialect, condition, "name") == TRUE


@pytest.mark.parametrize("dialect", DIALECTS)
def test_one_of_a_single_value_is_equality(dialect: Dialect) -> None:
    assert is_one_of(dialect, "experiment_id", [7]) == Sql("experiment_id = ?", (7,))
    assert is_one_of(dialect, "experiment_id", [7, 8]).text.startswith("experiment_id ")


def test_parameters_are_numbered_and_equal_ones_share_a_number() -> None:
    sql = Sql("a = ? AND b = ? AND c = ? AND d = ANY (?)", ("x", 1, "x", [1, 2]))
    assert SQLITE.assembled(sql) == sql
    text, parameters = POSTGRESQL.assembled(sql)
    assert text == "a = $1::text AND b = $2::bigint AND c = $1::text AND d = ANY ($3::bigint[])"
    assert parameters == ["x", 1, [1, 2]]
