"""The events of a trace, in the stream trace/<id>: of its information, its spans, and what was said about it.

A trace has two writers that know nothing of one another: one starts it, the other logs its spans. Whichever comes
first makes the trace, so no event here needs another before it.
"""

from typing import Any, Final

import msgspec

from schemas.events.erasures import Erasure
from schemas.events.event import Event, StreamKind

TRACES: Final = StreamKind("trace")


class AssessmentError(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Why whoever was to judge could not."""

    code: str = ""
    message: str = ""
    stack_trace: str = ""


class Assessment(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A judgement about a trace, or about the span `span_id` of it.

    `kind` is feedback, expectation or issue; `value` is JSON in text. `overrides` is the id of the assessment that this
    one takes the place of.
    """

    assessment_id: str
    name: str
    kind: str
    value: str = "null"
    error: AssessmentError | None = None
    source_type: str = ""
    source_id: str = ""
    create_time_ms: int
    last_update_time_ms: int
    rationale: str | None = None
    metadata: dict[str, str] = {}
    span_id: str = ""
    overrides: str = ""


class SpanEvent(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What happened at one time within a span."""

    name: str
    time_ns: int
    attributes: dict[str, Any] = {}
    dropped_attributes: int = 0


class SpanLink(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Another span that a span names; ids in hexadecimal."""

    trace_id: str
    span_id: str
    attributes: dict[str, Any] = {}
    trace_state: str = ""
    flags: int = 0
    dropped_attributes: int = 0


class Source(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """OpenTelemetry's resource, or its instrumentation scope: what a span is from."""

    attributes: dict[str, Any] = {}
    name: str = ""
    version: str = ""
    dropped_attributes: int = 0
    schema_url: str = ""


class Span(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A span as it was sent. Ids are 16 hexadecimal digits, times nanoseconds since the Unix epoch.

    `end_ns` 0: it has not ended; `parent_id` empty: it is a root. `kind` and `status` are OpenTelemetry's numbers.
    `resource` and `scope` are places in the lists beside the spans. A value of an attribute is JSON; what JSON has no
    form for is an object of one key: `{"$bytes": <base64>}`, `{"$double": "NaN"}`, and `{"$map": {…}}` for a map that
    looks like one of these.
    """

    span_id: str
    parent_id: str = ""
    name: str = ""
    start_ns: int = 0
    end_ns: int = 0
    kind: int = 0
    status: int = 0
    status_message: str = ""
    attributes: dict[str, Any] = {}
    events: list[SpanEvent] = []
    links: list[SpanLink] = []
    trace_state: str = ""
    flags: int = 0
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0
    resource: int = 0
    scope: int = 0


class PromptVersion(msgspec.Struct, frozen=True, gc=False):
    """A version of a prompt, by the name of the prompt."""

    name: str
    version: int


class TraceEvent(Event, frozen=True):
    kind = TRACES

    trace_id: str

    @property
    def stream_key(self) -> str:
        return self.trace_id


class TraceStarted(TraceEvent, frozen=True):
    """What a client says of a trace. It counts more than what the spans say, in whatever order the two come.

    `state` is the name of MLflow's TraceState. `is_final`: the client knew all of the trace, as those of MLflow 3 do.
    Previews that are None leave what is known of them. `execution_duration_ms` None: it is not known.
    """

    event_type = "trace.started"

    experiment_id: int
    request_time_ms: int
    execution_duration_ms: int | None = None
    state: str = "STATE_UNSPECIFIED"
    client_request_id: str = ""
    request_preview: str | None = None
    response_preview: str | None = None
    tags: dict[str, str] = {}
    metadata: dict[str, str] = {}
    assessments: list[Assessment] = []
    is_final: bool = False


class TraceEnded(TraceEvent, frozen=True):
    """The end of a trace, as clients of MLflow 2 say it."""

    event_type = "trace.ended"

    end_time_ms: int
    state: str
    tags: dict[str, str] = {}
    metadata: dict[str, str] = {}


class TraceSpansLogged(TraceEvent, frozen=True):
    """Spans of one trace that came in one request. A trace that is not known yet is made, in the experiment."""

    event_type = "trace.spans-logged"

    experiment_id: int
    spans: list[Span]
    resources: list[Source] = []
    scopes: list[Source] = []


class TraceTagSet(TraceEvent, frozen=True):
    event_type = "trace.tag-set"

    key: str
    value: str


class TraceTagDeleted(TraceEvent, frozen=True):
    event_type = "trace.tag-deleted"

    key: str


class TraceLinkedToRun(TraceEvent, frozen=True):
    """The trace is found by the run from now on."""

    event_type = "trace.linked-to-run"

    run_id: str


class TracePromptsLinked(TraceEvent, frozen=True):
    """The trace is found by these versions of prompts from now on."""

    event_type = "trace.prompts-linked"

    prompts: list[PromptVersion]


class TraceUnlinkedFromRun(TraceEvent, frozen=True):
    """The trace is not found by the run any more. Only undoing that it was linked says so."""

    event_type = "trace.unlinked-from-run"

    run_id: str


class TracePromptsUnlinked(TraceEvent, frozen=True):
    """The trace is not found by these versions of prompts any more. Only undoing that they were linked says so."""

    event_type = "trace.prompts-unlinked"

    prompts: list[PromptVersion]


class TraceDeleted(TraceEvent, frozen=True):
    """The trace is gone for good, with its spans and what was said about it. What comes later of it is refused."""

    event_type = "trace.deleted"

    @property
    def erasure(self) -> Erasure:
        """A trace cannot be restored, so its deletion is its erasure. It has no hash over what it erased."""
        return Erasure("deleted", [f"{self.kind.name}/{self.trace_id}"])


class TraceAssessmentCreated(TraceEvent, frozen=True):
    event_type = "trace.assessment-created"

    assessment: Assessment


class TraceAssessmentUpdated(TraceEvent, frozen=True):
    """New values of fields of an assessment. None leaves a field; an `error` comes with the value that it explains.

    The entries of `metadata` are added to those that there are.
    """

    event_type = "trace.assessment-updated"

    assessment_id: str
    last_update_time_ms: int
    name: str | None = None
    value: str | None = None
    error: AssessmentError | None = None
    rationale: str | None = None
    metadata: dict[str, str] = {}


class TraceAssessmentDeleted(TraceEvent, frozen=True):
    """The assessment is gone. What it took the place of is valid again, unless another one does too."""

    event_type = "trace.assessment-deleted"

    assessment_id: str


AnyTraceEvent = (
    TraceStarted
    | TraceEnded
    | TraceSpansLogged
    | TraceTagSet
    | TraceTagDeleted
    | TraceLinkedToRun
    | TracePromptsLinked
    | TraceUnlinkedFromRun
    | TracePromptsUnlinked
    | TraceDeleted
    | TraceAssessmentCreated
    | TraceAssessmentUpdated
    | TraceAssessmentDeleted
)
