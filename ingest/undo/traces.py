"""How what people said of a trace is undone: its tags, and its assessments."""

from collections.abc import Mapping, Sequence
from typing import Final

from ingest.admission.known_entities import KnownEntities
from ingest.undo.trace import Change
from ingest.undo.undoing import Judged, Undoing, Wanted, undo_of
from schemas.events import (
    AnyEvent,
    TraceAssessmentCreated,
    TraceAssessmentDeleted,
    TraceDeleted,
    TraceEnded,
    TraceLinkedToRun,
    TracePromptsLinked,
    TraceSpansLogged,
    TraceStarted,
    TraceTagDeleted,
    TraceTagSet,
)
from schemas.fields.field import NAME, TAGS, Held
from schemas.fields.traces import ASSESSMENTS, SHOWN, assessment_in
from schemas.messages.traces import DeleteAssessment
from schemas.rest.rules import EDIT_TRACE

_NOT_UNDONE: Final[Mapping[type, str]] = {
    TraceStarted: "What a client told of its trace is not undone; the trace may be deleted.",
    TraceEnded: "What a client told of its trace is not undone; the trace may be deleted.",
    TraceSpansLogged: "Spans that were logged stay; they go with their trace.",
    TraceLinkedToRun: "A link of a trace to a run stays: no event takes it back.",
    TracePromptsLinked: "A link of a trace to prompts stays: no event takes it back.",
    TraceDeleted: "A trace that was deleted is gone for good.",
}

_DELETED: Final = "The trace is deleted."
_SHOWN: Final = "Its spans show the tag, too: which value is theirs is not in the history."


async def _hindrance(_known: KnownEntities, _key: str, held: Held, change: Change, _wanted: Wanted) -> str | None:
    if held.get(NAME) is None:
        return _DELETED
    return _SHOWN if SHOWN in (change.found, change.wanted) else None


async def _events(_known: KnownEntities, trace_id: str, _held: Held, changes: Sequence[Change]) -> list[AnyEvent]:
    return [_event(trace_id, change) for change in changes]


def _event(trace_id: str, change: Change) -> AnyEvent:
    undo = undo_of([change])
    if change.field.startswith(ASSESSMENTS):
        if change.wanted is not None:
            return TraceAssessmentCreated(trace_id=trace_id, assessment=assessment_in(change.wanted), undo=undo)
        return TraceAssessmentDeleted(
            trace_id=trace_id, assessment_id=change.field.removeprefix(ASSESSMENTS), undo=undo
        )
    key = change.field.removeprefix(TAGS)
    if change.wanted is None:
        return TraceTagDeleted(trace_id=trace_id, key=key, undo=undo)
    return TraceTagSet(trace_id=trace_id, key=key, value=str(change.wanted), undo=undo)


TRACES_UNDOING: Final = Undoing(
    not_undone=_NOT_UNDONE,
    judged=Judged(lambda _field: EDIT_TRACE, lambda trace_id: DeleteAssessment(trace_id=trace_id)),
    hindrance=_hindrance,
    events=_events,
)
