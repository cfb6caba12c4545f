"""What the events of a trace set of what people say of it: its tags, its assessments, and what it is linked to.

Spans show tags too. What they come to the fold alone knows, so of these only that they are shown is followed.
"""

from collections.abc import Mapping
from typing import Final, assert_never

import msgspec

from schemas.events import (
    AnyTraceEvent,
    Assessment,
    PromptVersion,
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
from schemas.fields.field import NAME, TAGS, THERE, Held, Value
from schemas.traces import TRACE_TAG_PREFIX

ASSESSMENTS: Final = "assessments."
"""Each by its id, and as JSON."""

LINKED_RUNS: Final = "linked_runs."
"""By their ids."""

LINKED_PROMPTS: Final = "linked_prompts."
"""By name and version."""

SHOWN: Final = 0
"""What a tag holds that spans may show and no client told; what is told is text."""

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_assessment: Final = msgspec.json.Decoder(Assessment)


def set_by_trace_event(event: AnyTraceEvent, held: Held) -> Mapping[str, Value]:
    match event:
        case TraceStarted():
            told = {f"{ASSESSMENTS}{one.assessment_id}": assessment_text(one) for one in event.assessments}
            new = {field: text for field, text in told.items() if held.get(field) is None}
            return {NAME: event.trace_id, **_tags(event.tags), **new}
        case TraceEnded():
            return _tags(event.tags)
        case TraceSpansLogged():
            return {NAME: event.trace_id, **{field: SHOWN for field in _shown(event) if held.get(field) is None}}
        case TraceTagSet():
            return _tags({event.key: event.value})
        case TraceTagDeleted():
            return {f"{TAGS}{event.key}": None}
        case TraceAssessmentCreated():
            return {f"{ASSESSMENTS}{event.assessment.assessment_id}": assessment_text(event.assessment)}
        case TraceAssessmentUpdated():
            field = f"{ASSESSMENTS}{event.assessment_id}"
            before = held.get(field)
            return {} if before is None else {field: assessment_text(updated(assessment_in(before), event))}
        case TraceAssessmentDeleted():
            return {f"{ASSESSMENTS}{event.assessment_id}": None}
        case TraceDeleted():
            return dict.fromkeys(held)
        case TraceLinkedToRun():
            return {f"{LINKED_RUNS}{event.run_id}": THERE}
        case TraceUnlinkedFromRun():
            return {f"{LINKED_RUNS}{event.run_id}": None}
        case TracePromptsLinked():
            return dict.fromkeys(map(prompt_field, event.prompts), THERE)
        case TracePromptsUnlinked():
            return dict.fromkeys(map(prompt_field, event.prompts))
        case _:
            assert_never(event)


def prompt_field(prompt: PromptVersion) -> str:
    """The name of the field of a version of a prompt that a trace is linked to."""
    return f"{LINKED_PROMPTS}{prompt.name}/{prompt.version}"


def prompt_of(field: str) -> PromptVersion:
    """The version of a prompt that a field names."""
    name, _, version = field.removeprefix(LINKED_PROMPTS).rpartition("/")
    return PromptVersion(name, int(version))


def assessment_text(assessment: Assessment) -> str:
    """An assessment as a field holds it."""
    return _encode(assessment).decode()


def assessment_in(value: Value) -> Assessment:
    """The assessment that a field holds."""
    return _assessment.decode(str(value))


def updated(before: Assessment, event: TraceAssessmentUpdated) -> Assessment:
    """What an update makes of an assessment."""
    return msgspec.structs.replace(
        before,
        last_update_time_ms=max(before.last_update_time_ms, event.last_update_time_ms),
        name=before.name if event.name is None else event.name,
        value=before.value if event.value is None else event.value,
        error=before.error if event.value is None else event.error,
        rationale=before.rationale if event.rationale is None else event.rationale,
        metadata={**before.metadata, **event.metadata},
    )


def _tags(tags: Mapping[str, str]) -> dict[str, Value]:
    return {f"{TAGS}{key}": value for key, value in tags.items()}


def _shown(event: TraceSpansLogged) -> set[str]:
    """Every tag that the spans may show."""
    keys = {key for resource in event.resources for key in resource.attributes}
    roots = (span for span in event.spans if not span.parent_id)
    keys.update(key.removeprefix(TRACE_TAG_PREFIX) for span in roots for key in span.attributes)
    return {f"{TAGS}{key}" for key in keys}
