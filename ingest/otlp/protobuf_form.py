"""Requests of OTLP in protocol buffers."""

from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

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


def sent_spans(body: bytes) -> Iterator[SentSpan | None]:
    """The spans of a request, one after the other; None for a part without any.

    Raises InvalidParameterValue, at once or at the span that is wrong.
    """
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise InvalidParameterValue("Invalid OpenTelemetry format") from error
    for of_resource in request.resource_spans:
        resource = _source(of_resource.resource, of_resource.schema_url)
        yield None
        for of_scope in of_resource.scope_spans:
            scope = _scope(of_scope.scope, of_scope.schema_url)
            for span in of_scope.spans:
                yield SentSpan(form.trace_id(span.trace_id), _span(span), resource, scope)


def _source(resource: Any, schema_url: str) -> Source:
    attributes, more = _attributes(resource.attributes)
    return Source(
        attributes=attributes,
        dropped_attributes=resource.dropped_attributes_count + more,
        schema_url=form.text(schema_url, MAX_NAME_CHARACTERS),
    )


def _scope(scope: Any, schema_url: str) -> Source:
    attributes, more = _attributes(scope.attributes)
    return Source(
        attributes=attributes,
        name=form.text(scope.name, MAX_NAME_CHARACTERS),
        version=form.text(scope.version, MAX_NAME_CHARACTERS),
        dropped_attributes=scope.dropped_attributes_count + more,
        schema_url=form.text(schema_url, MAX_NAME_CHARACTERS),
    )


def _span(span: Any) -> Span:
    attributes, more_attributes = _attributes(span.attributes)
    events, more_events = form.kept(span.events, MAX_EVENTS) if span.events else ((), 0)
    links, more_links = form.kept(span.links, MAX_LINKS) if span.links else ((), 0)
    status = span.status
    return Span(
        span_id=form.span_id(span.span_id),
        parent_id=form.parent_id(span.parent_span_id),
        name=form.text(span.name, MAX_NAME_CHARACTERS),
        start_ns=form.nanoseconds(span.start_time_unix_nano),
        end_ns=form.nanoseconds(span.end_time_unix_nano),
        kind=span.kind,
        status=status.code if status.code in (0, 1, 2) else 0,
        status_message=form.text(status.message),
        attributes=attributes,
        events=[_event(event) for event in events],
        links=[_link(link) for link in links],
        trace_state=form.text(span.trace_state, MAX_NAME_CHARACTERS),
        flags=span.flags,
        dropped_attributes=span.dropped_attributes_count + more_attributes,
        dropped_events=span.dropped_events_count + more_events,
        dropped_links=span.dropped_links_count + more_links,
    )


def _event(event: Any) -> SpanEvent:
    attributes, more = _attributes(event.attributes)
    return SpanEvent(
        name=form.text(event.name, MAX_NAME_CHARACTERS),
        time_ns=form.nanoseconds(event.time_unix_nano),
        attributes=attributes,
        dropped_attributes=event.dropped_attributes_count + more,
    )


def _link(link: Any) -> SpanLink:
    attributes, more = _attributes(link.attributes)
    return SpanLink(
        trace_id=link.trace_id.hex(),
        span_id=link.span_id.hex(),
        attributes=attributes,
        trace_state=form.text(link.trace_state, MAX_NAME_CHARACTERS),
        flags=link.flags,
        dropped_attributes=link.dropped_attributes_count + more,
    )


def _attributes(pairs: Sequence[Any]) -> Attributes:
    if not pairs:
        return {}, 0
    kept, more = form.kept(pairs, MAX_ATTRIBUTES)
    return {form.text(pair.key, MAX_NAME_CHARACTERS): _value(pair.value, 0) for pair in kept}, more


def _value(value: Any, depth: int) -> Any:
    match value.WhichOneof("value"):
        case "string_value":
            return form.text(value.string_value)
        case "int_value":
            return value.int_value
        case "bool_value":
            return value.bool_value
        case "double_value":
            return form.double(value.double_value)
        case "bytes_value":
            return form.binary(value.bytes_value)
        case "array_value" if depth < MAX_DEPTH:
            return [_value(one, depth + 1) for one in value.array_value.values[:MAX_ELEMENTS]]
        case "kvlist_value" if depth < MAX_DEPTH:
            pairs = value.kvlist_value.values[:MAX_ELEMENTS]
            return form.mapping({form.text(one.key): _value(one.value, depth + 1) for one in pairs})
        case _:
            return None
