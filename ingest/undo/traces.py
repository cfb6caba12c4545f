"""How what people said of a trace is undone: its tags, its assessments, and what it is linked to."""

from collections.abc import Iterator, Mapping, Sequence
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
    TracePromptsUnlinked,
    TraceSpansLogged,
    TraceStarted,
    TraceTagDeleted,
    TraceTagSet,
    TraceUnlinkedFromRun,
)
from schemas.fields.field import NAME, TAGS, Held
from schemas.fields.traces import ASSESSMENTS, LINKED_PROMPTS, LINKED_RUNS, SHOWN, assessment_in, prompt_of
from schemas.levels import Level
from schemas.messages.traces import LinkTracesToRun
from schemas.rest.access import RUN, TRACE, On, Rule

_NOT_UNDONE: Final[Mapping[type, str]] = {
    TraceStarted: "What a client told of its trace is not undone; the trace may be deleted.",
    TraceEnded: "What a client told of its trace is not undone; the trace may be deleted.",
    TraceSpansLogged: "Spans that were logged stay; they go with their trace.",
    TraceDeleted: "A trace that was deleted is gone for good.",
}

_DELETED: Final = "The trace is deleted."
_SHOWN: Final = "Its spans show the tag, too: which value is theirs is not in the history."


async def _hindrance(_known: KnownEntities, _key: str, held: Held, change: Change, _wanted: Wanted) -> str | None:
    if held.get(NAME) is None:
        return _DELETED
    return _SHOWN if SHOWN in (change.found, change.wanted) else None


async def _events(_known: KnownEntities, trace_id: str, _held: Held, changes: Sequence[Change]) -> list[AnyEvent]:
    """Links to prompts, of which one event has many, together."""
    prompts = [change for change in changes if change.field.startswith(LINKED_PROMPTS)]
    events = [_event(trace_id, change) for change in changes if not change.field.startswith(LINKED_PROMPTS)]
    return events + list(_prompts(trace_id, prompts))


def _prompts(trace_id: str, changes: Sequence[Change]) -> Iterator[AnyEvent]:
    """At most one event that takes links back, and one that links."""
    for event, is_wanted in ((TracePromptsUnlinked, False), (TracePromptsLinked, True)):
        of_it = [change for change in changes if (change.wanted is not None) == is_wanted]
        if of_it:
            yield event(trace_id=trace_id, prompts=[prompt_of(one.field) for one in of_it], undo=undo_of(of_it))


def _event(trace_id: str, change: Change) -> AnyEvent:
    undo = undo_of([change])
    if change.field.startswith(ASSESSMENTS):
        if change.wanted is not None:
            return TraceAssessmentCreated(trace_id=trace_id, assessment=assessment_in(change.wanted), undo=undo)
        return TraceAssessmentDeleted(
            trace_id=trace_id, assessment_id=change.field.removeprefix(ASSESSMENTS), undo=undo
        )
    if change.field.startswith(LINKED_RUNS):
        linking = TraceUnlinkedFromRun if change.wanted is None else TraceLinkedToRun
        return linking(trace_id=trace_id, run_id=change.field.removeprefix(LINKED_RUNS), undo=undo)
    key = change.field.removeprefix(TAGS)
    if change.wanted is None:
        return TraceTagDeleted(trace_id=trace_id, key=key, undo=undo)
    return TraceTagSet(trace_id=trace_id, key=key, value=str(change.wanted), undo=undo)


_EDIT: Final[Rule] = (On(Level.EDIT, TRACE, "trace_ids"),)
_EDIT_BOTH: Final[Rule] = (*_EDIT, On(Level.EDIT, RUN, "run_id"))


def _rule(field: str) -> Rule:
    return _EDIT_BOTH if field.startswith(LINKED_RUNS) else _EDIT


def _judged_message(trace_id: str, field: str) -> LinkTracesToRun:
    return LinkTracesToRun(trace_ids=[trace_id], run_id=field.removeprefix(LINKED_RUNS))


TRACES_UNDOING: Final = Undoing(
    not_undone=_NOT_UNDONE,
    judged=Judged(_rule, _judged_message),
    hindrance=_hindrance,
    events=_events,
)
