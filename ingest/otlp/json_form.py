"""Requests of OTLP in JSON: ids are hexadecimal, numbers of 64 bits may be texts, and enums numbers or names.

Source: the JSON form of OTLP, which differs from that of protocol buffers in its ids; snake_case names are taken too.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from ingest.otlp import spans as form
from ingest.otlp.spans import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_EVENTS,
    MAX_LINKS,
    MAX_NAME_CHARACTERS,
    Attributes,
    SentSpan,
)
from schemas.errors import InvalidParameterValue
from schemas.events import Source, Span, SpanEvent, SpanLink
from schemas.mlflow import LARGEST_INT64, LEAST_INT64

_WRONG: Final = "Invalid OpenTelemetry format"
_KINDS: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUSES: Final = ("UNSET", "OK", "ERROR")
_UINT32: Final = 2**32 - 1


def sent_spans(body: bytes) -> Iterator[SentSpan | None]:
    """As `protobuf_form.sent_spans`."""
    try:
        request = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidParameterValue(_WRONG) from error
    if not isinstance(request, dict):
        raise InvalidParameterValue(_WRONG)
    for of_resource in _objects(request, "resourceSpans", "resource_spans"):
        resource = _source(_object(of_resource, "resource"), _text(of_resource, "schemaUrl", "schema_url"))
        yield None
        for of_scope in _objects(of_resource, "scopeSpans", "scope_spans"):
            scope = _source(_object(of_scope, "scope"), _text(of_scope, "schemaUrl", "schema_url"))
            for span in _objects(of_scope, "spans", "spans"):
                yield SentSpan(form.trace_id(_id(span, "traceId", "trace_id")), _span(span), resource, scope)


def _source(source: Mapping[str, Any], schema_url: str) -> Source:
    attributes, more = _attributes(source)
    return Source(
        attributes=attributes,
        name=_text(source, "name", "name"),
        version=_text(source, "version", "version"),
        dropped_attributes=_dropped(source, "Attributes") + more,
        schema_url=schema_url,
    )


def _span(span: Mapping[str, Any]) -> Span:
    attributes, more_attributes = _attributes(span)
    events, more_events = form.kept(_objects(span, "events", "events"), MAX_EVENTS)
    links, more_links = form.kept(_objects(span, "links", "links"), MAX_LINKS)
    status = _object(span, "status")
    return Span(
        span_id=form.span_id(_id(span, "spanId", "span_id")),
        parent_id=form.parent_id(_id(span, "parentSpanId", "parent_span_id")),
        name=_text(span, "name", "name"),
        start_ns=_time(span, "startTimeUnixNano", "start_time_unix_nano"),
        end_ns=_time(span, "endTimeUnixNano", "end_time_unix_nano"),
        kind=_named(span.get("kind"), "SPAN_KIND_", _KINDS),
        status=_named(status.get("code"), "STATUS_CODE_", _STATUSES),
        status_message=_text(status, "message", "message", None),
        attributes=attributes,
        events=[_event(event) for event in events],
        links=[_link(link) for link in links],
        trace_state=_text(span, "traceState", "trace_state"),
        flags=_uint32(span.get("flags")),
        dropped_attributes=_dropped(span, "Attributes") + more_attributes,
        dropped_events=_dropped(span, "Events") + more_events,
        dropped_links=_dropped(span, "Links") + more_links,
    )


def _event(event: Mapping[str, Any]) -> SpanEvent:
    attributes, more = _attributes(event)
    return SpanEvent(
        name=_text(event, "name", "name"),
        time_ns=_time(event, "timeUnixNano", "time_unix_nano"),
        attributes=attributes,
        dropped_attributes=_dropped(event, "Attributes") + more,
    )


def _link(link: Mapping[str, Any]) -> SpanLink:
    attributes, more = _attributes(link)
    return SpanLink(
        trace_id=_id(link, "traceId", "trace_id").hex(),
        span_id=_id(link, "spanId", "span_id").hex(),
        attributes=attributes,
        trace_state=_text(link, "traceState", "trace_state"),
        flags=_uint32(link.get("flags")),
        dropped_attributes=_dropped(link, "Attributes") + more,
    )


def _attributes(of: Mapping[str, Any]) -> Attributes:
    kept, more = form.kept(_objects(of, "attributes", "attributes"), MAX_ATTRIBUTES)
    return {_text(pair, "key", "key"): _value(_object(pair, "value"), 0) for pair in kept}, more


def _value(value: Mapping[str, Any], depth: int) -> Any:
    for name, one in value.items():
        match name:
            case "stringValue" | "string_value" if isinstance(one, str):
                return form.text(one)
            case "intValue" | "int_value":
                return _int64(one)
            case "boolValue" | "bool_value" if isinstance(one, bool):
                return one
            case "doubleValue" | "double_value":
                return _double(one)
            case "bytesValue" | "bytes_value" if isinstance(one, str):
                return form.binary(_base64(one))
            case "arrayValue" | "array_value" if isinstance(one, dict):
                if depth >= MAX_DEPTH:
                    return None
                return [_value(inner, depth + 1) for inner in _objects(one, "values", "values")[:MAX_ELEMENTS]]
            case "kvlistValue" | "kvlist_value" if isinstance(one, dict):
                if depth >= MAX_DEPTH:
                    return None
                pairs = _objects(one, "values", "values")[:MAX_ELEMENTS]
                return form.mapping(
                    {_text(pair, "key", "key"): _value(_object(pair, "value"), depth + 1) for pair in pairs}
                )
            case _ if one is None:
                continue
            case _:
                raise InvalidParameterValue(_WRONG)
    return None


def _objects(of: Mapping[str, Any], name: str, snake: str) -> Sequence[Mapping[str, Any]]:
    found = of.get(name, of.get(snake)) or ()
    if not isinstance(found, list | tuple) or not all(isinstance(one, dict) for one in found):
        raise InvalidParameterValue(_WRONG)
    return found


def _object(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = of.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InvalidParameterValue(_WRONG)
    return found


def _text(of: Mapping[str, Any], name: str, snake: str, most: int | None = MAX_NAME_CHARACTERS) -> str:
    found = of.get(name, of.get(snake))
    if found is None:
        return ""
    if not isinstance(found, str):
        raise InvalidParameterValue(_WRONG)
    return form.text(found, most)


def _id(of: Mapping[str, Any], name: str, snake: str) -> bytes:
    """Hexadecimal under the name of OTLP, base64 under that of protocol buffers."""
    found = of.get(name)
    if found is None:
        return _base64(other) if isinstance(other := of.get(snake), str) else b""
    try:
        return bytes.fromhex(found)
    except (ValueError, TypeError) as error:
        raise InvalidParameterValue(_WRONG) from error


def _base64(given: str) -> bytes:
    try:
        return base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidParameterValue(_WRONG) from error


def _time(of: Mapping[str, Any], name: str, snake: str) -> int:
    found = of.get(name, of.get(snake))
    return 0 if found is None else form.nanoseconds(_number(found))


def _int64(given: Any) -> int:
    number = _number(given)
    if not LEAST_INT64 <= number <= LARGEST_INT64:
        raise InvalidParameterValue(_WRONG)
    return number


def _number(given: Any) -> int:
    """A whole number, or one in text."""
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    try:
        return int(given) if isinstance(given, str) and len(given) <= 20 else int(given if given.is_integer() else "")
    except (ValueError, AttributeError) as error:
        raise InvalidParameterValue(_WRONG) from error


def _double(given: Any) -> Any:
    try:
        return form.double(float(given))
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidParameterValue(_WRONG) from error


def _named(given: Any, prefix: str, names: Sequence[str]) -> int:
    """An enum by its number or its name; one that is not known is the first."""
    if isinstance(given, str):
        short = given.removeprefix(prefix)
        return names.index(short) if short in names else 0
    return given if isinstance(given, int) and 0 <= given < len(names) else 0


def _uint32(given: Any) -> int:
    return 0 if given is None else min(max(_number(given), 0), _UINT32)


def _dropped(of: Mapping[str, Any], what: str) -> int:
    return _uint32(of.get(f"dropped{what}Count"))
