"""What clients say of traces, as events hold it.

Source: MLflow 3.17's checks of assessments, where it answers what a client can mend.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec

from schemas.errors import InvalidParameterValue
from schemas.events import Assessment, AssessmentError, TraceAssessmentUpdated
from schemas.messages.bounds import shown
from schemas.messages.traces import (
    MAX_ASSESSMENT_VALUE_CHARACTERS,
    AssessmentFault,
    AssessmentGiven,
    ExpectationGiven,
    UpdateAssessment,
)
from schemas.protobuf_times import milliseconds
from schemas.traces import EXPECTATION, FEEDBACK, ISSUE

_JSON_FORMAT: Final = "JSON_FORMAT"
_SOURCES: Final = ("HUMAN", "LLM_JUDGE", "AI_JUDGE", "CODE")
_DEEPEST: Final = 100


def assessment(given: AssessmentGiven, now_ms: int, assessment_id: str) -> Assessment:
    """An assessment as a client says it, at a time and under an id that count where it says none.

    Raises InvalidParameterValue.
    """
    kind, value, error = _value(given)
    created_ms = _time(given.create_time, "create_time", now_ms)
    source = given.source
    source_type = "" if source is None else source.source_type.upper()
    return Assessment(
        assessment_id=given.assessment_id or assessment_id,
        name=given.assessment_name or (given.issue.issue_name if given.issue else ""),
        kind=kind,
        value=value,
        error=error,
        source_type=source_type if source_type in _SOURCES else "",
        source_id="" if source is None else source.source_id,
        create_time_ms=created_ms,
        last_update_time_ms=_time(given.last_update_time, "last_update_time", created_ms),
        rationale=given.rationale,
        metadata=dict(given.metadata),
        span_id=given.span_id,
        overrides=given.overrides,
    )


def id_of_told(trace_id: str, place: int, given: AssessmentGiven) -> str:
    """The id of an assessment that came with its trace: the same when the trace is told again."""
    said = msgspec.json.encode([trace_id, place, given], order="deterministic")
    return f"a-{sha256(said).hexdigest()[:32]}"


def update(command: UpdateAssessment, before: Assessment, now_ms: int) -> TraceAssessmentUpdated:
    """What a request changes of an assessment: the fields that its mask names, of which others are nothing here.

    Raises InvalidParameterValue.
    """
    given = command.assessment
    assert given is not None, "it is required"
    paths = {path.strip() for path in command.update_mask.split(",")}
    value: str | None = None
    error: AssessmentError | None = None
    for kind in (FEEDBACK, EXPECTATION):
        if kind in paths:
            if before.kind != kind:
                raise InvalidParameterValue(f"The assessment is of kind {before.kind}, and cannot become {kind}.")
            _, value, error = _value(given, kind)
    return TraceAssessmentUpdated(
        trace_id=command.trace_id,
        assessment_id=command.assessment_id,
        last_update_time_ms=now_ms,
        name=given.assessment_name if "assessmentName" in paths else None,
        value=value,
        error=error,
        rationale=(given.rationale or "") if "rationale" in paths else None,
        metadata=dict(given.metadata) if "metadata" in paths else {},
    )


def _value(given: AssessmentGiven, kind: str | None = None) -> tuple[str, str, AssessmentError | None]:
    """The kind, the value as JSON and the error of what is given."""
    if given.feedback is not None and kind in (None, FEEDBACK):
        return FEEDBACK, _json(given.feedback.value), _error(given.feedback.error)
    if given.expectation is not None and kind in (None, EXPECTATION):
        return EXPECTATION, _expectation(given.expectation), None
    if given.issue is not None and kind is None:
        return ISSUE, _json(given.issue.issue_name), None
    if kind == FEEDBACK:
        return FEEDBACK, "null", None
    raise InvalidParameterValue("Unknown assessment type: one of feedback, expectation and issue has to be given.")


def _error(fault: AssessmentFault | None) -> AssessmentError | None:
    return None if fault is None else AssessmentError(fault.error_code, fault.error_message, fault.stack_trace)


def _expectation(given: ExpectationGiven) -> str:
    if given.serialized_value is not None:
        if given.serialized_value.serialization_format != _JSON_FORMAT:
            raise InvalidParameterValue(
                f"Invalid serialization format {shown(given.serialized_value.serialization_format)}:"
                f" only {_JSON_FORMAT} is known."
            )
        try:
            value = msgspec.json.decode(given.serialized_value.value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidParameterValue(f"The serialized value of the expectation is no JSON: {error}") from error
    else:
        value = given.value
    if value is None:
        raise InvalidParameterValue("An expectation must have a value.")
    return _json(value)


def _json(value: Any) -> str:
    """A value as JSON; numbers are doubles, as in MLflow's messages."""
    text = msgspec.json.encode(_with_doubles(value, 0)).decode()
    if len(text) > MAX_ASSESSMENT_VALUE_CHARACTERS:
        raise InvalidParameterValue(
            f"The value of an assessment has {len(text)} characters, which exceeds the maximum length of"
            f" {MAX_ASSESSMENT_VALUE_CHARACTERS}."
        )
    return text


def _with_doubles(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise InvalidParameterValue(f"The value of an assessment is nested more than {_DEEPEST} deep.")
    match value:
        case bool() | None | str() | float():
            return value
        case int():
            return float(value) if abs(value) < 2**1000 else 0.0
        case list():
            return [_with_doubles(one, depth + 1) for one in value]
        case Mapping():
            return {key: _with_doubles(one, depth + 1) for key, one in value.items()}
        case _:
            return value


def _time(text: str | None, at: str, otherwise: int) -> int:
    return otherwise if text is None else milliseconds(text, at)
