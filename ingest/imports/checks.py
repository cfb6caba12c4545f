"""What an event that was first elsewhere has to be: what its fold and the tables take for granted.

Keys and texts are not held to the bounds of requests, which were others when they were written, but to those of the
tables. All raise InvalidParameterValue.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from ingest.label_schemas.decisions import TYPES
from ingest.review_queues.decisions import QUEUE_TYPES
from schemas.dataset_records import MAX_RECORD_CHARACTERS, characters_of
from schemas.errors import InvalidParameterValue
from schemas.events import (
    AnyEvent,
    Assessment,
    DatasetRecord,
    EvaluationDatasetRecordsSet,
    EvaluationDatasetRecordsUpserted,
    IssueCreated,
    IssueUpdated,
    LabelSchemaCreated,
    LabelSchemaUpdated,
    LoggedModelFinalized,
    ReviewQueueCreated,
    ReviewQueueItemStatusSet,
    RunCreated,
    RunDataLogged,
    RunModelLogged,
    RunUpdated,
    Source,
    Span,
    SpanEvent,
    TraceAssessmentCreated,
    TraceAssessmentUpdated,
    TraceEnded,
    TraceSpansLogged,
    TraceStarted,
    WholeRecord,
)
from schemas.events.registered_models import REGISTERED_MODELS
from schemas.events.scorers import SCORERS
from schemas.events.traces import TraceEvent
from schemas.messages.bounds import (
    MAX_DATASET_PROFILE_CHARACTERS,
    MAX_ID_CHARACTERS,
    MAX_NAME_CHARACTERS,
    MAX_RUN_NAME_CHARACTERS,
    shown,
)
from schemas.messages.traces import MAX_TOLD_CHARACTERS, MAX_TOLD_KEY_CHARACTERS
from schemas.metric_values import NON_FINITE
from schemas.mlflow import ISSUE_SEVERITIES, ISSUE_STATUSES, LARGEST_INT64, LEAST_INT64, REVIEW_STATUSES
from schemas.traces import (
    EXPECTATION,
    FEEDBACK,
    ISSUE,
    MAX_SPANS_OF_TRACE,
    MAX_TRACE_NAME_CHARACTERS,
    MAX_TRACE_SESSION_CHARACTERS,
    NAME_TAG,
    SESSION,
    SPAN_STATUSES,
    STATES,
    is_trace_id,
)

_LONG: Final = frozenset(
    {
        *("value", "description", "source", "schema", "profile", "model_json", "reason", "found"),
        *("request_preview", "response_preview", "rationale", "message", "status_message", "stack_trace"),
        *("trace_state", "serialized_scorer", "filter_string", "input", "instruction", "root_causes"),
        *("inputs", "outputs", "expectations", "tags"),
    }
)
"""Texts that no index holds. All others are keys, names and words."""
_LOCATIONS: Final = frozenset({"artifact_location", "artifact_uri", "storage_location", "run_link"})
MAX_LOCATION_CHARACTERS: Final = 8192
_NAMED_FREELY: Final = (RunCreated, RunUpdated, Span, SpanEvent, Source)
"""Their names are in no index, or have a bound of their own."""
_FREE_NAME_CHARACTERS: Final = 4096

_LEAST: Final = {"experiment_id": 0, "experiment_ids": 0, "version": 1, "start_ns": 0, "end_ns": 0}
_LARGEST: Final = {"version": 2**31 - 1, "status": 2**15 - 1}
_PATH_PART: Final = re.compile(r"[^/\\\x00-\x1f]+")
"""Ids are folders of artifacts."""
_SPAN_ID: Final = re.compile(r"[0-9a-f]{16}")
_LARGEST_KIND: Final = 5
"""Of a span, by OpenTelemetry's numbers."""


def check(event: AnyEvent) -> None:
    """What its fields have to be, each for itself and together."""
    _check_key(event)
    _check_together(event)
    for name, value in _fields(event):
        _check_value(name, value)


