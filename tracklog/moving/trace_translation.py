"""Traces of a store as events."""

from collections.abc import Iterator

from schemas.events import Span, TraceLinkedToRun, TracePromptsLinked, TraceSpansLogged, TraceStarted
from schemas.traces import STATE_UNSPECIFIED, STATES, is_trace_id
from tracklog.moving.experiment_translation import ExperimentTranslation
from tracklog.moving.facts import Facts, Made
from tracklog.moving.records import SPANS_PER_RECORD, SpansRecord, TraceRecord
from tracklog.moving.span_reading import UNREADABLE, spans_in
from tracklog.moving.texts import lenient
from tracklog.moving.trace_files import ReadSpans, Unread


class TraceTranslation:
    """One trace at a time: it is started with all that is known of it, and its spans come."""

    def __init__(self, facts: Facts, experiments: ExperimentTranslation, read_spans: ReadSpans) -> None:
        self._facts = facts
        self._experiments = experiments
        self._read_spans = read_spans
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
                ("links between things", len(record.run_ids) + len(record.prompts)),
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
        yield from self._links(record, about)
        if record.spans_at:
            yield from self._spans_at(record)

    def _links(self, record: TraceRecord, about: str) -> Iterator[Made]:
        """They are found by the runs that made them, and by the prompts that they used."""
        time_ms, one_link = record.request_time_ms, {"links between things": 1}
        for run_id in record.run_ids:
            linked = TraceLinkedToRun(trace_id=record.trace_id, run_id=run_id)
            yield from self._facts.event(f"{about}\0run\0{run_id}", linked, time_ms, one_link, record.where)
        for prompt in record.prompts:
            prompts = TracePromptsLinked(trace_id=record.trace_id, prompts=[prompt])
            key = f"{about}\0prompt\0{prompt.name}\0{prompt.version}"
            yield from self._facts.event(key, prompts, time_ms, one_link, record.where)

    def _spans_at(self, record: TraceRecord) -> Iterator[Made]:
        """The spans in the file among the artifacts of the trace."""
        report, location = self._facts.report, self._facts.roots.location(record.spans_at)
        try:
            content = lenient(self._read_spans(location))
            found = list(spans_in(content))
        except Unread as error:
            what = f"its spans, if it has any, stay in traces.json at {location!r:.200}: {error}"
            report.odd("traces", record.where, what)
            return
        except UNREADABLE as error:
            what = f"its spans stay in traces.json at {location!r:.200}, which cannot be read: {error!r:.200}"
            report.odd("traces", record.where, what)
            return
        report.tally("spans").source += len(found)
        for one in found:
            if isinstance(one, str):
                self._facts.lost("spans", record.where, f"left: {one}", 1)
        spans = [one for one in found if isinstance(one, Span)]
        for start in range(0, len(spans), SPANS_PER_RECORD):
            yield from self.spans(SpansRecord(record.trace_id, spans[start : start + SPANS_PER_RECORD]))

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
