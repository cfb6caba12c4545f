"""What the two writers of a trace say of it, and what the trace is by both.

One says what it knows of the trace, the other what its spans show. Each side is kept apart, so that it does not matter
which comes first, nor how often. Of several spans that could say one thing the earliest counts, by start and id, and
not the one that came first.
Source: MLflow 3.17's merging of traces, where it depends on the order only as far as the order of the log does.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from projector.span_tree import Sums
from read_model.spans.conventions import INPUTS, OUTPUTS
from read_model.spans.previews import ASSISTANT, USER, preview
from read_model.spans.values import plain_text, read_value
from schemas.events import Source, Span, TraceEnded, TraceStarted
from schemas.traces import (
    ERROR,
    IN_PROGRESS,
    MAX_TRACE_SESSION_CHARACTERS,
    OK,
    SESSION,
    TRACE_TAG_PREFIX,
    USER_OF_TRACE,
    is_open_tag,
)

ERROR_STATUS: Final = 2
"""OpenTelemetry's number of the status ERROR."""

NS_PER_MS: Final = 1_000_000

Place = tuple[int, str]
"""When a span begins, in nanoseconds, and its id: spans are in this order."""


class Saying(msgspec.Struct, array_like=True, frozen=True, order=True, gc=False):
    """What a span says of its trace. The least counts, by rank, then by the place of the span."""

    rank: int
    start_ns: int
    span_id: str
    value: str


