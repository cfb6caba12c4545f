"""A document is rendered from any values that have its columns as attributes."""

from types import SimpleNamespace as Values

import pytest

from schemas.documents.rendering import Renderer
from schemas.documents.shape import (
    Computed,
    Constant,
    Digits,
    Integer,
    Json,
    List,
    Nested,
    Numbered,
    Object,
    Optional,
    Rows,
    Text,
    Word,
)

PAIRS = List("pairs", Rows("tags", owner="run_number"), Object(Text("key"), Integer("n", "number")))


def test_members_come_in_their_order_from_their_columns() -> None:
    shape = Object(
        Integer("b", "number"),
        Digits("a", "number"),
        Text("text"),
        Word("status"),
        Constant("workspace", "default"),
        Computed("stage", "CASE …"),
    )
    values = Values(number=2**53 + 1, text='"', status="RUNNING", stage="active")
    assert Renderer(shape).render(values) == (
        b'{"b":9007199254740993,"a":"9007199254740993","text":"\\"","status":"RUNNING","workspace":"default",'
        b'"stage":"active"}'
    )


def test_json_is_spliced_in_as_it_is() -> None:
    assert Renderer(Object(Json("value"))).render(Values(value="1e-7")) == b'{"value":1e-7}'


@pytest.mark.parametrize(("number", "word"), [(1, "READY"), (7, "UNKNOWN")])
def test_a_number_becomes_its_word(number: int, word: str) -> None:
    shape = Object(Numbered("status", "number", {1: "READY"}, "UNKNOWN"))
    assert Renderer(shape).render(Values(number=number)) == f'{{"status":"{word}"}}'.encode()


@pytest.mark.parametrize(
    ("value", "empty", "rendered"),
    [(None, None, b"{}"), ("", None, b'{"a":""}'), (None, "", b"{}"), ("", "", b"{}"), ("x", "", b'{"a":"x"}')],
)
def test_an_optional_member_is_left_out_when_it_is_none_or_empty(
    value: str | None, empty: str | None, rendered: bytes
) -> None:
    assert Renderer(Object(Optional(Text("a"), empty))).render(Values(a=value)) == rendered


def test_a_zero_is_not_left_out() -> None:
    assert Renderer(Object(Optional(Integer("a")))).render(Values(a=0)) == b'{"a":0}'


def test_a_list_has_an_object_for_each_item_and_is_left_out_without_any() -> None:
    renderer = Renderer(Object(PAIRS))
    pairs = [Values(key="a", number=1), Values(key="b", number=2)]
    assert renderer.render(Values(pairs=pairs)) == b'{"pairs":[{"key":"a","n":1},{"key":"b","n":2}]}'
    assert renderer.render(Values(pairs=[])) == b"{}"


def test_a_nested_object_is_of_the_same_values_and_may_be_empty() -> None:
    shape = Object(Nested("outer", Object(Nested("inner", Object(Integer("a"))))), Nested("data", Object(PAIRS)))
    assert Renderer(shape).render(Values(a=1, pairs=())) == b'{"outer":{"inner":{"a":1}},"data":{}}'


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(AttributeError, match="run_id"):
        Renderer(Object(Text("run_id"))).render(Values())
