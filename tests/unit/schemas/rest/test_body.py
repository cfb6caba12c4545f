"""The values of a large body are counted before anything is made of them, in steps between which others have turns."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InvalidParameterValue, RequestTooLarge
from schemas.messages.run_data import LogBatch, SetTag
from schemas.rest import body
from schemas.rest.body import MAX_VALUES, check_values
from schemas.rest.decode import decode_body

LONG = 100_000


@pytest.mark.parametrize(
    "hostile",
    [
        b'{"run_id":"a",' + b",".join(b'"k%d":1' % number for number in range(LONG)) + b"}",
        b'{"run_id":"a","metrics":[' + b"{}," * LONG + b"{}]}",
        b'{"run_id":"a","x":[' + b"[]," * LONG + b"[]]}",
        b'{"run_id":"a","x":[' + b"1," * LONG + b"1]}",
        b'{"run_id":"a","x":[' + b'"",' * LONG + b'""]}',
        b"[" * LONG,
        b'{"a":' * LONG,
        b'{"x":"' + b'\\\\"' + b',"a":[]' * LONG,
        b'{"\\"":1,' + b'"a":2,' * LONG,
    ],
    ids=lambda hostile: hostile[:30].decode(),
)
def test_bodies_of_more_values_than_any_request_needs_are_refused_unread(hostile: bytes) -> None:
    with pytest.raises(RequestTooLarge):
        check_values(hostile)


@pytest.mark.parametrize(
    "text",
    ["," * LONG, "[{," * LONG, '",[' * LONG, '\\",' * LONG, "\\" * LONG, ',\\"\\\\' * LONG, "é,\n" * LONG],
    ids=lambda text: text[:8],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_what_stands_inside_strings_is_no_value(text: str, ascii_only: bool) -> None:
    check_values(json.dumps({"run_id": "r", "tags": [{"key": "k", "value": text}]}, ensure_ascii=ascii_only).encode())


def count(sent: bytes) -> int:
    """The values counted in steps of a few bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(body, "UNCOUNTED_BYTES", 0)
        patch.setattr(body, "_BYTES_AT_ONCE", 7)
        for most in range(1000):
            with suppress(RequestTooLarge):
                check_values(sent, most)
                return most
    raise AssertionError(sent)


documents = st.recursive(
    st.integers(0, 99) | st.text(alphabet='",[{\\x', max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='",[{\\x', max_size=5), inner),
    max_leaves=12,
)


@given(document=documents)
def test_the_count_does_not_depend_on_where_the_steps_end(document: object) -> None:
    def separators(value: object) -> int:
        if isinstance(value, dict):
            return 1 + max(len(value) - 1, 0) + sum(map(separators, value.values()))
        if isinstance(value, list):
            return 1 + max(len(value) - 1, 0) + sum(map(separators, value))
        return 0

    assert count(json.dumps(document).encode()) == separators(document)


def test_a_large_batch_passes() -> None:
    metric = {"key": "k" * 250, "value": 1.5, "timestamp": 1, "step": 1, "model_id": "m", "run_id": "r"}
    check_values(json.dumps({"run_id": "r", "metrics": [metric] * 1000}).encode())


def test_json_inside_a_string_is_counted_too() -> None:
    inner = '{"run_id":"r",' + ",".join(f'"{number}":1' for number in range(MAX_VALUES + 1)) + "}"
    with pytest.raises(RequestTooLarge):
        decode_body(json.dumps(inner).encode(), LogBatch)
    with pytest.raises(InvalidParameterValue, match="exceeds the maximum length"):
        decode_body(json.dumps(" " * 1_000_001).encode(), LogBatch)


def test_a_name_of_megabytes_costs_no_more_than_any_text() -> None:
    long = "aA" * 4_000_000
    message = decode_body(json.dumps({"run_id": "r", "key": "k", "value": "v", long: 1}).encode(), SetTag)
    assert message == SetTag(run_id="r", key="k", value="v")