def _check_key(event: AnyEvent) -> None:
    key = event.stream_key
    is_id = event.kind not in (REGISTERED_MODELS, SCORERS)  # these are known by names
    if not key or (is_id and (key in (".", "..") or len(key) > MAX_ID_CHARACTERS or not _PATH_PART.fullmatch(key))):
        raise InvalidParameterValue(f"{shown(key)} cannot be the id of a {event.kind.name}.")
    if isinstance(event, TraceEvent) and not is_trace_id(key):
        raise InvalidParameterValue(f"{shown(key)} cannot be the id of a trace.")


def _check_together(event: AnyEvent) -> None:
    match event:
        case RunModelLogged():
            _check_object("model_json", event.model_json)
        case LoggedModelFinalized():
            if event.status not in range(4):
                raise InvalidParameterValue(f"there is no status {event.status} of a logged model.")
        case RunDataLogged():
            _check_points(event)
        case RunCreated() | RunUpdated():
            if len(event.name or "") > MAX_RUN_NAME_CHARACTERS:
                raise InvalidParameterValue(f"the name of the run exceeds {MAX_RUN_NAME_CHARACTERS} characters.")
        case TraceStarted() | TraceEnded():
            _check_word("state", event.state, STATES)
            _check_told(event.tags, NAME_TAG, MAX_TRACE_NAME_CHARACTERS)
            _check_told(event.metadata, SESSION, MAX_TRACE_SESSION_CHARACTERS)
            if isinstance(event, TraceStarted):
                for assessment in event.assessments:
                    _check_assessment(assessment)
        case TraceSpansLogged():
            _check_spans(event)
        case TraceAssessmentCreated():
            _check_assessment(event.assessment)
        case TraceAssessmentUpdated():
            _check_json("value", event.value)
        case EvaluationDatasetRecordsUpserted() | EvaluationDatasetRecordsSet():
            for record in event.records:
                _check_record(record)
        case IssueCreated() | IssueUpdated():
            _check_word("status", event.status, (None, *ISSUE_STATUSES))
            _check_word("severity", event.severity, (None, *ISSUE_SEVERITIES))
        case LabelSchemaCreated() | LabelSchemaUpdated():
            if isinstance(event, LabelSchemaCreated):
                _check_word("type", event.type, tuple(TYPES.values()))
            if event.input is not None:
                _check_object("input", event.input)
        case ReviewQueueCreated():
            _check_word("queue_type", event.queue_type, tuple(QUEUE_TYPES.values()))
        case ReviewQueueItemStatusSet():
            _check_word("status", event.status, REVIEW_STATUSES)
        case _:
            pass


def _check_points(event: RunDataLogged) -> None:
    for series in event.metrics:
        if not len(series.value) == len(series.timestamp_ms) == len(series.step) > 0:
            raise InvalidParameterValue(f"metric {shown(series.key)} has no points, or columns of different lengths.")
    values = [value for series in event.metrics for value in series.value] + [one.value for one in event.model_metrics]
    for value in values:
        if isinstance(value, str) and value not in NON_FINITE:
            raise InvalidParameterValue(f"{shown(value)} is no number.")


def _check_told(pairs: Mapping[str, str], name: str, most_characters: int) -> None:
    """The tags or the metadata of a trace; the value of one has a bound of its own."""
    for key, value in pairs.items():
        most = most_characters if key == name else MAX_TOLD_CHARACTERS
        if not 0 < len(key) <= MAX_TOLD_KEY_CHARACTERS or len(value) > most:
            raise InvalidParameterValue(f"its {shown(key)} is too long.")


