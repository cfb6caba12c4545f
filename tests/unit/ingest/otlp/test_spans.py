"""A request of OTLP to spans: in both forms the same, without loss, and bounded."""

import base64
import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingest.otlp import json_form, protobuf_form
from ingest.otlp.spans import MAX_ATTRIBUTES, MAX_DEPTH, MAX_LINKS, MAX_SPAN_BYTES, Gathered, SentSpan
from schemas.errors import InvalidParameterValue, RequestTooLarge
from schemas.events import Span, TraceSpansLogged

TRACE = bytes(range(16))


def request(**given: Any) -> ExportTraceServiceRequest:
    """A request of one span that has everything."""
    sent = ExportTraceServiceRequest()
    resource = sent.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "s"
    scope = resource.scope_spans.add()
    scope.scope.name, scope.scope.version = "library", "1.0"
    span = scope.spans.add(
        trace_id=TRACE,
        span_id=b"\0" * 7 + b"\1",
        parent_span_id=b"\0" * 7 + b"\2",
        name="n\0ul",
        kind=3,
        start_time_unix_nano=1_700_000_000_000_000_001,
        end_time_unix_nano=1_700_000_000_000_000_002,
        trace_state="k=v",
        flags=257,
        dropped_attributes_count=1,
        dropped_events_count=2,
        dropped_links_count=3,
    )
    span.status.code, span.status.message = 2, "m"
    value = span.attributes.add(key="text").value
    value.string_value = '{"a": 1}'
    span.attributes.add(key="int").value.int_value = -(2**63)
    span.attributes.add(key="double").value.double_value = 1.0
    span.attributes.add(key="nan").value.double_value = math.nan
    span.attributes.add(key="infinity").value.double_value = -math.inf
    span.attributes.add(key="bool").value.bool_value = True
    span.attributes.add(key="bytes").value.bytes_value = b"\1\2"
    span.attributes.add(key="nothing")
    inner = span.attributes.add(key="list").value.array_value.values
    inner.add().string_value = "x"
    inner.add().kvlist_value.values.add(key="$bytes").value.string_value = "a key of its own"
    event = span.events.add(name="exception", time_unix_nano=5)
    event.attributes.add(key="exception.type").value.string_value = "ValueError"
    link = span.links.add(trace_id=b"\xab" * 16, span_id=b"\xcd" * 8, flags=1)
    link.attributes.add(key="l").value.int_value = 1
    for name, one in given.items():
        setattr(span, name, one)
    return sent


def as_json(sent: ExportTraceServiceRequest) -> bytes:
    """As exporters write it: ids are hexadecimal."""

    def with_hex(value: Any) -> Any:
        if isinstance(value, list):
            return [with_hex(one) for one in value]
        if not isinstance(value, dict):
            return value
        return {
            key: base64.b64decode(one).hex() if key in ("traceId", "spanId", "parentSpanId") else with_hex(one)
            for key, one in value.items()
        }

    return json.dumps(with_hex(MessageToDict(sent))).encode()


def only(sent: Iterator[SentSpan | None]) -> SentSpan:
    [span] = [one for one in sent if one is not None]
    return span


EXPECTED = Span(
    span_id="0000000000000001",
    parent_id="0000000000000002",
    name="n\N{REPLACEMENT CHARACTER}ul",
    start_ns=1_700_000_000_000_000_001,
    end_ns=1_700_000_000_000_000_002,
    kind=3,
    status=2,
    status_message="m",
    attributes={
        "text": '{"a": 1}',
        "int": -(2**63),
        "double": 1.0,
        "nan": {"$double": "NaN"},
        "infinity": {"$double": "-Infinity"},
        "bool": True,
        "bytes": {"$bytes": "AQI="},
        "nothing": None,
        "list": ["x", {"$map": {"$bytes": "a key of its own"}}],
    },
    trace_state="k=v",
    flags=257,
    dropped_attributes=1,
    dropped_events=2,
    dropped_links=3,
)


@pytest.mark.parametrize("form", ["protobuf", "json"])
def test_a_span_comes_without_loss_in_either_form(form: str) -> None:
    sent = request()
    found = only(
        protobuf_form.sent_spans(sent.SerializeToString())
        if form == "protobuf"
        else json_form.sent_spans(as_json(sent))
    )
    assert found.trace_id == "tr-000102030405060708090a0b0c0d0e0f"
    assert (found.resource.attributes, found.scope.name, found.scope.version) == (
        {"service.name": "s"},
        "library",
        "1.0",
    )
    [event], [link] = found.span.events, found.span.links
    assert (event.name, event.time_ns, event.attributes) == ("exception", 5, {"exception.type": "ValueError"})
    assert (link.trace_id, link.span_id, link.flags, link.attributes) == ("ab" * 16, "cd" * 8, 1, {"l": 1})
    without = {name: getattr(found.span, name) for name in Span.__struct_fields__ if name not in ("events", "links")}
    assert without == {name: getattr(EXPECTED, name) for name in without}


@pytest.mark.parametrize(
    "wrong", [{"trace_id": b""}, {"trace_id": b"\1" * 17}, {"span_id": b""}, {"start_time_unix_nano": 2**63}]
)
def test_a_request_with_a_span_that_is_wrong_is_refused(wrong: dict[str, Any]) -> None:
    sent = request(**wrong)
    for spans in (protobuf_form.sent_spans(sent.SerializeToString()), json_form.sent_spans(as_json(sent))):
        with pytest.raises(InvalidParameterValue):
            only(spans)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"resourceSpans": 1}',
        b'{"resourceSpans": [[]]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz", "spanId": "00"}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "1a", "spanId": "1a", "endTimeUnixNano": ""}]}]}]}',
    ],
)
def test_json_that_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidParameterValue):
        list(json_form.sent_spans(body))


