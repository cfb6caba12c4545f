"""A span in OpenTelemetry's JSON, which is put together by hand."""

from typing import Any

import msgspec
import pytest

from query_api.traces import span_json
from query_api.traces.span_json import OtlpSpans
from schemas.events import Span, SpanEvent, SpanLink

TRACE = "tr-000000000000000000000000000000ff"
TRACE_ID = "AAAAAAAAAAAAAAAAAAAA/w=="
SPAN_ID = "AAAAAAAAAPE="


def formed(span: Span) -> dict[str, Any]:
    found = msgspec.json.decode(msgspec.json.encode(OtlpSpans(TRACE).form(span)))
    assert isinstance(found, dict)
    return found


def pair(key: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"key": key, "value": value}


OF_TRACE = pair("mlflow.traceRequestId", {"string_value": TRACE})


def test_a_span_is_answered_with_everything_that_was_sent_of_it() -> None:
    span = Span(
        span_id="00000000000000f1",
        parent_id="00000000000000f2",
        name='a "name"',
        start_ns=1,
        end_ns=2,
        kind=3,
        status=2,
        status_message="no",
        trace_state="a=b",
        flags=257,
        dropped_attributes=4,
        dropped_events=5,
        dropped_links=6,
        events=[SpanEvent("at", 7, {"n": 1})],
        links=[
            SpanLink("0" * 30 + "ff", "00000000000000f1", {"why": "x"}, trace_state="c=d", flags=1),
            SpanLink("0" * 30 + "ff", "00000000000000f1"),
        ],
    )
    assert formed(span) == {
        "trace_id": TRACE_ID,
        "span_id": SPAN_ID,
        "trace_state": "a=b",
        "parent_span_id": "AAAAAAAAAPI=",
        "flags": 257,
        "name": 'a "name"',
        "kind": "SPAN_KIND_CLIENT",
        "start_time_unix_nano": 1,
        "end_time_unix_nano": 2,
        "attributes": [OF_TRACE],
        "events": [{"time_unix_nano": 7, "name": "at", "attributes": [pair("n", {"int_value": 1})]}],
        "links": [
            {
                "trace_id": TRACE_ID,
                "span_id": SPAN_ID,
                "trace_state": "c=d",
                "attributes": [pair("why", {"string_value": "x"})],
                "flags": 1,
            },
            {"trace_id": TRACE_ID, "span_id": SPAN_ID},
        ],
        "dropped_attributes_count": 4,
        "dropped_events_count": 5,
        "dropped_links_count": 6,
        "status": {"code": "STATUS_CODE_ERROR", "message": "no"},
    }


@pytest.mark.parametrize(
    ("value", "answered"),
    [
        ("plain é \n", {"string_value": "plain é \n"}),
        ('"quoted"', {"string_value": "quoted"}),
        ("x" * 1000, {"string_value": "x" * 1000}),
        (True, {"bool_value": True}),
        (7, {"int_value": 7}),
        (0.5, {"double_value": 0.5}),
        (None, {}),
        ({"$bytes": "aGk="}, {"bytes_value": "aGk="}),
        ({"$double": "NaN"}, {"string_value": "NaN"}),
        ([], {"array_value": {"values": []}}),
        ({}, {"kvlist_value": {"values": []}}),
        (
            ["a", 1, []],
            {"array_value": {"values": [{"string_value": "a"}, {"int_value": 1}, {"array_value": {"values": []}}]}},
        ),
        (
            '{"a": "b", "c": [{"d": null}]}',
            {
                "kvlist_value": {
                    "values": [
                        pair("a", {"string_value": "b"}),
                        pair("c", {"array_value": {"values": [{"kvlist_value": {"values": [pair("d", {})]}}]}}),
                    ]
                }
            },
        ),
        ({"$map": {"$bytes": 1}}, {"kvlist_value": {"values": [pair("$bytes", {"int_value": 1})]}}),
    ],
)
def test_every_value_of_an_attribute_has_a_form(value: Any, answered: dict[str, Any]) -> None:
    span = Span(span_id="00000000000000f1", attributes={'k"': value, "again": value})
    assert formed(span)["attributes"] == [pair('k"', answered), pair("again", answered), OF_TRACE]


def test_what_values_become_is_kept_of_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(span_json, "_MOST_KEPT", 1)
    spans = OtlpSpans(TRACE)
    forms = [spans.form(Span(span_id="00000000000000f1", attributes={"k": text})) for text in ("a", "b", "b", "a")]
    assert [msgspec.json.decode(one["attributes"])[0]["value"]["string_value"] for one in forms] == ["a", "b", "b", "a"]
    assert list(spans._values) == ["a"]
