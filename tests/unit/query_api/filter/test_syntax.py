"""What a filter and an order may look like, whatever the search."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.filter import syntax
from query_api.filter.syntax import (
    MAX_CHARACTERS,
    MAX_CLAUSES,
    Comparison,
    Identifier,
    Membership,
    Nullness,
    Number,
    Ordering,
    Quote,
    Text,
    Word,
    parse_filter,
    parse_order,
)
from schemas.errors import InvalidParameterValue

ONE = Comparison(Identifier("metrics", "a", ""), ">", Number("0"))
TWO = Comparison(Identifier("tags", "b", ""), "=", Text("x", "'"))


@pytest.mark.parametrize(
    "text",
    [
        "metrics.a > 0 AND tags.b = 'x'",
        "metrics.a>0 and tags.b='x'",
        "metrics.a > 0 tags.b = 'x'",
        "AND metrics.a > 0 AND tags.b = 'x'",
        "metrics.a > 0 AND tags.b = 'x' AND",
        "AND AND metrics.a > 0 And AND\ttags.b\n=\n'x'  ",
        "`metrics`.a > 0 AND `tags`.b = 'x'",
    ],
)
def test_conditions_are_joined_by_and_which_may_be_missing_doubled_or_dangling(text: str) -> None:
    assert parse_filter(text) == (ONE, TWO)


@pytest.mark.parametrize("text", ["", "AND", "and AND"])
def test_no_condition_is_no_filter(text: str) -> None:
    assert parse_filter(text) == ()


@pytest.mark.parametrize("blank", [" ", "\n\t "])
def test_a_blank_filter_is_refused(blank: str) -> None:
    with pytest.raises(InvalidParameterValue):
        parse_filter(blank)


@pytest.mark.parametrize(
    ("written", "entity", "key", "quote"),
    [
        ("start_time", None, "start_time", ""),
        ("`run name`", None, "run name", "`"),
        ('"run name"', None, "run name", '"'),
        ("tags.mlflow.source.name", "tags", "mlflow.source.name", ""),
        ("tags.`a b`", "tags", "a b", "`"),
        ('tags."a b"', "tags", "a b", '"'),
        ("tags.'a b'", "tags", "a b", "'"),
        ("tags.`a\"b'c`", "tags", "a\"b'c", "`"),
        ("tags.`and`", "tags", "and", "`"),
        ("tags.and", "tags", "and", ""),
        ("tags.like", "tags", "like", ""),
        ("tags.is", "tags", "is", ""),
        ("metrics.1x", "metrics", "1x", ""),
        ("metrics.größe", "metrics", "größe", ""),
        ("metrics.x-y", "metrics", "x-y", ""),
        ("android", None, "android", ""),
        ("`tags`.`a.b`", "tags", "a.b", "`"),
    ],
)
def test_keys_may_be_quoted_and_unquoted_ones_may_have_dots(
    written: str, entity: str | None, key: str, quote: Quote
) -> None:
    (clause,) = parse_filter(f"{written} != 1")
    assert clause.identifier == Identifier(entity, key, quote)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("'x'", Text("x", "'")),
        ('"x"', Text("x", '"')),
        ("`x`", Text("x", "`")),
        ("''", Text("", "'")),
        ("'it \"is\" -- ; AND (x)'", Text('it "is" -- ; AND (x)', "'")),
        ('"it\'s"', Text("it's", '"')),
        (r"'a\b'", Text(r"a\b", "'")),
        ("5", Number("5")),
        ("-5", Number("-5")),
        ("1.50", Number("1.50")),
        (".5", Number(".5")),
        ("5.", Number("5.")),
        ("1e-3", Number("1e-3")),
        ("1E3", Number("1E3")),
        ("nan", Word("nan")),
        ("1_0", Word("1_0")),
        ("0x1", Word("0x1")),
        ("a-b.c", Word("a-b.c")),
    ],
)
def test_values_are_quoted_texts_numbers_or_words(written: str, value: object) -> None:
    (clause,) = parse_filter(f"a = {written}")
    assert isinstance(clause, Comparison)
    assert clause.value == value


@pytest.mark.parametrize(
    ("text", "comparator"), [("a LIKE 'x'", "LIKE"), ("a not like 'x'", "not like"), ("a == 'x'", "=="), ("a<>1", "<>")]
)
def test_comparators_are_kept_as_written_for_the_search_to_judge(text: str, comparator: str) -> None:
    assert parse_filter(text)[0].comparator == comparator


def test_lists_and_null_tests() -> None:
    assert parse_filter("a IN ('x', \"y\",) b not  in () c IS  not NULL d is null") == (
        Membership(Identifier(None, "a", ""), "IN", (Text("x", "'"), Text("y", '"'))),
        Membership(Identifier(None, "b", ""), "not  in", ()),
        Nullness(Identifier(None, "c", ""), "IS  not NULL"),
        Nullness(Identifier(None, "d", ""), "is null"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "a = 1 OR b = 1",
        "NOT a = 1",
        "(a = 1)",
        "a = 1;",
        "a = 1; b = 1",
        "a = 1 -- b",
        "a = 1 /* b */",
        "a = 1 # b",
        "a = 1, b = 1",
        "a = +1",
        "a = - 1",
        "a = --1",
        "a = 1e+3",
        "a = 1 + 1",
        "a = (1)",
        "a =",
        "a",
        "= 1",
        "1 < a",
        "a IS 'x'",
        "a ISNULL",
        "a BETWEEN 1 AND 2",
        "a IN 'x'",
        "a IN ('x' 'y')",
        "a IN ('x'",
        "a = 'x",
        'a = "x',
        "a = 'x' 'y'",
        "tags.a b = 'x'",
        "tags. = 'x'",
        "tags.`a = 'x'",
        "tags.a:b = 'x'",
        "tags.a/b = 'x'",
        "'tags'.a = 'x'",
        "\"tags\".a = 'x'",
        "'a' = 'x'",
        "a = 1 && b = 1",
        "a = b(1)",
    ],
)
def test_nothing_else_is_a_filter(text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        parse_filter(text)


@pytest.mark.parametrize(
    ("text", "entity", "key", "descending"),
    [
        ("start_time", None, "start_time", False),
        ("start_time ASC", None, "start_time", False),
        ("start_time desc", None, "start_time", True),
        ("metrics.a\tDESC", "metrics", "a", True),
        ("metrics.`a b` DESC", "metrics", "a b", True),
        ("metrics.desc", "metrics", "desc", False),
        ("metrics.desc desc", "metrics", "desc", True),
        ("start_time DESC ", None, "start_time", True),
        ("metrics.5", "metrics", "5", False),
    ],
)
def test_an_order_is_a_key_and_perhaps_a_direction(text: str, entity: str | None, key: str, descending: bool) -> None:
    ordering = parse_order(text)
    assert (ordering.identifier.entity, ordering.identifier.key, ordering.descending) == (entity, key, descending)


@pytest.mark.parametrize("text", ["", " ", "a, b", "a DESC ASC", "a FOO", "a NULLS LAST", "a;", "1", "'a'", "tags.a b"])
def test_nothing_else_is_an_order(text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        parse_order(text)


def test_a_filter_is_bounded_in_length_and_in_conditions() -> None:
    with pytest.raises(InvalidParameterValue, match=str(MAX_CHARACTERS)):
        parse_filter("a = '" + "x" * MAX_CHARACTERS + "'")
    with pytest.raises(InvalidParameterValue, match=str(MAX_CLAUSES)):
        parse_filter("a = 1 " * (MAX_CLAUSES + 1))
    assert len(parse_filter("a = 1 " * MAX_CLAUSES)) == MAX_CLAUSES


@given(st.text(alphabet="metricstags.`'\"=<>!()-, 01ANDINLKEOT%\\é\n", max_size=40))
def test_any_text_is_understood_or_refused(text: str) -> None:
    for parse in (parse_filter, parse_order):
        try:
            parsed = parse(text)
        except InvalidParameterValue:
            continue
        assert isinstance(parsed, tuple | Ordering)


@pytest.mark.parametrize(("text", "is_here"), [("a = 1", True), ("a IN (" + "'x'," * 500 + "'y')", False)])
async def test_a_long_filter_leaves_the_event_loop(text: str, is_here: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def parse(text: str) -> tuple[syntax.Clause, ...]:
        threads.append(threading.current_thread())
        return parse_filter(text)

    monkeypatch.setattr(syntax, "parse_filter", parse)
    assert await syntax.parse_long_filter(text) == parse_filter(text)
    assert [thread is threading.current_thread() for thread in threads] == [is_here]
