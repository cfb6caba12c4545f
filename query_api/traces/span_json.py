"""A span as its two readers know it: OpenTelemetry's JSON, and the file that the page reads.

Both have what MLflow's words for a span are (`read_model.spans.conventions`), and the id of the trace as an attribute.
Source: MLflow 3.17, which loses the kind, the flags, the trace state, the scope and the numbers of what was dropped.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from read_model.spans.conventions import whole
from read_model.spans.values import json_text, read_value
from schemas.events import Span, SpanEvent, SpanLink

TRACE_ID: Final = "mlflow.traceRequestId"

_KINDS: Final = (
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
)
_STATUSES: Final = ("STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR")

_SCALARS: Final = {bool: "bool_value", int: "int_value", float: "double_value", bytes: "bytes_value"}

Json = dict[str, Any]


def place_of(span: Span) -> tuple[bool, int, str]:
    """Where a span is among those of its trace: roots first, then by their beginnings."""
    return bool(span.parent_id), span.start_ns, span.span_id


def attributes_of(trace_id: str, span: Span) -> dict[str, Any]:
    """All attributes of a span."""
    return {**whole(span.attributes, span.events), TRACE_ID: trace_id}


def otlp_span(trace_id: str, span: Span) -> Json:
    """A span as JSON of OpenTelemetry's protocol buffers, in snake_case; ids in base64, times as numbers."""
    found: Json = {"trace_id": _trace_id(trace_id), "span_id": _id(span.span_id)}
    if span.trace_state:
        found["trace_state"] = span.trace_state
    if span.parent_id:
        found["parent_span_id"] = _id(span.parent_id)
    if span.flags:
        found["flags"] = span.flags
    found["name"] = span.name
    if 0 < span.kind < len(_KINDS):
        found["kind"] = _KINDS[span.kind]
    found["start_time_unix_nano"] = span.start_ns
    if span.end_ns:
        found["end_time_unix_nano"] = span.end_ns
    found["attributes"] = _pairs(attributes_of(trace_id, span))
    if span.events:
        found["events"] = [_otlp_event(event) for event in span.events]
    if span.links:
        found["links"] = [_otlp_link(link) for link in span.links]
    for what, count in (
        ("attributes", span.dropped_attributes),
        ("events", span.dropped_events),
        ("links", span.dropped_links),
    ):
        if count:
            found[f"dropped_{what}_count"] = count
    status = {"code": _STATUSES[span.status]} if span.status else {}
    if span.status_message:
        status["message"] = span.status_message
    found["status"] = status
    return found


def file_span(trace_id: str, span: Span) -> Json:
    """A span as the page reads it: each attribute is JSON in text."""
    return {
        "trace_id": _trace_id(trace_id),
        "span_id": _id(span.span_id),
        "parent_span_id": _id(span.parent_id) if span.parent_id else None,
        "name": span.name,
        "start_time_unix_nano": span.start_ns,
        "end_time_unix_nano": span.end_ns or None,
        "events": [
            {"name": event.name, "time_unix_nano": event.time_ns, "attributes": _read(event.attributes)}
            for event in span.events
        ],
        "status": {"code": _STATUSES[span.status], "message": span.status_message},
        "attributes": {key: json_text(value) for key, value in attributes_of(trace_id, span).items()},
        "links": [
            {"trace_id": f"tr-{link.trace_id}", "span_id": link.span_id, "attributes": _read(link.attributes)}
            for link in span.links
        ],
    }


def content_of(trace_id: str, span: Span) -> str:
    """The text in which a search looks for words: the JSON that the page reads, without the ids of the span."""
    found = file_span(trace_id, span)
    for name in ("trace_id", "span_id", "parent_span_id"):
        del found[name]
    return msgspec.json.encode(found).decode()


def _otlp_event(event: SpanEvent) -> Json:
    return {"time_unix_nano": event.time_ns, "name": event.name, "attributes": _pairs(event.attributes)}


def _otlp_link(link: SpanLink) -> Json:
    found: Json = {
        "trace_id": base64.b64encode(bytes.fromhex(link.trace_id)).decode(),
        "span_id": base64.b64encode(bytes.fromhex(link.span_id)).decode(),
    }
    if link.trace_state:
        found["trace_state"] = link.trace_state
    if link.attributes:
        found["attributes"] = _pairs(link.attributes)
    if link.flags:
        found["flags"] = link.flags
    return found


def _pairs(attributes: Mapping[str, Any]) -> list[Json]:
    return [{"key": key, "value": _any_value(read_value(value))} for key, value in attributes.items()]


def _any_value(value: Any) -> Json:
    """Most values are texts, and thousands are made of a large trace: the kinds are told apart by the quickest way."""
    kind = value.__class__
    if kind is str:
        return {"string_value": value}
    if kind is dict:
        return {"kvlist_value": {"values": [{"key": key, "value": _any_value(one)} for key, one in value.items()]}}
    if kind is list:
        return {"array_value": {"values": [_any_value(one) for one in value]}}
    name = _SCALARS.get(kind)
    if name is None:
        return {}
    return {name: base64.b64encode(value).decode() if kind is bytes else value}


def _read(attributes: Mapping[str, Any]) -> Json:
    return {key: read_value(value) for key, value in attributes.items()}


def _trace_id(trace_id: str) -> str:
    digits = trace_id.removeprefix("tr-")
    try:
        return base64.b64encode(bytes.fromhex(digits)).decode()
    except ValueError:
        return base64.b64encode(digits.encode()).decode()


def _id(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()
