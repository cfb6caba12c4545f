"""Traces of a store as events."""

from collections.abc import Iterator

from schemas.events import TraceSpansLogged, TraceStarted
from schemas.traces import STATE_UNSPECIFIED, STATES, is_trace_id
from tracklog.moving.experiment_translation import ExperimentTranslation
from tracklog.moving.facts import Facts, Made
from tracklog.moving.records import SpansRecord, TraceRecord


class TraceTranslation:
    """One trace at a time: it is started with all that is known of it, and its spans come."""

    def __init__(self, facts: Facts, experiments: ExperimentTranslation) -> None:
        self._facts = facts
        self._experiments = experiments
        self._trace: TraceRecord | None = None  # whose spans come now
        self._pieces = 0

    def begin(self, record: TraceRecord) -> Iterator[Made]:
        """A trace without its spans."""
        facts, where, about = self._facts, record.where, f"trace\0{record.trace_id}"
        self._pieces = 0
        tags, metadata = record.numbers_of_pairs
        is_clash = record.trace_id in facts.target.traces and not facts.is_there(f"{about}\0started")
        if not is_trace_id(record.trace_id) or is_clash:
            self._trace = None
            what = "its id is none" if not is_clash else "a trace of this id was there before that nobody imported"
            facts.lost("traces", where, f"left: {what}", 1)
            for kind, number in (
                ("tags of traces", tags),
                ("metadata of traces", metadata),
                ("assessments", len(record.assessments)),
            ):
                facts.lost(kind, where, "left: of a trace that is", number)
            return
        yield from self._experiments.ensure(record.experiment_key, where, record.request_time_ms)
        self._trace = record
        state = record.state
        if state not in STATES:
            facts.report.odd("traces", where, f"its state {state!r:.50} is no word that is known")
            state = STATE_UNSPECIFIED
        started = TraceStarted(
            trace_id=record.trace_id,
            experiment_id=self._experiments.id_of(record.experiment_key),
            request_time_ms=record.request_time_ms,
            execution_duration_ms=record.execution_duration_ms,
            state=state,
            client_request_id=record.client_request_id,
            request_preview=record.request_preview,
            response_preview=record.response_preview,
            tags=dict(record.tags),
            metadata=dict(record.metadata),
            assessments=list(record.assessments),
            is_final=True,
        )
        counted = {
            "traces": 1,
            "tags of traces": tags,
            "metadata of traces": metadata,
            "assessments": len(record.assessments),
        }
        yield from facts.event(f"{about}\0started", started, record.request_time_ms, counted, where)

    def spans(self, record: SpansRecord) -> Iterator[Made]:
        """The next spans of the trace."""
        trace = self._trace
        if trace is None:
            self._facts.lost("spans", f"trace {record.trace_id:.60}", "left: of a trace that is", len(record.spans))
            return
        logged = TraceSpansLogged(
            trace_id=record.trace_id,
            experiment_id=self._experiments.id_of(trace.experiment_key),
            spans=list(record.spans),
        )
        about = f"trace\0{record.trace_id}\0spans\0{self._pieces}"
        self._pieces += 1
        counted = {"spans": len(record.spans)}
        yield from self._facts.event(about, logged, trace.request_time_ms, counted, trace.where)