def _check_spans(event: TraceSpansLogged) -> None:
    if len(event.spans) > MAX_SPANS_OF_TRACE:
        raise InvalidParameterValue(f"a trace may have at most {MAX_SPANS_OF_TRACE} spans.")
    for span in event.spans:
        if not _SPAN_ID.fullmatch(span.span_id) or (span.parent_id and not _SPAN_ID.fullmatch(span.parent_id)):
            raise InvalidParameterValue(f"{shown(span.span_id)} below {shown(span.parent_id)} is no id of a span.")
        if span.kind not in range(_LARGEST_KIND + 1) or span.status not in range(len(SPAN_STATUSES)):
            raise InvalidParameterValue(f"the span {span.span_id} has a kind or a status that is not known.")
        for place, sources in ((span.resource, event.resources), (span.scope, event.scopes)):
            if place not in range(len(sources) or 1):
                raise InvalidParameterValue(f"the span {span.span_id} is from what the event does not name.")


def _check_assessment(assessment: Assessment) -> None:
    _check_word("kind", assessment.kind, (FEEDBACK, EXPECTATION, ISSUE))
    if not assessment.assessment_id:
        raise InvalidParameterValue("an assessment has no id.")
    _check_json("value", assessment.value)


def _check_record(record: DatasetRecord | WholeRecord) -> None:
    if characters_of(record) > MAX_RECORD_CHARACTERS:
        raise InvalidParameterValue(f"a record may have at most {MAX_RECORD_CHARACTERS} characters.")
    for name in ("inputs", "expectations", "tags", "source"):
        text = getattr(record, name)
        if text is not None:
            _check_object(name, text)
    _check_json("outputs", record.outputs)


def _check_word(name: str, word: str | None, words: tuple[str | None, ...]) -> None:
    if word not in words:
        raise InvalidParameterValue(f"its {name} is {shown(str(word))}, which is none.")


def _check_json(name: str, text: str | None) -> None:
    """Raises for what is no JSON. NaN and infinities, which clients write, are taken."""
    if text is not None:
        _json(name, text)


def _check_object(name: str, text: str) -> None:
    if not isinstance(_json(name, text), dict):
        raise InvalidParameterValue(f"its {name} is no JSON object.")


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidParameterValue(f"its {name} is no JSON.") from error


def _fields(struct: Any) -> Iterator[tuple[str, Any]]:
    """Every text, number and list of texts or numbers, with the name of the field that it is in."""
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        if isinstance(value, msgspec.Struct):
            yield from _fields(value)
        elif isinstance(value, list) and value and isinstance(value[0], msgspec.Struct):
            for one in value:
                yield from _fields(one)
        elif isinstance(value, list):
            for one in value:
                yield name, one
        elif isinstance(value, dict):
            if name == "attributes":  # of spans: any JSON, which no table has columns for
                continue
            for key, one in value.items():
                yield "found", key
                yield "found", one
        elif name == "name" and isinstance(struct, _NAMED_FREELY):
            if len(value or "") > _FREE_NAME_CHARACTERS and not isinstance(struct, RunCreated | RunUpdated):
                raise InvalidParameterValue(f"a name has more than {_FREE_NAME_CHARACTERS} characters.")
        else:
            yield name, value


def _check_value(name: str, value: Any) -> None:
    if isinstance(value, str):
        if name in ("old", "new") and value not in NON_FINITE:
            raise InvalidParameterValue(f"{shown(value)} is no number.")
        most = _most_characters(name)
        if len(value) > most:
            raise InvalidParameterValue(f"its {name} has {len(value)} characters, more than {most}.")
    elif isinstance(value, int) and not isinstance(value, bool):
        least, largest = _LEAST.get(name, LEAST_INT64), _LARGEST.get(name, LARGEST_INT64)
        if not least <= value <= largest:
            raise InvalidParameterValue(f"its {name} {value} is out of range.")


def _most_characters(name: str) -> int:
    if name in _LONG:
        return MAX_DATASET_PROFILE_CHARACTERS
    return MAX_LOCATION_CHARACTERS if name in _LOCATIONS else MAX_NAME_CHARACTERS
