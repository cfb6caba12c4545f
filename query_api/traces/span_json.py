"""A span as its two readers know it: OpenTelemetry's JSON, and the file that the page reads.

Both have what MLflow's words for a span are (`read_model.spans.conventions`), and the id of the trace as an attribute.
Source: MLflow 3.17, which loses the kind, the flags, the trace state, the scope and the numbers of what was dropped.
"""

import base64
import binascii
import struct
from collections.abc import Mapping
from functools import lru_cache
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

_SHORT_CHARACTERS: Final = 256
_MOST_KEPT: Final = 4000
"""Of short values what they become: some megabytes at most."""

Json = dict[str, Any]

_PLACE: Final = struct.Struct(">?q")

_encode: Final = msgspec.json.Encoder().encode


def place_of(span: Span) -> bytes:
    """What the spans of a trace are sorted by: roots first, then by their beginnings, which are never negative."""
    return _PLACE.pack(bool(span.parent_id), span.start_ns) + span.span_id.encode()


def attributes_of(trace_id: str, span: Span) -> dict[str, Any]:
    """All attributes of a span."""
    return {**whole(span.attributes, span.events), TRACE_ID: trace_id}


class OtlpSpans:
    """Makes of the spans of a trace JSON of OpenTelemetry's protocol buffers, in snake_case; ids in base64, times as
    numbers.

    Spans of one trace share many of their short values, so what these become is kept until the answer is made.
    """

    def __init__(self, trace_id: str) -> None:
        self._trace_id = trace_id
        self._given_id = _trace_id(trace_id)
        self._values: dict[str, bytes] = {}

    def form(self, span: Span) -> Json:
        found: Json = {"trace_id": self._given_id, "span_id": _id(span.span_id)}
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
        found["attributes"] = self._pairs(attributes_of(self._trace_id, span))
        if span.events:
            found["events"] = [self._event(event) for event in span.events]
        if span.links:
            found["links"] = [self._link(link) for link in span.links]
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

    def _event(self, event: SpanEvent) -> Json:
        return {"time_unix_nano": event.time_ns, "name": event.name, "attributes": self._pairs(event.attributes)}

    def _link(self, link: SpanLink) -> Json:
        found: Json = {
            "trace_id": _id(link.trace_id),
            "span_id": _id(link.span_id),
        }
        if link.trace_state:
            found["trace_state"] = link.trace_state
        if link.attributes:
            found["attributes"] = self._pairs(link.attributes)
        if link.flags:
            found["flags"] = link.flags
        return found

    def _pairs(self, attributes: Mapping[str, Any]) -> msgspec.Raw:
        """Attributes as a list of pairs, in JSON: of a large trace it is most of the answer.

        It is put together here, since objects of Python for each value, of which JSON is made afterwards, take twice
        as long.
        """
        parts: list[bytes] = []
        for key, value in attributes.items():
            if value.__class__ is str and len(value) <= _SHORT_CHARACTERS:
                parts += (_opening(key), self._short_value(value), b"}", b",")
            else:
                _put_pair(parts, key, read_value(value))
        return msgspec.Raw(b"[%b]" % b"".join(parts[:-1]))

    def _short_value(self, text: str) -> bytes:
        known = self._values.get(text)
        if known is None:
            parts: list[bytes] = []
            _put_value(parts, read_value(text))
            known = b"".join(parts)
            if len(self._values) < _MOST_KEPT:
                self._values[text] = known
        return known


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


def _put_pair(parts: list[bytes], key: str, value: Any) -> None:
    """A key and its value, with a comma after them as a part of its own."""
    if value.__class__ is str:  # most are
        parts += (_opening(key), b'{"string_value":', _encode(value), b"}}", b",")
    else:
        parts.append(_opening(key))
        _put_value(parts, value)
        parts += (b"}", b",")


@lru_cache(maxsize=1024)
def _opening(key: str) -> bytes:
    """What a pair begins with. The spans of a trace share most of their keys."""
    return b'{"key":%b,"value":' % _encode(key)


def _put_value(parts: list[bytes], value: Any) -> None:
    kind = value.__class__
    if kind is str:
        parts += (b'{"string_value":', _encode(value), b"}")
    elif kind is dict:
        parts.append(b'{"kvlist_value":{"values":[')
        for key, one in value.items():
            _put_pair(parts, key, one)
        _end(parts, is_empty=not value)
    elif kind is list:
        parts.append(b'{"array_value":{"values":[')
        for one in value:
            _put_value(parts, one)
            parts.append(b",")
        _end(parts, is_empty=not value)
    elif (name := _SCALARS.get(kind)) is None:
        parts.append(b"{}")
    else:
        parts.append(_encode({name: base64.b64encode(value).decode() if kind is bytes else value}))


def _end(parts: list[bytes], *, is_empty: bool) -> None:
    """The end of a list of values, in the place of the comma after its last."""
    if is_empty:
        parts.append(b"]}}")
    else:
        parts[-1] = b"]}}"


def _read(attributes: Mapping[str, Any]) -> Json:
    return {key: read_value(value) for key, value in attributes.items()}


def _trace_id(trace_id: str) -> str:
    digits = trace_id.removeprefix("tr-")
    try:
        return _id(digits)
    except ValueError:
        return base64.b64encode(digits.encode()).decode()


def _id(hexadecimal: str) -> str:
    return binascii.b2a_base64(bytes.fromhex(hexadecimal), newline=False).decode()
