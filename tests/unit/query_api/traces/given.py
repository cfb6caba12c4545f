"""Traces as the fold leaves them, in a read model of a test."""

from collections.abc import Sequence

from projector.projections.traces import TRACES, Traces
from projector.sqlite_tables import SqliteTables
from schemas.envelope import SYSTEM, RecordedEvent
from schemas.events import (
    AnyTraceEvent,
    Assessment,
    PromptVersion,
    Source,
    Span,
    SpanLink,
    TraceAssessmentCreated,
    TraceLinkedToRun,
    TracePromptsLinked,
    TraceSpansLogged,
    TraceStarted,
)
from tests.unit.query_api.sqlite_rows import SqliteRows

RECORDED = RecordedEvent(0, 0, bytes(16), "", 1, "trace/x", 0, SYSTEM, "", b"")


def started(trace_id: str, **given: object) -> TraceStarted:
    return TraceStarted(trace_id=trace_id, experiment_id=1, is_final=True, **given)  # type: ignore[arg-type]


def said(trace_id: str, assessment_id: str, name: str, value: str, **given: object) -> TraceAssessmentCreated:
    assessment = Assessment(
        assessment_id=assessment_id,
        name=name,
        value=value,
        create_time_ms=1,
        last_update_time_ms=1,
        **({"kind": "feedback"} | given),  # type: ignore[arg-type]
    )
    return TraceAssessmentCreated(trace_id=trace_id, assessment=assessment)


SPANS = [
    Span(
        span_id="00000000000000a1",
        name="root",
        start_ns=1_000_000_000,
        end_ns=3_000_000_000,
        kind=2,
        status=1,
        attributes={"mlflow.spanInputs": '{"question": "Où?"}', "mlflow.spanType": "CHAIN"},
        links=[SpanLink("b" * 32, "00000000000000b1")],
    ),
    Span(
        span_id="00000000000000a2",
        parent_id="00000000000000a1",
        name="call",
        start_ns=1_500_000_000,
        end_ns=2_000_000_000,
        status=2,
        status_message="no",
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.response.model": "m-1",
            "gen_ai.usage.input_tokens": 5,
            "gen_ai.usage.output_tokens": 6,
            "city": "Paris",
            "raw": {"$bytes": "AQI="},
            "mlflow.llm.cost": {"input_cost": 0.25, "output_cost": 0.5, "total_cost": 0.75},
        },
    ),
]

HISTORY: list[AnyTraceEvent] = [
    started(
        "a",
        request_time_ms=1000,
        execution_duration_ms=10,
        state="OK",
        tags={"mlflow.traceName": "Alpha", "team": "x", "name": "not its name"},
        metadata={"mlflow.trace.session": "s1", "mlflow.sourceRun": "r1"},
    ),
    started("b", request_time_ms=2000, execution_duration_ms=30, state="ERROR", tags={"mlflow.traceName": "beta"}),
    started("c", request_time_ms=3000, state="IN_PROGRESS", metadata={"mlflow.trace.session": "s1"}),
    TraceSpansLogged(trace_id="tr-" + "d" * 32, experiment_id=1, spans=SPANS, resources=[Source({"host": "h"})]),
    TraceStarted(trace_id="elsewhere", experiment_id=2, request_time_ms=1, state="OK"),
    TraceLinkedToRun(trace_id="b", run_id="r1"),
    TracePromptsLinked(trace_id="c", prompts=[PromptVersion("p/q", 2)]),
    said("a", "a-1", "good", "true"),
    said("a", "a-2", "score", "10.0"),
    said("b", "a-3", "good", '"yes"'),
    said("b", "a-4", "good", "false", overrides="a-3"),
    said("a", "a-5", "polite", '"yes"', metadata={"mlflow.trace.session": "s1"}),
    said("c", "a-6", "answer", '{"k":[1.0]}', kind="expectation"),
    said("c", "a-7", "nothing", "null"),
]


def fill(rows: SqliteRows) -> None:
    """Write what the history comes to."""
    for experiment_id in (1, 2):
        rows.experiment(experiment_id)
    fold(rows, HISTORY)


def fold(rows: SqliteRows, events: Sequence[AnyTraceEvent]) -> None:
    """Write what events come to that are the first of their traces."""
    state = Traces(iter(range(1, 100)))
    for event in events:
        TRACES.fold(state, RECORDED, event)
    tables = SqliteTables(rows.connection)
    for change in TRACES.changes(state):
        tables.apply(change)
