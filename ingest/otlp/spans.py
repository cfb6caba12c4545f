"""The spans of a request, gathered by their traces as one event of each.

What is too much of a span is left out and counted with what its sender had left out, as OpenTelemetry does itself.
"""

import base64
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from read_model.spans.values import BYTES, DOUBLE, escaped_map
from schemas.errors import InvalidParameterValue, RequestTooLarge
from schemas.events import Source, Span, TraceSpansLogged
from schemas.mlflow import LARGEST_INT64
from schemas.rest.route import MIB

MAX_SPANS: Final = 20_000
"""Of one request. Exporters send 512."""
MAX_ATTRIBUTES: Final = 1000
"""Of a span, an event, a link, a resource or a scope. OpenTelemetry's own limit is 128."""
MAX_EVENTS: Final = 1000
MAX_LINKS: Final = 1000
MAX_NAME_CHARACTERS: Final = 4096
MAX_DEPTH: Final = 32
"""Of a value within values; what is deeper is left out."""
MAX_ELEMENTS: Final = 10_000
"""Of a list or a map in a value; more are left out."""
MAX_SPAN_BYTES: Final = 4 * MIB
"""Of a span as JSON, with its resource and scope. Sixty-four lie in one row of the read model."""
MAX_REPEATED_BYTES: Final = 16 * MIB
"""Of the resources and scopes of a request as JSON, each as often as there are traces with it: each has its own."""

_LARGEST_GROWTH: Final = 6
"""JSON takes six bytes for a control character."""

_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8
_NO_ID: Final = "0" * 16
_NUL: Final = "\0"
_encode: Final = msgspec.json.Encoder().encode


class SentSpan(NamedTuple):
    """A span of a request, of which trace it is, and the resource and scope that it is under."""

    trace_id: str
    span: Span
    resource: Source
    scope: Source


Attributes = tuple[dict[str, Any], int]
"""Those that are kept, and how many are not."""


@dataclass(slots=True)
class OfTrace:
    """The spans of one trace."""

    spans: dict[str, Span] = field(default_factory=dict)  # of one that is there twice the last
    resources: list[Source] = field(default_factory=list)
    scopes: list[Source] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)  # by the identity of a source, which the request keeps alive

    def add(self, sent: SentSpan) -> None:
        resource = self._place(sent.resource, self.resources)
        scope = self._place(sent.scope, self.scopes)
        span = sent.span
        if resource or scope:
            span = _at(span, resource, scope)
        self.spans[span.span_id] = span

    def _place(self, source: Source, sources: list[Source]) -> int:
        place = self.places.get(id(source))
        if place is None:
            place = self.places[id(source)] = len(sources)
            sources.append(source)
        return place


def _at(span: Span, resource: int, scope: int) -> Span:
    from msgspec.structs import replace

    return replace(span, resource=resource, scope=scope)


class Gathered:
    """The spans of a request, by their traces; `body_bytes` is how many the request has."""

    def __init__(self, body_bytes: int = 0) -> None:
        self.traces: dict[str, OfTrace] = {}
        self._count = 0
        self._weighs_spans = body_bytes * _LARGEST_GROWTH > MAX_SPAN_BYTES
        self._weights: dict[int, tuple[Source, int]] = {}  # by identity, which the source is kept for
        self._repeated_bytes = 0

    def add(self, sent: SentSpan) -> None:
        """Raises RequestTooLarge."""
        self._count += 1
        if self._count > MAX_SPANS:
            raise RequestTooLarge(f"A request may hold at most {MAX_SPANS} spans.")
        trace = self.traces.get(sent.trace_id)
        if trace is None:
            trace = self.traces[sent.trace_id] = OfTrace()
        self._weigh(trace, sent)
        trace.add(sent)

    def _weigh(self, trace: OfTrace, sent: SentSpan) -> None:
        """Raises RequestTooLarge."""
        weights = [self._weight(source) for source in (sent.resource, sent.scope)]
        if self._weighs_spans:
            size = len(_encode(sent.span)) + sum(weights)
            if size > MAX_SPAN_BYTES:
                raise RequestTooLarge(
                    f"A span may take at most {MAX_SPAN_BYTES} bytes as JSON, with its resource and scope;"
                    f" {sent.span.span_id} of {sent.trace_id} takes {size}."
                )
        for source, weight in zip((sent.resource, sent.scope), weights, strict=True):
            if id(source) not in trace.places:
                self._repeated_bytes += weight
        if self._repeated_bytes > MAX_REPEATED_BYTES:
            raise RequestTooLarge(
                f"The resources and scopes of a request may take at most {MAX_REPEATED_BYTES} bytes as JSON, each as"
                " often as there are traces with it."
            )

    def _weight(self, source: Source) -> int:
        known = self._weights.get(id(source))
        if known is None:
            known = self._weights[id(source)] = (source, len(_encode(source)))
        return known[1]

    def events(self, experiment_of: dict[str, int]) -> Iterator[TraceSpansLogged]:
        """One of each trace; `experiment_of` says in which experiment each is."""
        for trace_id, of in self.traces.items():
            yield TraceSpansLogged(
                trace_id=trace_id,
                experiment_id=experiment_of[trace_id],
                spans=list(of.spans.values()),
                resources=of.resources,
                scopes=of.scopes,
            )

    def with_roots(self) -> list[str]:
        """The traces whose root is among the spans."""
        return [
            trace_id for trace_id, of in self.traces.items() if any(not span.parent_id for span in of.spans.values())
        ]


def trace_id(raw: bytes) -> str:
    """The id of a trace as MLflow has it. Raises InvalidParameterValue."""
    if not 0 < len(raw) <= _TRACE_ID_BYTES:
        raise InvalidParameterValue(f"A trace id has 16 bytes, and one of these spans has {len(raw)}.")
    return f"tr-{raw.hex():0>32}"


def span_id(raw: bytes) -> str:
    """Raises InvalidParameterValue."""
    if not 0 < len(raw) <= _SPAN_ID_BYTES:
        raise InvalidParameterValue(f"A span id has 8 bytes, and one of these spans has {len(raw)}.")
    return f"{raw.hex():0>16}"


def parent_id(raw: bytes) -> str:
    """Empty for none, and for one of zeros. Raises InvalidParameterValue."""
    if not raw:
        return ""
    found = span_id(raw)
    return "" if found == _NO_ID else found


def nanoseconds(value: int) -> int:
    """Raises InvalidParameterValue."""
    if not 0 <= value <= LARGEST_INT64:
        raise InvalidParameterValue(f"Invalid time {value}: it is after the year 2262.")
    return value


def text(value: str, most: int | None = None) -> str:
    """Without NUL, which no database of text holds."""
    if _NUL in value:
        value = value.replace(_NUL, "\N{REPLACEMENT CHARACTER}")
    return value if most is None else value[:most]


def double(value: float) -> Any:
    """A number as an event holds it."""
    return value if math.isfinite(value) else {DOUBLE: "NaN" if math.isnan(value) else f"{'-' * (value < 0)}Infinity"}


def binary(value: bytes) -> Any:
    """Bytes as an event holds them."""
    return {BYTES: base64.b64encode(value).decode()}


def mapping(value: dict[str, Any]) -> Any:
    """A map as an event holds it."""
    return escaped_map(value)


def kept(values: Sequence[Any], most: int) -> tuple[Sequence[Any], int]:
    """The first of a list, and how many are left out."""
    return (values, 0) if len(values) <= most else (values[:most], len(values) - most)
