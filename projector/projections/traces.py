"""The projection of traces: what they are, their spans, and what was said about them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, get_args

import msgspec

from projector.changes import Change, Delete, DeleteBy, InsertNew, NewNumbers, Read, ReadPairs, Row, Upsert
from projector.projection import Loading, Projection
from projector.span_tree import KINDS, Reach, SpanTree, Telling, read_sums
from projector.trace_facts import FromSpans, Told, facts, told_by_end, told_by_start
from read_model.spans.chunk import SPANS_PER_CHUNK, ChunkOfSpans, pack_chunk, place_of, unpack_chunk
from read_model.spans.conventions import COST as SPAN_COST
from read_model.spans.conventions import MODEL, PROVIDER, SPAN_TYPE, USAGE, usage_of, whole
from read_model.spans.signature import hashes_of, hashes_of_spans, pack_hashes, unpack_hashes
from read_model.spans.trigrams import filter_bytes, merged, trigram_filter
from read_model.spans.usage import COSTS, MAX_SPANS, TOKENS, Usage, told_items, usage_text
from read_model.spans.values import read_value
from schemas.envelope import RecordedEvent
from schemas.errors import InvalidParameterValue, ResourceAlreadyExists, ResourceDoesNotExist
from schemas.events import (
    AnyTraceEvent,
    Assessment,
    PromptVersion,
    Source,
    Span,
    TraceAssessmentCreated,
    TraceAssessmentDeleted,
    TraceAssessmentUpdated,
    TraceDeleted,
    TraceEnded,
    TraceLinkedToRun,
    TracePromptsLinked,
    TracePromptsUnlinked,
    TraceSpansLogged,
    TraceStarted,
    TraceTagDeleted,
    TraceTagSet,
    TraceUnlinkedFromRun,
)
from schemas.fields import refuse_if_changed
from schemas.fields.field import TAGS, THERE, Value
from schemas.fields.traces import ASSESSMENTS, LINKED_PROMPTS, LINKED_RUNS, assessment_text, prompt_field, updated
from schemas.forgotten import is_forgotten
from schemas.traces import (
    COST,
    FEEDBACK,
    FINAL,
    MAX_SPANS_OF_TRACE,
    NAME_TAG,
    SESSION,
    TOKEN_USAGE,
    TRACE_TAG_PREFIX,
    USER_OF_TRACE,
    assessment_not_found,
    trace_not_found,
)

Kept = tuple[str, bool]
"""The value of a tag or of metadata, and whether a client said it of the trace, and not its spans."""

SpanRow = tuple[object, ...]
"""A row of `spans`, without the number of its trace."""

AssessmentRow = tuple[object, ...]
"""A row of `assessments`, without the number of its trace."""

_YES_NO: Final = {"yes": 1.0, "no": 0.0}
_NO_SOURCE: Final = Source()


@dataclass(slots=True)
class Pairs:
    """The tags or the metadata of a trace, as far as the batch is about them."""

    kept: dict[str, Kept | None] = field(default_factory=dict)  # as stored, then as changed; None is not there
    changed: set[str] = field(default_factory=set)

    def tell(self, key: str, value: str) -> None:
        """A client says it."""
        self._put(key, (value, True))

    def show(self, key: str, value: str) -> None:
        """Spans show it, which counts only where no client said anything."""
        before = self.kept.get(key)
        if before is None or not before[1]:
            self._put(key, (value, False))

    def delete(self, key: str) -> None:
        if self.kept.get(key) is None:
            raise ResourceDoesNotExist(f"No tag with key {key!r} on this trace.")
        self.kept[key] = None
        self.changed.add(key)

    def _put(self, key: str, value: Kept) -> None:
        if self.kept.get(key) != value:
            self.kept[key] = value
            self.changed.add(key)

    def rows(self, trace_number: int) -> tuple[list[Row], list[Row]]:
        """Those to be put in, and the keys of those to be taken out."""
        there = [(trace_number, key, *_stored(kept)) for key in sorted(self.changed) if (kept := self.kept[key])]
        return there, [(trace_number, key) for key in sorted(self.changed) if self.kept[key] is None]


def _stored(kept: Kept) -> tuple[str, int]:
    return kept[0], int(kept[1])


@dataclass(slots=True)
class Links:
    """The runs or the prompts that a trace is linked to, by fields, as far as the batch is about them."""

    kept: set[str] = field(default_factory=set)  # as stored where links are undone, then as changed
    changed: dict[str, Row] = field(default_factory=dict)  # with what names each of them beside the trace

    def put(self, name: str, *key: object) -> None:
        self.kept.add(name)
        self.changed[name] = key

    def take(self, name: str, *key: object) -> None:
        self.kept.discard(name)
        self.changed[name] = key

    def rows(self, trace_number: int) -> tuple[list[Row], list[Row]]:
        """Those to be put in, and the keys of those to be taken out."""
        there = [(trace_number, *key) for name, key in self.changed.items() if name in self.kept]
        return there, [(trace_number, *key) for name, key in self.changed.items() if name not in self.kept]


@dataclass(slots=True)
class Trace:
    """A row of `traces`, and what of it the batch needs or changes."""

    trace_number: int
    trace_id: str
    experiment_id: int
    told: Told | None = None
    shown: FromSpans = field(default_factory=FromSpans)
    name: str | None = None
    session: str | None = None
    usage: dict[str, int | float] | None = None  # what holds, whoever said it
    span_count: int = 0
    tags: Pairs = field(default_factory=Pairs)
    metadata: Pairs = field(default_factory=Pairs)
    spans: dict[str, SpanRow] = field(default_factory=dict)
    changed_spans: set[str] = field(default_factory=set)
    tree: SpanTree | None = None  # of a trace of which the batch may change a sum
    chunks: dict[int, ChunkOfSpans] = field(default_factory=dict)
    changed_chunks: set[int] = field(default_factory=set)
    signatures: dict[int, set[int]] = field(default_factory=dict)  # of chunks; none of those to be made anew
    trigrams: dict[int, bytes] = field(default_factory=dict)  # of chunks, as stored; none of those to be made anew
    added: dict[int, list[Span]] = field(default_factory=dict)  # to chunks
    assessments: dict[str, Assessment | None] = field(default_factory=dict)  # None is not there
    changed_assessments: dict[str, AssessmentRow | None] = field(default_factory=dict)
    runs: Links = field(default_factory=Links)
    prompts: Links = field(default_factory=Links)
    changed: bool = False


@dataclass(slots=True)
class Traces:
    """The traces that a batch is about, by their ids, and the numbers of those that it deletes."""

    new_numbers: Iterator[int]
    traces: dict[str, Trace] = field(default_factory=dict)
    deleted: list[int] = field(default_factory=list)


# --- loading ------------------------------------------------------------------------------------------------------

_COLUMNS: Final = (
    "trace_number",
    "trace_id",
    "experiment_id",
    "told",
    "from_spans",
    "name",
    *TOKENS,
    "span_count",
    "session",
)
_SPAN_COLUMNS: Final = (
    "span_id",
    "ordinal",
    "parent_id",
    "name",
    "type",
    "status",
    "start_ns",
    "end_ns",
    "model",
    "provider",
    "usage",
    *COSTS,
    "hidden",
)
_ORDINAL, _PARENT, _USAGE_TEXT, _HIDDEN = 1, 2, 10, -1
_KEPT: Final = ("trace_number", "key", "value", "told")
_KEY: Final = ("trace_number", "key")
_CHUNK: Final = ("trace_number", "chunk_number")
_LINK: Final = ("trace_number", "run_id")

_NOTHING: Final = (None,) * len(KINDS)
_NO_COSTS: Final = (None,) * len(COSTS)

_told: Final = msgspec.json.Decoder(Told)
_shown: Final = msgspec.json.Decoder(FromSpans)
_usage: Final = msgspec.json.Decoder(dict[str, int | float])
_assessment: Final = msgspec.json.Decoder(Assessment)
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


@dataclass(slots=True)
class _Wanted:
    """What of one trace a batch reads."""

    may_create: int = 0
    tags: set[str] = field(default_factory=set)
    metadata: set[str] = field(default_factory=set)
    spans: dict[str, list[Span]] = field(default_factory=dict)  # by id, as often as they come
    tells_usage: bool = False
    assessments: set[str] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)
    prompts: set[str] = field(default_factory=set)  # names


def _load(events: Sequence[AnyTraceEvent]) -> Loading[Traces]:
    wanted = _wanted(events)
    rows = yield Read("traces", _COLUMNS, "trace_id", wanted)
    traces = {trace.trace_id: trace for trace in map(_trace, rows)}
    count = sum(one.may_create for one in wanted.values())
    numbers = (yield NewNumbers("traces", "trace_number", count)) if count else ()
    state = Traces(iter([number for (number,) in numbers]), traces)
    by_number = {trace.trace_number: trace for trace in traces.values()}
    of = {number: wanted[trace.trace_id] for number, trace in by_number.items()}
    for table, name in (("trace_tags", "tags"), ("trace_metadata", "metadata")):
        keys = {number: keys for number, one in of.items() if (keys := getattr(one, name))}
        for number, key, value, told in (yield ReadPairs(table, _KEPT, _KEY, keys)):
            getattr(by_number[number], name).kept[key] = (value, told == 1)
    yield from _load_spans(by_number, of)
    assessed = {number: one.assessments for number, one in of.items() if one.assessments}
    for number, assessment_id, document in (
        yield ReadPairs(
            "assessments",
            ("trace_number", "assessment_id", "document"),
            ("trace_number", "assessment_id"),
            assessed,
        )
    ):
        by_number[number].assessments[assessment_id] = _assessment.decode(document)
    yield from _load_links(by_number, of)
    return state


def _load_links(by_number: Mapping[int, Trace], of: Mapping[int, _Wanted]) -> Loading[None]:
    """Those that are undone: the others are there afterwards whatever was so before."""
    runs = {number: one.runs for number, one in of.items() if one.runs}
    if runs:
        for number, run_id in (yield ReadPairs("trace_runs", _LINK, _LINK, runs)):
            by_number[number].runs.kept.add(f"{LINKED_RUNS}{run_id}")
    prompts = {number: one.prompts for number, one in of.items() if one.prompts}
    if prompts:
        columns = ("trace_number", "name", "version")
        for number, name, version in (yield ReadPairs("trace_prompts", columns, columns[:2], prompts)):
            by_number[number].prompts.kept.add(prompt_field(PromptVersion(name, version)))


def _load_spans(by_number: Mapping[int, Trace], of: Mapping[int, _Wanted]) -> Loading[None]:
    """The spans that come again, those that the sums need, and the chunks that change."""
    with_spans = {number: one for number, one in of.items() if one.spans}
    wanted: dict[int, set[str]] = {}
    for number, one in with_spans.items():
        trace = by_number[number]
        wanted[number] = set(one.spans)
        if (one.tells_usage or trace.shown.tells_usage) and not trace.shown.gives_up_sums:
            trace.tree = SpanTree(trace.shown.sums, is_whole=False)
            wanted[number].update(span.parent_id for sent in one.spans.values() for span in sent if span.parent_id)
    columns = ("trace_number", *_SPAN_COLUMNS)
    for number, *row in (yield ReadPairs("spans", columns, ("trace_number", "span_id"), wanted)):
        _know(by_number[number], tuple(row))
    summed = {number: one for number, one in with_spans.items() if by_number[number].tree is not None}
    yield from _load_whole(by_number, summed)
    yield from _load_below(by_number, summed)
    chunks: dict[int, set[int]] = {}
    for number, one in with_spans.items():
        trace = by_number[number]
        places: set[int] = {
            int(str(trace.spans[span_id][_ORDINAL])) // SPANS_PER_CHUNK
            for span_id in one.spans
            if span_id in trace.spans
        }
        if trace.span_count % SPANS_PER_CHUNK:
            places.add(trace.span_count // SPANS_PER_CHUNK)
        if places:
            chunks[number] = places
    for number, chunk_number, data in (yield ReadPairs("span_chunks", (*_CHUNK, "data"), _CHUNK, chunks)):
        by_number[number].chunks[chunk_number] = unpack_chunk(data)
    for number, chunk_number, data in (yield ReadPairs("span_signatures", (*_CHUNK, "attributes"), _CHUNK, chunks)):
        by_number[number].signatures[chunk_number] = unpack_hashes(data)
    for number, chunk_number, data in (yield ReadPairs("span_trigrams", (*_CHUNK, "bits"), _CHUNK, chunks)):
        by_number[number].trigrams[chunk_number] = data


def _know(trace: Trace, row: SpanRow) -> None:
    trace.spans[str(row[0])] = row
    if trace.tree is not None:
        trace.tree.know(str(row[0]), _telling_of(row), _hidden(row))


def _load_whole(by_number: Mapping[int, Trace], summed: Mapping[int, _Wanted]) -> Loading[None]:
    """All spans where one comes again and tells something else, as long as they are not too many."""
    whole: list[int] = []
    for number, one in summed.items():
        trace = by_number[number]
        if trace.tree is not None and trace.span_count <= MAX_SPANS and _comes_otherwise(trace.tree, one):
            trace.tree.is_whole = True
            whole.append(number)
    for number, *row in (yield Read("spans", ("trace_number", *_SPAN_COLUMNS), "trace_number", whole)):
        _know(by_number[number], tuple(row))


def _comes_otherwise(tree: SpanTree, one: _Wanted) -> bool:
    return any(
        tree.tells_otherwise(span_id, _telling(span)) or (span is not sent[0] and _telling(span) != _telling(sent[0]))
        for span_id, sent in one.spans.items()
        for span in sent
        if len(sent) > 1 or span_id in tree.spans
    )


def _load_below(by_number: Mapping[int, Trace], summed: Mapping[int, _Wanted]) -> Loading[None]:
    """What lies below new spans, as far as these hide something of it."""
    reaches: dict[int, Reach] = {}
    for number, one in summed.items():
        tree = by_number[number].tree
        if tree is not None and not tree.is_whole:
            new = {span_id: _telling(sent[-1]) for span_id, sent in one.spans.items() if span_id not in tree.spans}
            reaches[number] = Reach(new, tree)
    while level := {number: reach.todo for number, reach in reaches.items() if reach.todo}:
        for number in level:
            reaches[number].todo = set()
        columns = ("trace_number", *_SPAN_COLUMNS)
        for number, *row in (yield ReadPairs("spans", columns, ("trace_number", "parent_id"), level)):
            _know(by_number[number], tuple(row))
            reaches[number].found(str(row[0]), _telling_of(row), _hidden(row))


def _trace(row: Row) -> Trace:
    number, trace_id, experiment_id, told, shown, name, *tokens, span_count, session = row
    return Trace(
        trace_number=number,
        trace_id=trace_id,
        experiment_id=experiment_id,
        told=None if told is None else _told.decode(told),
        shown=FromSpans() if shown is None else _shown.decode(shown),
        name=name,
        session=session,
        usage={item: value for item, value in zip(TOKENS, tokens, strict=True) if value is not None} or None,
        span_count=span_count,
    )


def _wanted(events: Sequence[AnyTraceEvent]) -> dict[str, _Wanted]:
    found: dict[str, _Wanted] = {}
    for event in events:
        one = found.setdefault(event.trace_id, _Wanted())
        if event.undo is not None:
            one.tags.update(field.removeprefix(TAGS) for field in event.undo.found if field.startswith(TAGS))
        match event:
            case TraceStarted() | TraceEnded():
                one.may_create += isinstance(event, TraceStarted)
                one.tags.update(event.tags)
                one.metadata.update(event.metadata)
                one.metadata.update((FINAL, TOKEN_USAGE, COST))
                if isinstance(event, TraceStarted):
                    one.assessments.update(assessment.assessment_id for assessment in event.assessments)
            case TraceSpansLogged():
                one.may_create += 1
                _want_spans(one, event)
            case TraceTagSet() | TraceTagDeleted():
                one.tags.add(event.key)
            case TraceAssessmentCreated():
                one.assessments.add(event.assessment.assessment_id)
                if event.assessment.overrides:
                    one.assessments.add(event.assessment.overrides)
            case TraceAssessmentUpdated() | TraceAssessmentDeleted():
                one.assessments.add(event.assessment_id)
            case TraceLinkedToRun() | TraceUnlinkedFromRun():
                if event.undo is not None:
                    one.runs.add(event.run_id)
            case TracePromptsLinked() | TracePromptsUnlinked():
                if event.undo is not None:
                    one.prompts.update(prompt.name for prompt in event.prompts)
            case TraceDeleted():
                pass
    return found


def _want_spans(one: _Wanted, event: TraceSpansLogged) -> None:
    for resource in event.resources:
        one.tags.update(resource.attributes)
    for span in event.spans:
        one.spans.setdefault(span.span_id, []).append(span)
        one.tells_usage = one.tells_usage or _may_tell_usage(span)
        if not span.parent_id:
            one.tags.update(key.removeprefix(TRACE_TAG_PREFIX) for key in span.attributes)
    one.metadata.update((TOKEN_USAGE, COST, SESSION, USER_OF_TRACE))


def _may_tell_usage(span: Span) -> bool:
    return any("token" in key or key == SPAN_COST for key in span.attributes)


# --- folding ------------------------------------------------------------------------------------------------------


def _fold(state: Traces, recorded: RecordedEvent, event: AnyTraceEvent) -> None:
    match event:
        case TraceStarted():
            _started(state, event)
        case TraceSpansLogged():
            _spans_logged(state, event)
        case TraceDeleted():
            trace = state.traces.pop(event.trace_id, None)
            if trace is not None:
                state.deleted.append(trace.trace_number)
            elif not is_forgotten(recorded.payload):
                raise trace_not_found(event.trace_id)
        case _:
            trace = state.traces.get(event.trace_id)
            if trace is None:
                raise trace_not_found(event.trace_id)
            refuse_if_changed(event.undo, partial(_held, trace))
            _changed(trace, event)


def _held(trace: Trace, name: str) -> Value:
    """What a field of a trace is, of those that an event of the batch says that it found."""
    if name.startswith(TAGS):
        kept = trace.tags.kept.get(name.removeprefix(TAGS))
        return None if kept is None else kept[0]
    if name.startswith((LINKED_RUNS, LINKED_PROMPTS)):
        return THERE if name in trace.runs.kept or name in trace.prompts.kept else None
    assessment = trace.assessments.get(name.removeprefix(ASSESSMENTS))
    return None if assessment is None else assessment_text(assessment)


def _changed(
    trace: Trace,
    event: TraceEnded
    | TraceTagSet
    | TraceTagDeleted
    | TraceLinkedToRun
    | TracePromptsLinked
    | TraceUnlinkedFromRun
    | TracePromptsUnlinked
    | TraceAssessmentCreated
    | TraceAssessmentUpdated
    | TraceAssessmentDeleted,
) -> None:
    match event:
        case TraceEnded():
            trace.told = told_by_end(trace.told, facts(trace.told, trace.shown).request_time_ms, event)
            _tell(trace, event.tags, event.metadata)
            trace.changed = True
        case TraceTagSet():
            _tell(trace, {event.key: event.value}, {})
        case TraceTagDeleted():
            trace.tags.delete(event.key)
            _rename(trace)
        case TraceLinkedToRun():
            trace.runs.put(f"{LINKED_RUNS}{event.run_id}", event.run_id)
        case TraceUnlinkedFromRun():
            trace.runs.take(f"{LINKED_RUNS}{event.run_id}", event.run_id)
        case TracePromptsLinked():
            for one in event.prompts:
                trace.prompts.put(prompt_field(one), one.name, one.version)
        case TracePromptsUnlinked():
            for one in event.prompts:
                trace.prompts.take(prompt_field(one), one.name, one.version)
        case TraceAssessmentCreated():
            _assess(trace, event)
        case TraceAssessmentUpdated():
            _reassess(trace, event)
        case TraceAssessmentDeleted():
            if trace.assessments.get(event.assessment_id) is not None:
                trace.assessments[event.assessment_id] = trace.changed_assessments[event.assessment_id] = None


def _of(state: Traces, trace_id: str, experiment_id: int) -> Trace:
    """The trace, which is made if there is none."""
    trace = state.traces.get(trace_id)
    if trace is None:
        trace = state.traces[trace_id] = Trace(next(state.new_numbers), trace_id, experiment_id)
        trace.tree = SpanTree(trace.shown.sums)
        trace.changed = True
    return trace


def _started(state: Traces, event: TraceStarted) -> None:
    rows = list(map(_assessment_row, event.assessments))
    trace = _of(state, event.trace_id, event.experiment_id)
    trace.experiment_id = event.experiment_id
    trace.told = told_by_start(trace.told, event)
    _tell(trace, event.tags, event.metadata)
    for assessment, row in zip(event.assessments, rows, strict=True):
        if trace.assessments.get(assessment.assessment_id) is None:  # the same request again says nothing new
            _put_assessment(trace, assessment, row)
    trace.changed = True


def _tell(trace: Trace, tags: Mapping[str, str], metadata: Mapping[str, str]) -> None:
    for key, value in tags.items():
        trace.tags.tell(key, value)
    for key, value in metadata.items():
        trace.metadata.tell(key, value)
    if TOKEN_USAGE in metadata:
        trace.usage = told_items(metadata[TOKEN_USAGE], TOKENS)
        trace.changed = True
    _rename(trace)


def _rename(trace: Trace) -> None:
    """Have the row of the trace hold its name and its session, as far as the batch is about these."""
    if NAME_TAG in trace.tags.kept:
        kept = trace.tags.kept[NAME_TAG]
        name = None if kept is None else kept[0]
        if name != trace.name:
            trace.name, trace.changed = name, True
    kept = trace.metadata.kept.get(SESSION)
    if kept is not None and kept[0] != trace.session:  # nobody deletes metadata
        trace.session, trace.changed = kept[0], True


def _spans_logged(state: Traces, event: TraceSpansLogged) -> None:
    trace = state.traces.get(event.trace_id)
    if trace is not None and trace.span_count + len(event.spans) > MAX_SPANS_OF_TRACE:
        raise InvalidParameterValue(f"A trace may have at most {MAX_SPANS_OF_TRACE} spans.")
    trace = _of(state, event.trace_id, event.experiment_id)
    shown = trace.shown
    tags, metadata = dict(shown.tags), dict(shown.metadata)
    for span in event.spans:
        _put_span(trace, span, event)
    for key, claim in shown.tags.items():  # only what is new: a tag that was deleted stays so
        if claim is not tags.get(key):
            trace.tags.show(key, claim.value)
    for key, claim in shown.metadata.items():
        if claim is not metadata.get(key):
            trace.metadata.show(key, claim.value)
    _rename(trace)


def _put_span(trace: Trace, span: Span, event: TraceSpansLogged) -> None:
    there = trace.spans.get(span.span_id)
    ordinal = trace.span_count if there is None else int(str(there[_ORDINAL]))
    number, place = divmod(ordinal, SPANS_PER_CHUNK)
    chunk = trace.chunks.get(number)
    if chunk is None:
        chunk = trace.chunks[number] = ChunkOfSpans()
        trace.signatures[number] = set()
    resource, scope = _source(event.resources, span.resource), _source(event.scopes, span.scope)
    places = place_of(resource, chunk.resources), place_of(scope, chunk.scopes)
    stored = span
    if places != (span.resource, span.scope):
        stored = msgspec.structs.replace(span, resource=places[0], scope=places[1])
    if there is None:
        chunk.spans.append(stored)
        trace.added.setdefault(number, []).append(stored)
        trace.span_count += 1
    elif chunk.spans[place] == stored:
        return
    else:
        chunk.spans[place] = stored
        trace.signatures.pop(number, None)  # another span may have had the same attributes
        trace.trigrams.pop(number, None)
    attributes = whole(span.attributes, span.events)
    if number in trace.signatures:
        trace.signatures[number] |= hashes_of(span, attributes)
    usages = _usages(attributes)
    trace.spans[span.span_id] = _row(span, ordinal, attributes, usages, 0 if there is None else _hidden(there))
    telling = Telling(span.parent_id or None, usages)
    if telling.bits:
        trace.shown.tells_usage = True
    if trace.tree is not None and not trace.shown.gives_up_sums:
        _count(trace, trace.tree, span.span_id, telling)
    trace.changed_spans.add(span.span_id)
    trace.changed_chunks.add(number)
    trace.shown.take(span, resource, attributes)
    trace.changed = True


def _signature(trace: Trace, chunk_number: int) -> set[int]:
    known = trace.signatures.get(chunk_number)
    return hashes_of_spans(trace.chunks[chunk_number].spans) if known is None else known


def _trigrams(trace: Trace, chunk_number: int, chunk_bytes: int) -> bytes:
    """Those of all spans of a chunk, or if the filter has its size already, of the new ones beside it."""
    known, size = trace.trigrams.get(chunk_number), filter_bytes(chunk_bytes)
    if known is None or len(known) != size:
        return trigram_filter(trace.trace_id, trace.chunks[chunk_number].spans, size)
    return merged(known, trigram_filter(trace.trace_id, trace.added.get(chunk_number, ()), size))


def _count(trace: Trace, tree: SpanTree, span_id: str, telling: Telling) -> None:
    if tree.tells_otherwise(span_id, telling) and (trace.span_count > MAX_SPANS or not tree.is_whole):
        tree.count_anew()  # what is hidden stays as it was before
        trace.shown.gives_up_sums = True
    else:
        tree.put(span_id, telling)


def _source(sources: Sequence[Source], place: int) -> Source:
    return sources[place] if place < len(sources) else _NO_SOURCE


def _row(
    span: Span, ordinal: int, attributes: Mapping[str, object], usages: tuple[Usage | None, ...], hidden: int
) -> SpanRow:
    usage, cost = usages
    return (
        span.span_id,
        ordinal,
        span.parent_id or None,
        span.name,
        _text(attributes.get(SPAN_TYPE)),
        span.status,
        span.start_ns,
        span.end_ns or None,
        _text(attributes.get(MODEL)),
        _text(attributes.get(PROVIDER)),
        None if usage is None else usage_text(usage),
        *(_NO_COSTS if cost is None else map(cost.get, COSTS)),
        hidden,
    )


def _usages(attributes: Mapping[str, object]) -> tuple[Usage | None, ...]:
    """What a span tells of each of KINDS."""
    cost = usage_of(attributes, SPAN_COST, COSTS)
    return usage_of(attributes, USAGE, TOKENS), cost and {item: float(value) for item, value in cost.items()}


def _telling(span: Span) -> Telling:
    usages = _usages(whole(span.attributes, span.events)) if _may_tell_usage(span) else _NOTHING
    return Telling(span.parent_id or None, usages)


def _telling_of(row: Sequence[object]) -> Telling:
    usage = row[_USAGE_TEXT]
    costs = {item: value for item, value in zip(COSTS, row[_USAGE_TEXT + 1 :], strict=False) if value is not None}
    parent = row[_PARENT]
    return Telling(
        None if parent is None else str(parent),
        (
            None if usage is None else _usage.decode(str(usage)),
            {item: float(str(costs[item])) for item in costs} or None,
        ),
    )


def _hidden(row: Sequence[object]) -> int:
    return int(str(row[_HIDDEN]))


def _text(value: object) -> str | None:
    read = read_value(value)
    return read if isinstance(read, str) else None


def _sum_up(trace: Trace) -> None:
    """What the spans come to together, shown where a client told nothing: once for a batch."""
    tree, shown = trace.tree, trace.shown
    if not trace.changed_spans or (tree is None and not shown.gives_up_sums):
        return
    if shown.gives_up_sums:
        shown.sums.clear()
    elif tree is not None:
        tree.count_anew()
    usage, cost = (read_sums(shown.sums, items) for items in KINDS)
    _show_sum(trace, TOKEN_USAGE, usage)
    _show_sum(trace, COST, cost)
    kept = trace.metadata.kept.get(TOKEN_USAGE)
    if kept is None or not kept[1]:
        trace.usage = usage


def _show_sum(trace: Trace, key: str, now: Mapping[str, int | float] | None) -> None:
    if now is not None:
        trace.metadata.show(key, usage_text(now))
    elif (kept := trace.metadata.kept.get(key)) is not None and not kept[1]:
        trace.metadata.kept[key] = None
        trace.metadata.changed.add(key)


def _assess(trace: Trace, event: TraceAssessmentCreated) -> None:
    """What undoes a change of an assessment says it anew: it takes the place of what it found, and may be of one that
    took the place of another which was deleted since.
    """
    assessment = event.assessment
    is_there = trace.assessments.get(assessment.assessment_id) is not None
    if is_there and (event.undo is None or event.undo.found.get(f"{ASSESSMENTS}{assessment.assessment_id}") is None):
        raise ResourceAlreadyExists(f"Assessment id {assessment.assessment_id!r} is taken in this trace.")
    if assessment.overrides and event.undo is None and trace.assessments.get(assessment.overrides) is None:
        raise assessment_not_found(trace.trace_id, assessment.overrides)
    _put_assessment(trace, assessment, _assessment_row(assessment))


def _put_assessment(trace: Trace, assessment: Assessment, row: AssessmentRow) -> None:
    trace.assessments[assessment.assessment_id] = assessment
    trace.changed_assessments[assessment.assessment_id] = row


def _reassess(trace: Trace, event: TraceAssessmentUpdated) -> None:
    before = trace.assessments.get(event.assessment_id)
    if before is None:
        raise assessment_not_found(trace.trace_id, event.assessment_id)
    after = updated(before, event)
    _put_assessment(trace, after, _assessment_row(after))


def _assessment_row(assessment: Assessment) -> AssessmentRow:
    """Raises ValueError and others for a value that is no JSON, or a number beyond doubles."""
    value = msgspec.json.decode(assessment.value)
    is_numeric = isinstance(value, int | float) and not isinstance(value, bool)
    number: float | None = None
    if is_numeric or isinstance(value, bool):
        number = float(value)
    elif isinstance(value, str) and assessment.kind == FEEDBACK:
        number = _YES_NO.get(value.strip().lower())
    return (
        assessment.assessment_id,
        assessment.name,
        assessment.kind,
        assessment.value,
        number,
        int(is_numeric),
        assessment.create_time_ms,
        assessment.last_update_time_ms,
        assessment.overrides,
        assessment.metadata.get(SESSION),
        _encode(assessment).decode(),
    )


# --- rows ---------------------------------------------------------------------------------------------------------


def _changes(state: Traces) -> Iterator[Change]:
    gone = [(number,) for number in state.deleted]
    for table in (
        "traces",
        "trace_tags",
        "trace_metadata",
        "spans",
        "span_chunks",
        "span_signatures",
        "span_trigrams",
        "assessments",
        "trace_runs",
        "trace_prompts",
    ):
        yield DeleteBy(table, "trace_number", gone)
    traces = state.traces.values()
    for trace in traces:
        _sum_up(trace)
    yield Upsert("traces", [_trace_row(trace) for trace in traces if trace.changed])
    for table, name in (("trace_tags", "tags"), ("trace_metadata", "metadata")):
        rows = [getattr(trace, name).rows(trace.trace_number) for trace in traces]
        yield Upsert(table, [row for there, _ in rows for row in there])
        yield Delete(table, [row for _, taken in rows for row in taken])
    yield Upsert(
        "spans",
        [row for trace in traces for row in _span_rows(trace)],
    )
    chunks = [
        (trace, number, pack_chunk(trace.chunks[number])) for trace in traces for number in sorted(trace.changed_chunks)
    ]
    yield Upsert("span_chunks", [(trace.trace_number, number, data) for trace, number, data in chunks])
    yield Upsert(
        "span_signatures",
        [(trace.trace_number, number, pack_hashes(_signature(trace, number))) for trace, number, _ in chunks],
    )
    yield Upsert(
        "span_trigrams",
        [(trace.trace_number, number, _trigrams(trace, number, len(data))) for trace, number, data in chunks],
    )
    assessments = [
        (trace.trace_number, one, trace.changed_assessments[one])
        for trace in traces
        for one in sorted(trace.changed_assessments)
    ]
    yield Upsert("assessments", [(number, *row) for number, _, row in assessments if row is not None])
    yield Delete("assessments", [(number, one) for number, one, row in assessments if row is None])
    for table, name in (("trace_runs", "runs"), ("trace_prompts", "prompts")):
        rows = [getattr(trace, name).rows(trace.trace_number) for trace in traces]
        yield InsertNew(table, [row for there, _ in rows for row in there])
        yield Delete(table, [row for _, taken in rows for row in taken])


def _span_rows(trace: Trace) -> Iterator[Row]:
    tree = trace.tree
    for span_id in sorted(trace.changed_spans if tree is None else trace.changed_spans | tree.changed):
        row = trace.spans[span_id]
        yield (trace.trace_number, *row[:_HIDDEN], _hidden(row) if tree is None else tree.hidden.get(span_id, 0))


def _trace_row(trace: Trace) -> Row:
    what = facts(trace.told, trace.shown)
    usage = trace.usage or {}
    return (
        trace.trace_number,
        trace.trace_id,
        trace.experiment_id,
        what.request_time_ms,
        what.execution_duration_ms,
        what.state,
        trace.name,
        what.client_request_id,
        what.request_preview,
        what.response_preview,
        *(usage.get(item) for item in TOKENS),
        trace.span_count,
        None if trace.told is None else _encode(trace.told).decode(),
        _encode(trace.shown).decode() if trace.span_count else None,
        trace.session,
    )


TRACES: Final = Projection(get_args(AnyTraceEvent), _load, _fold, _changes)