def test_protobuf_that_is_no_request_is_refused() -> None:
    with pytest.raises(InvalidParameterValue):
        list(protobuf_form.sent_spans(b"\xff"))


def test_what_is_too_much_of_a_span_is_left_out_and_counted() -> None:
    sent = request()
    span = sent.resource_spans[0].scope_spans[0].spans[0]
    del span.attributes[:]
    deep = span.attributes.add(key="deep").value
    for _ in range(MAX_DEPTH + 5):
        deep = deep.array_value.values.add()
    for number in range(MAX_ATTRIBUTES + 9):
        span.attributes.add(key=f"k{number}").value.int_value = number
    found = only(protobuf_form.sent_spans(sent.SerializeToString())).span
    assert (len(found.attributes), found.dropped_attributes) == (MAX_ATTRIBUTES, 1 + 10)
    depth = 0
    value = found.attributes["deep"]
    while value:
        depth, value = depth + 1, value[0]
    assert depth == MAX_DEPTH


@pytest.mark.parametrize("form", ["protobuf", "json"])
def test_a_list_or_a_map_has_so_many_elements(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"ingest.otlp.{form}_form.MAX_ELEMENTS", 2)
    sent = request()
    span = sent.resource_spans[0].scope_spans[0].spans[0]
    del span.attributes[:]
    listed, mapped = (span.attributes.add(key=key).value for key in ("list", "map"))
    for number in range(3):
        listed.array_value.values.add().int_value = number
        mapped.kvlist_value.values.add(key=str(number)).value.int_value = number
    read = (
        protobuf_form.sent_spans(sent.SerializeToString())
        if form == "protobuf"
        else json_form.sent_spans(as_json(sent))
    )
    assert only(read).span.attributes == {"list": [0, 1], "map": {"0": 0, "1": 1}}


def test_more_links_than_a_span_may_have_are_counted_and_not_read() -> None:
    sent = request()
    span = sent.resource_spans[0].scope_spans[0].spans[0]
    del span.links[:]
    for _ in range(20_000):
        span.links.add(trace_id=TRACE, span_id=b"\1" * 8)
    found = only(protobuf_form.sent_spans(sent.SerializeToString())).span
    assert (len(found.links), found.dropped_links) == (MAX_LINKS, 3 + 20_000 - MAX_LINKS)


def test_values_nested_so_deep_that_they_cannot_be_read_are_refused() -> None:
    inner = b""
    for _ in range(300):  # AnyValue.array_value of ArrayValue.values of AnyValue
        inner = b"".join(b"\x2a" + _length(one) + one for one in [b"\x0a" + _length(inner) + inner])
    value = b"\x12" + _length(inner) + inner
    for tag in (b"\x4a", b"\x12", b"\x12", b"\x0a"):  # an attribute, its span, its scope, its resource
        value = tag + _length(value) + value
    with pytest.raises(InvalidParameterValue, match="Invalid OpenTelemetry format"):
        list(protobuf_form.sent_spans(value))


def _length(data: bytes) -> bytes:
    found, rest = b"", len(data)
    while rest > 127:
        found, rest = found + bytes([rest & 127 | 128]), rest >> 7
    return found + bytes([rest])


def gathered_from(sent: ExportTraceServiceRequest) -> Gathered:
    body = sent.SerializeToString()
    gathered = Gathered(len(body))
    for one in protobuf_form.sent_spans(body):
        if one is not None:
            gathered.add(one)
    return gathered


def test_a_span_that_is_too_large_is_refused() -> None:
    sent = request()
    value = sent.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="large").value
    value.string_value = "x" * (MAX_SPAN_BYTES // 2)
    assert gathered_from(sent).traces
    value.string_value = "\1" * (MAX_SPAN_BYTES // 6)
    with pytest.raises(RequestTooLarge, match=f"at most {MAX_SPAN_BYTES} bytes as JSON.*0000000000000001 of tr-"):
        gathered_from(sent)


def test_a_resource_is_not_repeated_for_so_many_traces_that_they_take_far_more_than_the_request() -> None:
    sent = request()
    of_resource = sent.resource_spans[0]
    of_resource.resource.attributes.add(key="large").value.string_value = "x" * 2**20
    for number in range(20):
        of_resource.scope_spans[0].spans.add(trace_id=bytes([number + 1]), span_id=b"\1")
    with pytest.raises(RequestTooLarge, match="as often as there are traces"):
        gathered_from(sent)
    for span in of_resource.scope_spans[0].spans:
        span.trace_id = TRACE
    assert len(gathered_from(sent).traces) == 1


def events_of(*requests: ExportTraceServiceRequest) -> list[TraceSpansLogged]:
    gathered = Gathered()
    for one in requests:
        for sent in protobuf_form.sent_spans(one.SerializeToString()):
            if sent is not None:
                gathered.add(sent)
    return list(gathered.events(dict.fromkeys(gathered.traces, 7)))


def test_a_request_is_one_event_of_each_trace_and_of_a_span_sent_twice_the_last_counts() -> None:
    other = request(trace_id=b"\1", span_id=b"\2")
    events = events_of(request(), request(name="again"), other)
    assert [(one.trace_id, one.experiment_id) for one in events] == [
        ("tr-000102030405060708090a0b0c0d0e0f", 7),
        ("tr-" + "0" * 31 + "1", 7),
    ]
    assert [span.name for span in events[0].spans] == ["again"]
    assert events[0].resources[events[0].spans[0].resource].attributes == {"service.name": "s"}
