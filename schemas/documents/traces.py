"""The JSON of a trace and of an assessment, as clients of MLflow 3 and of MLflow 2 read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from schemas.events import Assessment
from schemas.protobuf_times import duration_text, time_text
from schemas.traces import EXPECTATION, FEEDBACK

SHOWN_KEY_CHARACTERS: Final = 250
SHOWN_TAG_CHARACTERS: Final = 4096
SHOWN_METADATA_CHARACTERS: Final = 250
"""What is answered of keys and values, whatever is kept. Source: MLflow 3.17."""

_V2_STATES: Final = {"STATE_UNSPECIFIED": "TRACE_STATUS_UNSPECIFIED"}


@dataclass(slots=True)
class TraceValues:
    """What is answered of a trace."""

    trace_id: str
    experiment_id: int
    request_time_ms: int
    execution_duration_ms: int | None
    state: str
    client_request_id: str | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    assessments: Sequence[tuple[Assessment, bool]] = ()
    """Each with whether it is valid: whether none takes its place."""


def trace_info(trace: TraceValues) -> dict[str, Any]:
    """The information of a trace, for clients of MLflow 3."""
    info: dict[str, Any] = {
        "trace_id": trace.trace_id,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": str(trace.experiment_id)},
        },
        "request_time": time_text(trace.request_time_ms),
        "state": trace.state,
    }
    if trace.client_request_id:
        info["client_request_id"] = trace.client_request_id
    if trace.execution_duration_ms is not None:
        info["execution_duration"] = duration_text(trace.execution_duration_ms)
    if trace.request_preview is not None:
        info["request_preview"] = trace.request_preview
    if trace.response_preview is not None:
        info["response_preview"] = trace.response_preview
    if trace.metadata:
        info["trace_metadata"] = _shown(trace.metadata, SHOWN_METADATA_CHARACTERS)
    if trace.tags:
        info["tags"] = _shown(trace.tags, SHOWN_TAG_CHARACTERS)
    if trace.assessments:
        info["assessments"] = [
            assessment_json(trace.trace_id, one, is_valid=is_valid) for one, is_valid in trace.assessments
        ]
    return info


def trace_info_v2(trace: TraceValues) -> dict[str, Any]:
    """The same for clients of MLflow 2."""
    info: dict[str, Any] = {
        "request_id": trace.trace_id,
        "experiment_id": str(trace.experiment_id),
        "timestamp_ms": trace.request_time_ms,
        "execution_time_ms": trace.execution_duration_ms or 0,
        "status": _V2_STATES.get(trace.state, trace.state),
    }
    if trace.metadata:
        info["request_metadata"] = _listed(_shown(trace.metadata, SHOWN_METADATA_CHARACTERS))
    if trace.tags:
        info["tags"] = _listed(_shown(trace.tags, SHOWN_TAG_CHARACTERS))
    return info


def assessment_json(trace_id: str, assessment: Assessment, *, is_valid: bool) -> dict[str, Any]:
    """An assessment of a trace."""
    value = msgspec.json.decode(assessment.value)
    found: dict[str, Any] = {
        "assessment_id": assessment.assessment_id,
        "assessment_name": assessment.name,
        "trace_id": trace_id,
    }
    if assessment.span_id:
        found["span_id"] = assessment.span_id
    source = {"source_type": assessment.source_type or "SOURCE_TYPE_UNSPECIFIED"}
    if assessment.source_id:
        source["source_id"] = assessment.source_id
    found["source"] = source
    found["create_time"] = time_text(assessment.create_time_ms)
    found["last_update_time"] = time_text(assessment.last_update_time_ms)
    if assessment.kind == FEEDBACK:
        found["feedback"] = _feedback(assessment, value)
    elif assessment.kind == EXPECTATION:
        found["expectation"] = _expectation(value)
    else:
        found["issue"] = {"issue_name": value}
    if assessment.rationale is not None:
        found["rationale"] = assessment.rationale
    if assessment.metadata:
        found["metadata"] = assessment.metadata
    if assessment.overrides:
        found["overrides"] = assessment.overrides
    found["valid"] = is_valid
    return found


def _feedback(assessment: Assessment, value: Any) -> dict[str, Any]:
    feedback: dict[str, Any] = {"value": value}
    if assessment.error is not None:
        named = {
            "error_code": assessment.error.code,
            "error_message": assessment.error.message,
            "stack_trace": assessment.error.stack_trace,
        }
        feedback["error"] = {key: text for key, text in named.items() if text}
    return feedback


def _expectation(value: Any) -> dict[str, Any]:
    if isinstance(value, list | dict):
        text = msgspec.json.format(msgspec.json.encode(value), indent=0).decode()
        return {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": text}}
    return {"value": value}


def _shown(pairs: Mapping[str, str], characters: int) -> dict[str, str]:
    return {key[:SHOWN_KEY_CHARACTERS]: pairs[key][:characters] for key in sorted(pairs)}


def _listed(pairs: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in pairs.items()]