class Root(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The root span that speaks for its trace: the earliest."""

    start_ns: int
    span_id: str
    state: str
    request_preview: str | None = None
    response_preview: str | None = None


class FromSpans(msgspec.Struct, gc=False, omit_defaults=True):
    """What the spans show. `sums` are over all of them, but where they are given up."""

    start_ns: int | None = None
    end_ns: int | None = None
    root: Root | None = None
    tags: dict[str, Saying] = {}
    metadata: dict[str, Saying] = {}
    tells_usage: bool = False
    sums: Sums = {}
    gives_up_sums: bool = False

    def take(self, span: Span, resource: Source, attributes: Mapping[str, Any]) -> None:
        """Another span, or one again. `attributes` has what MLflow's words for it are, too."""
        if self.start_ns is None or span.start_ns < self.start_ns:
            self.start_ns = span.start_ns
        if span.end_ns and (self.end_ns is None or span.end_ns > self.end_ns):
            self.end_ns = span.end_ns
        if not span.parent_id:
            root = self.root
            if root is None or (span.start_ns, span.span_id) <= (root.start_ns, root.span_id):
                self.root = _root(span, attributes)
        if resource.attributes or not span.parent_id:
            _claim_tags(self.tags, span, resource)
        if not _OF_METADATA.isdisjoint(span.attributes):
            _claim_metadata(self.metadata, span)


class Told(msgspec.Struct, gc=False, omit_defaults=True):
    """What a client said of the trace last."""

    request_time_ms: int
    execution_duration_ms: int | None = None
    state: str = IN_PROGRESS
    client_request_id: str = ""
    request_preview: str | None = None
    response_preview: str | None = None
    is_final: bool = False


class Facts(msgspec.Struct, gc=False):
    """What a trace is by both."""

    request_time_ms: int
    execution_duration_ms: int | None
    state: str
    client_request_id: str | None
    request_preview: str | None
    response_preview: str | None


def told_by_start(before: Told | None, event: TraceStarted) -> Told:
    """A client says it anew. Previews stay where it says none."""
    request, response = event.request_preview, event.response_preview
    if before is not None:
        request = before.request_preview if request is None else request
        response = before.response_preview if response is None else response
    return Told(
        request_time_ms=event.request_time_ms,
        execution_duration_ms=event.execution_duration_ms,
        state=event.state,
        client_request_id=event.client_request_id,
        request_preview=request,
        response_preview=response,
        is_final=event.is_final,
    )


def told_by_end(before: Told | None, request_time_ms: int, event: TraceEnded) -> Told:
    """A client ends a trace that began at `request_time_ms`."""
    told = before or Told(request_time_ms=request_time_ms)
    return msgspec.structs.replace(
        told, execution_duration_ms=event.end_time_ms - told.request_time_ms, state=event.state
    )


def facts(told: Told | None, shown: FromSpans) -> Facts:
    """What a trace is by what a client told and its spans showed."""
    root = shown.root
    if told is None:
        request_time_ms = (shown.start_ns or 0) // NS_PER_MS
        return Facts(
            request_time_ms=request_time_ms,
            execution_duration_ms=_duration_ms(request_time_ms, shown),
            state=IN_PROGRESS if root is None else root.state,
            client_request_id=None,
            request_preview=None if root is None else root.request_preview,
            response_preview=None if root is None else root.response_preview,
        )
    found = Facts(
        request_time_ms=told.request_time_ms,
        execution_duration_ms=told.execution_duration_ms,
        state=told.state,
        client_request_id=told.client_request_id or None,
        request_preview=told.request_preview,
        response_preview=told.response_preview,
    )
    if root is not None:
        if found.state not in (OK, ERROR):
            found.state = root.state
        if found.request_preview is None:
            found.request_preview = root.request_preview
        if found.response_preview is None:
            found.response_preview = root.response_preview
    if not told.is_final and shown.start_ns is not None:
        found.request_time_ms = min(found.request_time_ms, shown.start_ns // NS_PER_MS)
        lasted = _duration_ms(found.request_time_ms, shown)
        if lasted is not None:
            ended_ms = told.request_time_ms + (told.execution_duration_ms or 0)
            found.execution_duration_ms = max(lasted, ended_ms - found.request_time_ms)
    return found


def _duration_ms(request_time_ms: int, shown: FromSpans) -> int | None:
    return None if shown.end_ns is None else shown.end_ns // NS_PER_MS - request_time_ms


def _root(span: Span, attributes: Mapping[str, Any]) -> Root:
    inputs, outputs = attributes.get(INPUTS), attributes.get(OUTPUTS)
    return Root(
        start_ns=span.start_ns,
        span_id=span.span_id,
        state=ERROR if span.status == ERROR_STATUS else OK,
        request_preview=None if inputs is None else preview(read_value(inputs), USER),
        response_preview=None if outputs is None else preview(read_value(outputs), ASSISTANT),
    )


def _is_said_by(span: Span, rank: int, before: Saying | None) -> bool:
    """Whether what a span says counts more than what was said before. One that is sent again says what it says now."""
    return (
        before is None
        or before.span_id == span.span_id
        or (rank, span.start_ns, span.span_id) < (before.rank, before.start_ns, before.span_id)
    )


def _claim(claims: dict[str, Saying], key: str, rank: int, span: Span, value: str) -> None:
    if _is_said_by(span, rank, claims.get(key)):
        claims[key] = Saying(rank, span.start_ns, span.span_id, value)


def _claim_tags(claims: dict[str, Saying], span: Span, resource: Source) -> None:
    if not span.parent_id:
        for key, value in span.attributes.items():
            if key.startswith(TRACE_TAG_PREFIX) and is_open_tag(tag := key[len(TRACE_TAG_PREFIX) :]):
                _claim(claims, tag, 0, span, plain_text(value))
    for key, value in resource.attributes.items():
        if (
            _is_said_by(span, 1, claims.get(key))  # first, since of most spans it is not, and all share the resource
            and not key.startswith(("telemetry.sdk.", "mlflow."))
            and is_open_tag(key)
        ):
            claims[key] = Saying(1, span.start_ns, span.span_id, plain_text(value))


_SESSIONS: Final = ("session.id", "gen_ai.conversation.id")
_USER: Final = "user.id"
_OF_METADATA: Final = frozenset({*_SESSIONS, _USER})


def _claim_metadata(claims: dict[str, Saying], span: Span) -> None:
    for rank, key in enumerate(_SESSIONS):
        session = span.attributes.get(key)
        if session not in (None, ""):
            _claim(claims, SESSION, rank, span, plain_text(session)[:MAX_TRACE_SESSION_CHARACTERS])
            break
    user = span.attributes.get(_USER)
    if user not in (None, ""):
        _claim(claims, USER_OF_TRACE, 0, span, plain_text(user))
