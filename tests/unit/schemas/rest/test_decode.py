"""What a request's bytes become, and what is refused with the field named."""

import json
from typing import Any

import pytest
from multidict import MultiDict

from schemas.errors import InvalidParameterValue
from schemas.messages.logged_models import SearchLoggedModels
from schemas.messages.metrics import GetMetricHistoryBulkInterval
from schemas.messages.run_data import LogBatch, LogMetric, LogParam
from schemas.messages.runs import CreateRun, GetRun, SearchRuns, UpdateRun
from schemas.rest.decode import decode_body, decode_query

RUN = {"run_id": "r", "key": "k"}


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    ("given", "field", "expected"),
    [
        ({"timestamp": 3}, "timestamp", 3),
        ({"timestamp": "3"}, "timestamp", 3),
        ({"timestamp": 3.0}, "timestamp", 3),
        ({"step": "-2"}, "step", -2),
        ({"value": "NaN"}, "value", "NaN"),
        ({"value": 1}, "value", 1.0),
        ({"value": True}, "value", True),
        ({"modelId": "m"}, "model_id", "m"),
        ({"model_id": None}, "model_id", ""),
        ({"unknown": {"deep": [1]}}, "step", 0),
    ],
)
def test_leniencies_of_a_field(given: dict[str, Any], field: str, expected: object) -> None:
    message = decode_body(body(**({**RUN, "value": 1.0, "timestamp": 1} | given)), LogMetric)
    assert getattr(message, field) == expected


@pytest.mark.parametrize(
    "given",
    [
        {"run_id": 1},
        {"run_id": ""},
        {"run_id": None},
        {"key": ""},
        {"key": ["k"]},
        {"timestamp": None},
        {"timestamp": 1.5},
        {"timestamp": "x"},
        {"step": 2**63},
        {"step": "9" * 40},
        {"value": None},
        {"value": [1]},
        {"value": {"a": 1}},
    ],
    ids=str,
)
def test_wrong_values_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterValue):
        decode_body(body(**({**RUN, "value": 1.0, "timestamp": 1} | given)), LogMetric)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   ",
        b"[]",
        b"3",
        b"null",
        b"{",
        b'{"run_id": "r"',
        b'{"run_id": NaN}',
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"run_id":' * 50_000,
        b'{"run_id": "r", "key": "\\u0000"}',
        b'{"run_id": "r", "key": "\\ud800"}',
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_bodies_that_are_no_request_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidParameterValue):
        decode_body(raw, LogParam)


def test_a_json_string_that_holds_json_is_read() -> None:
    assert decode_body(json.dumps(json.dumps(RUN)).encode(), LogParam).key == "k"


def test_a_required_field_in_camel_case_counts_as_missing() -> None:
    with pytest.raises(InvalidParameterValue, match="run_ids"):
        decode_body(body(runIds=["r"], metric_key="k"), GetMetricHistoryBulkInterval)


def test_a_field_spelled_both_ways_is_refused() -> None:
    with pytest.raises(InvalidParameterValue, match="twice"):
        decode_body(body(run_name="a", runName="b"), CreateRun)


def test_a_run_may_be_named_by_its_old_field() -> None:
    assert decode_body(body(run_uuid="r"), UpdateRun).run == "r"


def test_a_missing_field_is_named() -> None:
    with pytest.raises(InvalidParameterValue, match="'key'"):
        decode_body(body(run_id="r"), LogParam)


def test_nested_messages_take_the_same_leniencies() -> None:
    message = decode_body(
        body(run_id="r", metrics=[{"key": "k", "value": "1", "timestamp": "2", "modelId": "m", "x": 1}]), LogBatch
    )
    assert (message.metrics[0].timestamp, message.metrics[0].model_id) == (2, "m")


@pytest.mark.parametrize("metrics", [{"key": "k"}, "k", [1], [["k"]]])
def test_a_list_of_messages_must_be_one(metrics: object) -> None:
    with pytest.raises(InvalidParameterValue):
        decode_body(body(run_id="r", metrics=metrics), LogBatch)


def test_a_query_reads_repeated_names_as_a_list_and_numbers_from_text() -> None:
    query = MultiDict([("run_ids", "a"), ("run_ids", "b"), ("metric_key", "k"), ("max_results", "7")])
    message = decode_query(query, GetMetricHistoryBulkInterval)
    assert (message.run_ids, message.max_results) == (["a", "b"], 7)


def test_a_query_ignores_camel_case_and_unknown_names() -> None:
    with pytest.raises(InvalidParameterValue, match="run_id"):
        decode_query(MultiDict(runId="a", other="b"), GetRun)


@pytest.mark.parametrize("value", ["x", "1.5", "", str(2**31)])
def test_a_number_in_a_query_must_be_one(value: str) -> None:
    with pytest.raises(InvalidParameterValue):
        decode_query(MultiDict(run_ids="a", metric_key="k", max_results=value), GetMetricHistoryBulkInterval)


def test_nul_in_a_query_is_refused() -> None:
    with pytest.raises(InvalidParameterValue, match=r"NUL.*\$\.run_id"):
        decode_query(MultiDict(run_id="a\0"), GetRun)


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"tags": [{"key": "a", "value": "b"}, {"key": "c", "value": "d\0"}]}, "$.tags[1].value"),
        ({"runId": "r\0"}, "$.runId"),
        ({"unknown\0": 1}, "key of $"),
    ],
)
def test_nul_in_a_body_is_refused_by_the_name_of_its_field(fields: dict[str, Any], at: str) -> None:
    with pytest.raises(InvalidParameterValue, match="NUL") as refused:
        decode_body(body(**{"run_id": "r", **fields}), LogBatch)
    assert f"`{at}`" in str(refused.value)


def test_a_backslash_before_what_looks_like_nul_is_text() -> None:
    assert decode_body(body(run_id="r\\u0000"), GetRun).run_id == "r\\u0000"


def test_an_enum_may_be_a_name_or_a_number() -> None:
    assert decode_body(body(run_view_type="ALL"), SearchRuns).run_view_type == "ALL"
    assert decode_body(body(run_view_type=3), SearchRuns).run_view_type == 3


def test_booleans_are_booleans() -> None:
    order = decode_body(
        body(experiment_ids=["0"], order_by=[{"fieldName": "name", "ascending": False}]), SearchLoggedModels
    )
    assert order.order_by[0].ascending is False
